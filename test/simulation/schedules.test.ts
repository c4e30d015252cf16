import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SETTLED_WITHIN_MS, simulate } from './simulate.ts';

/**
 * Goal: under any schedule of faults one committed history per shard, nothing acknowledged, refused or written to a device
 * outside it, and rest soon after the faults end. Method: each seed makes a cell of three nodes (sometimes four), a database, a
 * network and three clients out of the pure machines and models around them, breaks them for 11 s of simulated time, and
 * checks rows, answers and devices after every single step. `SIMULATION_SCHEDULES` runs more of them, from
 * `SIMULATION_FIRST_SEED` on.
 */
const SCHEDULES = Number(process.env.SIMULATION_SCHEDULES ?? 2000);
const KEYS = ['acknowledged', 'refused', 'writes', 'fences', 'takeovers', 'handovers', 'unrecorded'] as const;
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 0);

test('no schedule of faults damages a history, an answer, a device or an order, and all of them come to rest', {
  timeout: Math.max(170_000, SCHEDULES * 100),
}, async (context) => {
  const seen = { acknowledged: 0, refused: 0, writes: 0, fences: 0, takeovers: 0, handovers: 0, unrecorded: 0 };
  let steps = 0;
  let restMs = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const outcome = simulate(seed);
    const { damage } = outcome;
    if (damage) assert.fail(`seed ${seed}: ${damage.message}\n  ${outcome.faults.join('\n  ')}`);
    steps += outcome.steps;
    restMs = Math.max(restMs, outcome.settledAfterMs);
    for (const key of KEYS) seen[key] += outcome.seen[key];
    if (seed % 50 === 0) await setImmediate();
  }
  context.diagnostic(`${SCHEDULES} schedules, ${steps} steps, ${JSON.stringify(seen)}, at rest after ${restMs} ms`);
  assert.ok(restMs < SETTLED_WITHIN_MS);
  // Schedules in which nothing happens prove nothing.
  for (const [what, count] of Object.entries(seen))
    assert.ok(count > SCHEDULES / 100, `${what} seen ${count} times in ${SCHEDULES} schedules`);
});

test('a seed gives the same schedule each time', () => {
  const [first, again] = [simulate(42), simulate(42)];
  assert.deepEqual(first, again);
  assert.notDeepEqual(simulate(43).seen, first.seen);
});
