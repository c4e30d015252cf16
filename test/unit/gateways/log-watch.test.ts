import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogWatch } from '../../../gateways/log-watch.ts';

function bench() {
  let nowMs = 10_000;
  let refusal: string | undefined;
  const told: (number | null)[] = [];
  const watch = new LogWatch({ refusal: () => refusal, told: (sinceMs) => told.push(sinceMs), now: () => nowMs });
  return {
    watch,
    told,
    refuse: (reason: string | undefined) => (refusal = reason),
    at(ms: number) {
      nowMs = ms;
      watch.look();
    },
  };
}

/** An append that the test ends. */
function append() {
  let taken = () => {};
  let refused: (error: Error) => void = () => {};
  const stored = new Promise<void>((resolve, reject) => {
    taken = resolve;
    refused = reject;
  });
  return { stored, taken, refused };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('an append that waits for long says that the log is away since it began, and again each second', async () => {
  const { watch, told, at } = bench();
  const first = append();
  void watch.track(first.stored);
  at(10_499);
  assert.deepEqual(told, []);
  at(10_500);
  at(10_750);
  at(11_500);
  assert.deepEqual(told, [10_000, 10_000]);
  first.taken();
  await settled();
  at(11_750);
  assert.deepEqual(told, [10_000, 10_000, null]);
  assert.equal(watch.awaySinceMs, null);
});

test('a log that refuses is away until it refuses no more, also while nothing is sent to it', async () => {
  const { watch, told, refuse, at } = bench();
  const first = append();
  watch.track(first.stored).catch(() => undefined);
  refuse('no connection');
  first.refused(new Error('given up'));
  await settled();
  assert.deepEqual(told, [10_000]);
  at(10_250);
  assert.equal(watch.awaySinceMs, 10_000);
  refuse(undefined);
  at(10_500);
  assert.deepEqual(told, [10_000, null]);
});

test('what is refused for its own sake is no outage', async () => {
  const { watch, told, at } = bench();
  const first = append();
  watch.track(first.stored).catch(() => undefined);
  first.refused(new Error('another node owns it'));
  await settled();
  at(10_250);
  assert.deepEqual(told, []);
});
