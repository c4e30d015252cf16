import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Whereabouts } from '../../../runtime/whereabouts.ts';

test('a shard is here from when it is open until it begins to close', async () => {
  const whereabouts = new Whereabouts();
  assert.equal(whereabouts.isHere(3), false);
  whereabouts.opened(3);
  assert.deepEqual([whereabouts.isHere(3), whereabouts.isHere(4)], [true, false]);
  const closing = whereabouts.closing(3);
  assert.equal(whereabouts.isHere(3), false, 'at once, and not when everybody has ended');
  await closing;
});

test('a shard leaves only when everybody who works for its entities has ended', async () => {
  const whereabouts = new Whereabouts();
  whereabouts.opened(3);
  const ends: (() => void)[] = [];
  const seen: boolean[] = [];
  for (let listener = 0; listener < 2; listener++)
    whereabouts.onMoved(() => {
      seen.push(whereabouts.isHere(3));
      return new Promise((resolve) => ends.push(resolve));
    });
  let left = false;
  const closing = whereabouts.closing(3).then(() => {
    left = true;
  });
  assert.deepEqual(seen, [false, false], 'each finds it gone when it is told');
  ends[0]?.();
  await new Promise(setImmediate);
  assert.equal(left, false);
  ends[1]?.();
  await closing;
  assert.equal(left, true);
});

test('who listens is told of what comes too, until it listens no more', () => {
  const whereabouts = new Whereabouts();
  let told = 0;
  const stop = whereabouts.onMoved(async () => {
    told++;
  });
  whereabouts.opened(1);
  assert.equal(told, 1);
  stop();
  whereabouts.opened(2);
  assert.equal(told, 1);
});
