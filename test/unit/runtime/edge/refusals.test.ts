import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusals } from '../../../../runtime/edge/refusals.ts';
import { CommandId, entityId } from '../../../../runtime/ids.ts';
import type { Reply } from '../../../../runtime/runtime.ts';

const tank = entityId('asset', 'tank');
const asked = (id: string, user = 'ann') => ({ commandId: CommandId.parse(id), by: { user, via: 'http' } }) as const;
const refusal = (code: string): Reply => ({ ok: false, code, message: '' });

test('a command that was refused stays so for its sender, for longer than a copy may be under way', () => {
  let nowMs = 0;
  const refusals = new Refusals(() => nowMs);
  refusals.note(tank, asked('a'), refusal('ALARM_NOT_ACTIVE'));
  nowMs = 15 * 60_000;
  refusals.note(tank, asked('b'), refusal('FORBIDDEN'));
  assert.deepEqual(refusals.of(tank, asked('a')), refusal('ALARM_NOT_ACTIVE'));
  assert.equal(refusals.of(tank, asked('a', 'bob')), undefined, 'the id of somebody else is another command');
  nowMs = 21 * 60_000;
  refusals.note(tank, asked('c'), refusal('FORBIDDEN'));
  assert.equal(refusals.of(tank, asked('a')), undefined);
  assert.ok(refusals.of(tank, asked('b')));
});

test('what was not decided, and what was accepted, is none', () => {
  const refusals = new Refusals();
  for (const code of ['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED'])
    refusals.note(tank, asked(code), refusal(code));
  refusals.note(tank, asked('ok'), { ok: true, result: null, repeated: false });
  for (const id of ['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED', 'ok'])
    assert.equal(refusals.of(tank, asked(id)), undefined, id);
});

test('no more than so many are remembered, the newest', () => {
  const refusals = new Refusals(() => 0);
  for (let n = 0; n < 10_010; n++) refusals.note(tank, asked(`c-${n}`), refusal('FORBIDDEN'));
  assert.equal(refusals.of(tank, asked('c-9')), undefined);
  assert.ok(refusals.of(tank, asked('c-10')));
  assert.ok(refusals.of(tank, asked('c-10009')));
});
