import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unrecorded, type UnrecordedTurn } from '../../../../runtime/entity/unrecorded.ts';

const EPOCH = 3;
const turn = (firstSeq: number, timeMs: number, ...kinds: string[]): UnrecordedTurn => ({
  firstSeq,
  epoch: EPOCH,
  timeMs,
  events: kinds.map((kind) => ({ kind })),
});
const rows = (...turns: UnrecordedTurn[]) =>
  turns.flatMap(({ events, timeMs, epoch }) => events.map(({ kind }) => ({ kind, timeMs, epoch })));

const [first, second, third] = [turn(8, 100, 'Raised'), turn(9, 110, 'Cleared', 'Raised'), turn(11, 120, 'Cleared')];

function sent(...turns: UnrecordedTurn[]): Unrecorded<UnrecordedTurn> {
  const unrecorded = new Unrecorded<UnrecordedTurn>('state', 100);
  for (const each of turns) unrecorded.add(each);
  unrecorded.sent(turns);
  return unrecorded;
}

test('what is kept is numbered behind what the journal has', () => {
  const unrecorded = sent(first, second);
  assert.equal(unrecorded.nextSeq(7), 11);
  unrecorded.taken();
  assert.deepEqual(unrecorded.turns, [second]);
  assert.equal(unrecorded.nextSeq(8), 11);
  assert.equal(unrecorded.isDoubtful, true);
  unrecorded.taken();
  assert.equal(unrecorded.isDoubtful, false);
});

test('of turns without an answer those count as recorded that the journal has, and no others', () => {
  for (const [has, seq, left] of [
    [[], 7, [first, second, third]],
    [[first], 8, [second, third]],
    [[first, second], 10, [third]],
    [[first, second, third], 11, []],
  ] as const) {
    const unrecorded = sent(first, second, third);
    assert.equal(unrecorded.settle(7, rows(...has)), seq);
    assert.deepEqual(unrecorded.turns, left);
    assert.deepEqual([unrecorded.superseded, unrecorded.isDoubtful], [false, false]);
  }
});

test('where the journal has anything else, all of it counts for nothing', () => {
  const others = [
    rows(turn(8, 100, 'Acknowledged')),
    rows(turn(8, 99, 'Raised')),
    rows({ ...first, epoch: EPOCH + 1 }),
    rows(first, turn(9, 110, 'Cleared')),
    rows(first, second, third, turn(12, 130, 'Raised')),
  ];
  for (const has of others) {
    const unrecorded = sent(first, second, third);
    unrecorded.settle(7, has);
    assert.equal(unrecorded.superseded, true);
  }
});

test('a command that had no answer comes before all that was decided after it', () => {
  const command = turn(8, 90, 'Acknowledged');
  for (const [has, superseded] of [
    [rows(command), true],
    [[], false],
  ] as const) {
    const unrecorded = new Unrecorded<UnrecordedTurn>('state', 100);
    unrecorded.sent([command]);
    unrecorded.add(first);
    unrecorded.settle(7, has);
    assert.equal(unrecorded.superseded, superseded);
    assert.deepEqual(unrecorded.turns, [first]);
  }
});

test('more than is kept is decided again', () => {
  const unrecorded = new Unrecorded<UnrecordedTurn>('state', 100);
  for (let nth = 0; nth < 32; nth++) unrecorded.add(turn(8 + nth, nth, 'Raised'));
  assert.equal(unrecorded.superseded, false);
  unrecorded.add(turn(40, 40, 'Raised'));
  assert.equal(unrecorded.superseded, true);
});
