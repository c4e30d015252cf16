import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkTiming, TIMING, timingFor } from '../../../../runtime/cluster/timing.ts';

test('the default times are sound, and so are those for another lease', () => {
  checkTiming(TIMING);
  for (const leaseTtlMs of [1500, 5000, 30_000]) checkTiming(timingFor(leaseTtlMs));
});

test('times that would make the protocol unsound are refused', () => {
  const unsound = [
    { renewIntervalMs: 1500 },
    { renewTimeoutMs: 1001 },
    { loopGapMs: 1001 },
    { tickIntervalMs: 501 },
    { leaseGuardMs: 120 },
    { stableMs: 7999 },
    { moveShare: 0.2 },
  ];
  for (const changes of unsound)
    assert.throws(() => checkTiming({ ...TIMING, ...changes }), { code: 'INVARIANT_BROKEN' }, JSON.stringify(changes));
});

test('after kill -9 a shard is claimed within 4 s, which leaves a second of the five for its recovery', () => {
  const { leaseTtlMs, viewIntervalMs, claimJitterMs, tickIntervalMs } = TIMING;
  assert.ok(leaseTtlMs + viewIntervalMs + claimJitterMs + tickIntervalMs <= 4000);
});
