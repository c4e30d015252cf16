import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingCommands, toldOf } from '../../../../runtime/edge/pending-commands.ts';
import { CommandId, entityId } from '../../../../runtime/ids.ts';
import type { Reply } from '../../../../runtime/runtime.ts';

const pump = entityId('asset', 'pump');
const ok: Reply = { ok: true, result: null, repeated: false };

function offered(id: string, nowMs = 0, ttlMs = 1000) {
  const options = { commandId: CommandId.parse(id), by: { user: 'ann', via: 'http' }, permissions: ['*'] } as const;
  return { to: pump, command: { kind: 'AcknowledgeAlarm' }, options, nowMs, ttlMs };
}

test('a command is taken once until it is returned, and answered once to all who wait for it', () => {
  const commands = new PendingCommands(10);
  const first = commands.offer(offered('a'));
  const again = commands.offer(offered('a', 5));
  assert.ok(first);
  assert.equal(again, first, 'a repeat joins it');
  const told: Reply[] = [];
  first.waiters.push((reply) => told.push(reply));
  first.waiters.push((reply) => told.push(reply));
  assert.deepEqual(commands.take(1), [first]);
  assert.deepEqual(commands.take(1), []);
  commands.returned(first);
  assert.deepEqual(commands.take(2), [first]);
  commands.answered(first, ok);
  commands.answered(first, { ok: false, code: 'LATE', message: '' });
  assert.deepEqual(told, [ok, ok]);
  assert.equal(commands.size, 0);
});

test('past its time a command is never taken; what is said of it depends on whether it was ever sent', () => {
  const commands = new PendingCommands(10);
  const told = new Map<string, string>();
  for (const id of ['never sent', 'sent']) {
    const pending = commands.offer(offered(id, 0, id === 'sent' ? 50 : 100));
    pending?.waiters.push((reply) => told.set(id, reply.ok ? 'ok' : reply.code));
  }
  // Only the one that is sent first.
  const [sent] = commands.take(10).filter(({ options }) => options.commandId === 'sent');
  const [other] = [...(commands.views().get(pump) ?? [])];
  assert.equal(other?.state, 'sent');
  assert.ok(sent);
  commands.returned(sent);
  assert.equal(commands.expire(49).length, 0);
  assert.deepEqual(
    commands.expire(50).map(({ options }) => options.commandId),
    ['sent'],
  );
  assert.equal(told.get('sent'), 'TIMEOUT');

  const fresh = new PendingCommands(10);
  const pending = fresh.offer(offered('x', 0, 100));
  pending?.waiters.push((reply) => told.set('x', reply.ok ? 'ok' : reply.code));
  assert.deepEqual(fresh.take(100), [], 'it is past its time');
  fresh.expire(100);
  assert.equal(told.get('x'), 'EXPIRED');
});

test('one that is under way when its time ends is waited for', () => {
  const commands = new PendingCommands(10);
  const pending = commands.offer(offered('a', 0, 10));
  assert.ok(pending);
  commands.take(5);
  assert.equal(commands.expire(1000).length, 0);
  commands.answered(pending, ok);
  assert.equal(commands.size, 0);
});

test('so many wait and no more, in the order in which they came', () => {
  const commands = new PendingCommands(2);
  assert.ok(commands.offer(offered('a')));
  assert.ok(commands.offer(offered('b')));
  assert.equal(commands.offer(offered('c')), undefined);
  assert.deepEqual(
    commands.take(0).map(({ options }) => options.commandId),
    ['a', 'b'],
  );
  const [view] = commands.views().get(pump) ?? [];
  assert.deepEqual(view, {
    commandId: 'a',
    kind: 'AcknowledgeAlarm',
    rule: null,
    by: 'ann',
    sinceMs: 0,
    expiresAtMs: 1000,
    state: 'sent',
  });
});

test('of a command its kind and the rule that it is about are told, and nothing else', () => {
  assert.deepEqual(toldOf({ kind: 'AcknowledgeAlarm', rule: 'hot', comment: 'seen' }), {
    kind: 'AcknowledgeAlarm',
    rule: 'hot',
  });
  assert.deepEqual(toldOf({ kind: 'CreateRule', rule: { name: 'Hot' } }), { kind: 'CreateRule', rule: null });
  for (const none of [null, 7, 'x', {}, []]) assert.deepEqual(toldOf(none), { kind: '', rule: null });
});
