import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusals } from '../../../../runtime/edge/refusals.ts';
import { CommandId, entityId } from '../../../../runtime/ids.ts';
import type { Reply } from '../../../../runtime/runtime.ts';

const tank = entityId('asset', 'tank');
const asked = (id: string, user = 'ann', command: unknown = { kind: 'AcknowledgeAlarm' }) =>
  ({ commandId: CommandId.parse(id), by: { user, via: 'http' }, command }) as const;
const refusal = (code: string): Reply => ({ ok: false, code, message: '' });
const accepted: Reply = { ok: true, result: null, repeated: false };

/** What a database would keep, with the times of its trims. */
class Memory {
  readonly kept = new Map<string, Reply>();
  readonly trims: [number, number][] = [];
  away = false;

  async refusal(key: string): Promise<Reply | undefined> {
    if (this.away) throw new Error('the database is away');
    return this.kept.get(key);
  }

  async refuse(key: string, reply: Reply): Promise<void> {
    if (this.away) throw new Error('the database is away');
    this.kept.set(key, reply);
  }

  async trimRefusals(beforeMs: number, most: number): Promise<void> {
    this.trims.push([beforeMs, most]);
  }
}

test('a command that was refused stays so for its sender, at whoever is begun on the same database', async () => {
  const memory = new Memory();
  const first = new Refusals(memory);
  assert.deepEqual(
    await first.once(tank, asked('a'), async () => refusal('ALARM_NOT_ACTIVE')),
    refusal('ALARM_NOT_ACTIVE'),
  );
  const second = new Refusals(memory);
  assert.deepEqual(await second.once(tank, asked('a'), async () => accepted), refusal('ALARM_NOT_ACTIVE'));
  assert.deepEqual(await second.once(tank, asked('a', 'bob'), async () => accepted), accepted, 'of somebody else');
});

test('an answer that decides nothing is not kept, nor is one that accepts', async () => {
  const refusals = new Refusals(new Memory());
  for (const code of ['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED', 'STALE_ROUTE', 'COMMAND_ID_REUSED']) {
    assert.deepEqual(await refusals.once(tank, asked(code), async () => refusal(code)), refusal(code));
    assert.deepEqual(await refusals.once(tank, asked(code), async () => accepted), accepted);
  }
  await refusals.once(tank, asked('ok'), async () => accepted);
  const repeated: Reply = { ...accepted, repeated: true };
  assert.deepEqual(await refusals.once(tank, asked('ok'), async () => repeated), repeated);
});

test('a copy that comes while the first is being decided has the answer of the first', async () => {
  const refusals = new Refusals(new Memory());
  let decide: (reply: Reply) => void = () => undefined;
  const first = refusals.once(tank, asked('a'), () => new Promise((resolve) => (decide = resolve)));
  const second = refusals.once(tank, asked('a'), async () => accepted);
  await new Promise((resolve) => setImmediate(resolve));
  decide(refusal('ALARM_NOT_ACTIVE'));
  assert.deepEqual(await Promise.all([first, second]), [refusal('ALARM_NOT_ACTIVE'), refusal('ALARM_NOT_ACTIVE')]);
});

test('a copy of what is being accepted is told that it is a repeat', async () => {
  const refusals = new Refusals(new Memory());
  const copies = [refusals.once(tank, asked('a'), async () => accepted), refusals.once(tank, asked('a'), assert.fail)];
  assert.deepEqual(await Promise.all(copies), [accepted, { ...accepted, repeated: true }]);
});

test('another command under the same id is no copy: it has neither the answer nor the refusal of the first', async () => {
  const refusals = new Refusals(new Memory());
  const other = asked('a', 'ann', { kind: 'SuppressAlarm' });
  const reused = refusal('COMMAND_ID_REUSED');
  const both = [refusals.once(tank, asked('a'), async () => accepted), refusals.once(tank, other, async () => reused)];
  assert.deepEqual(await Promise.all(both), [accepted, reused]);
  await refusals.once(tank, asked('b'), async () => refusal('ALARM_NOT_ACTIVE'));
  assert.deepEqual(
    await refusals.once(tank, { ...other, commandId: CommandId.parse('b') }, async () => accepted),
    accepted,
  );
});

test('a refusal that cannot be kept is not told', async () => {
  const memory = new Memory();
  const refusals = new Refusals(memory);
  const asking = refusals.once(tank, asked('a'), async () => {
    memory.away = true;
    return refusal('ALARM_NOT_ACTIVE');
  });
  await assert.rejects(asking, /the database is away/);
  memory.away = false;
  assert.deepEqual(
    await refusals.once(tank, asked('a'), async () => accepted),
    accepted,
    'so the next copy is decided',
  );
});

test('old ones go with the first, and again after a hundred', async () => {
  const memory = new Memory();
  const refusals = new Refusals(memory, () => 100_000_000);
  for (let n = 0; n < 102; n++) await refusals.once(tank, asked(`c-${n}`), async () => refusal('FORBIDDEN'));
  assert.deepEqual(memory.trims, [
    [13_600_000, 10_000],
    [13_600_000, 10_000],
  ]);
});
