import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import { History } from './history.ts';

const entity = entityId('counter', 'c-1');

function row(seq: number, total: number, given: Partial<JournalEntry> = {}): JournalEntry {
  return {
    position: seq,
    entity,
    seq,
    shard: 1,
    epoch: 1,
    commandId: CommandId.parse(`k-${seq}`),
    kind: 'Added',
    event: { amount: 1, total },
    timeMs: 0,
    by: { user: 'client', via: 'http' },
    logPosition: 0,
    before: null,
    after: null,
    ...given,
  };
}

function historyOf(...answers: readonly { readonly seq: number; readonly total: number }[]): History {
  const history = new History();
  answers.forEach((answer, index) => {
    const commandId = `k-${index + 1}`;
    history.sent({ entity, amount: 1, commandId, user: 'client' });
    history.answered(commandId, { ok: true, result: answer, repeated: false });
  });
  return history;
}

const good = [row(1, 1), row(2, 2), row(3, 3)];
const answers = [
  { seq: 1, total: 1 },
  { seq: 2, total: 2 },
  { seq: 3, total: 3 },
];

test('a history without damage passes', () => {
  historyOf(...answers).check(good);
});

test('each kind of damage is found', () => {
  const broken: [JournalEntry[], RegExp][] = [
    [good.slice(0, 2), /acknowledged and is lost/],
    [[row(1, 1), row(3, 2)], /a hole/],
    [[row(1, 1), row(2, 1, { event: { amount: 1, total: 1 } })], /not its own/],
    [[row(1, 1, { epoch: 2 }), row(2, 2)], /below the fence/],
    [[row(1, 1), row(2, 2, { commandId: CommandId.parse('k-1') })], /twice/],
    [[...good, row(4, 4)], /nobody sent k-4/],
    [
      [row(1, 1, { commandId: CommandId.parse('k-2') }), row(2, 2, { commandId: CommandId.parse('k-1') }), row(3, 3)],
      /Expected values to be strictly deep-equal/,
    ],
  ];
  for (const [rows, found] of broken) assert.throws(() => historyOf(...answers).check(rows), found);
});

test('what was sent after an answer may not stand before it', () => {
  const history = historyOf({ seq: 2, total: 2 });
  history.sent({ entity, amount: 1, commandId: 'k-late', user: 'client' });
  const rows = [row(1, 1, { commandId: CommandId.parse('k-late') }), row(2, 2, { commandId: CommandId.parse('k-1') })];
  assert.throws(() => history.check(rows), /stands before what was answered/);
});

test('a command may not be answered in two ways', () => {
  const history = historyOf({ seq: 1, total: 1 });
  const other = { ok: true, result: { seq: 2, total: 2 }, repeated: true } as const;
  assert.throws(() => history.answered('k-1', other), /answered in two ways/);
});
