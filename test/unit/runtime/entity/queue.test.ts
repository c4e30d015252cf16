import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../../../runtime/entity/message.ts';
import { EntityQueue, INPUT_CAPACITY } from '../../../../runtime/entity/queue.ts';
import { CommandId, entityId } from '../../../../runtime/ids.ts';
import { LocalCell } from '../../../../runtime/nact/cell.ts';
import { until } from '../../../support/condition.ts';

const COMMANDS = 3;
const A = entityId('tally', 'a');
const B = entityId('tally', 'b');

/** A queue behind a turn that hangs until it is told to end. */
async function hanging() {
  const cell = new LocalCell();
  const taken: Message[] = [];
  const overflows: string[] = [];
  let end = () => {};
  const hang = new Promise<void>((resolve) => (end = resolve));
  const queue = new EntityQueue(
    cell,
    COMMANDS,
    (message) => {
      taken.push(message);
      return taken.length === 1 ? hang : undefined;
    },
    (message, what) => overflows.push(`${message} ${what}`),
  );
  queue.post({ kind: 'snapshot', upTo: 0, take: () => {} });
  await until('the turn hangs', () => taken.length === 1);
  const rest = async () => {
    end();
    await until('all was taken', () => queue.size === 0);
    cell.stop();
    return taken.slice(1);
  };
  return { queue, overflows, rest };
}

const input: Message = { kind: 'input', input: 1, taken: () => {}, refused: () => {} };
const command: Message = {
  kind: 'command',
  command: {},
  sent: { commandId: CommandId.parse('c'), commandHash: '', by: { user: 'u', via: 'http' }, permissions: [] },
  reply: () => {},
};

test('commands and inputs have a bound each, are refused beyond it, counted, and taken again when there is room', async () => {
  const { queue, overflows, rest } = await hanging();
  for (let count = 0; count < COMMANDS; count++) assert.equal(queue.post(command), 'posted');
  assert.equal(queue.post(command), 'full');
  for (let count = 0; count < INPUT_CAPACITY; count++) assert.equal(queue.post(input), 'posted');
  assert.equal(queue.post(input), 'full');
  assert.deepEqual(overflows, ['command refused', 'input refused']);
  assert.equal((await rest()).length, COMMANDS + INPUT_CAPACITY);
  assert.equal(queue.post(command), 'posted');
  assert.equal(queue.post(input), 'posted');
});

test('of notes the newest waits, of views the newest of each entity', async () => {
  const { queue, overflows, rest } = await hanging();
  for (let note = 0; note < 1000; note++) queue.post({ kind: 'note', note });
  for (let total = 0; total < 1000; total++)
    queue.post({ kind: 'watch', changed: new Map([[A, { props: { total } }]]) });
  queue.post({ kind: 'watch', changed: new Map([[B, { props: { total: 7 } }]]) });
  assert.equal(queue.size, 2);
  assert.equal(overflows.filter((overflow) => overflow === 'note replaced').length, 999);
  assert.equal(overflows.filter((overflow) => overflow === 'watch replaced').length, 999);
  assert.deepEqual(await rest(), [
    { kind: 'note', note: 999 },
    {
      kind: 'watch',
      changed: new Map([
        [A, { props: { total: 999 } }],
        [B, { props: { total: 7 } }],
      ]),
    },
  ]);
  queue.post({ kind: 'note', note: 'later' });
  assert.equal(queue.size, 1, 'what was taken is no longer replaced');
});

test('a clock that goes on ticking behind a turn that hangs asks once', async () => {
  const { queue, rest } = await hanging();
  for (let tick = 0; tick < 1000; tick++) {
    queue.post({ kind: 'due' });
    queue.post({ kind: 'emit' });
    queue.post({ kind: 'recover' });
  }
  assert.deepEqual(
    (await rest()).map(({ kind }) => kind),
    ['due', 'emit', 'recover'],
  );
  queue.post({ kind: 'due' });
  assert.equal(queue.size, 1);
});
