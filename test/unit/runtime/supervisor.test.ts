import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SUPERVISION } from '../../../runtime/actor-kind.ts';
import { CrashBudget, OutageBackoff } from '../../../runtime/supervisor.ts';

test('each crash doubles the pause before the restart, up to the cap, with half of it left to chance', () => {
  const budget = new CrashBudget({ ...SUPERVISION, minBackoffMs: 1000, maxBackoffMs: 4000, maxRestarts: 10 });
  const pauses = [0, 1, 2, 3, 4].map((second) => budget.crashed(second * 1000, 1));
  assert.deepEqual(
    pauses.map((verdict) => (verdict.kind === 'restart' ? verdict.afterMs : 'stop')),
    [1000, 2000, 4000, 4000, 4000],
  );
  const early = new CrashBudget({ ...SUPERVISION, minBackoffMs: 1000 }).crashed(0, 0);
  assert.deepEqual(early, { kind: 'restart', afterMs: 500 });
});

test('more crashes than the budget within its window leave the entity stopped', () => {
  const budget = new CrashBudget({ ...SUPERVISION, maxRestarts: 2, withinMs: 60_000 });
  assert.equal(budget.crashed(0, 0).kind, 'restart');
  assert.equal(budget.crashed(1, 0).kind, 'restart');
  assert.equal(budget.crashed(2, 0).kind, 'stop');
});

test('crashes older than the window are forgiven', () => {
  const budget = new CrashBudget({ ...SUPERVISION, maxRestarts: 1, withinMs: 1000, minBackoffMs: 10 });
  assert.equal(budget.crashed(0, 1).kind, 'restart');
  assert.deepEqual(budget.crashed(5000, 1), { kind: 'restart', afterMs: 10 });
});

test('a restart by hand gives an entity its whole budget again', () => {
  const budget = new CrashBudget({ ...SUPERVISION, maxRestarts: 1 });
  budget.crashed(0, 1);
  assert.equal(budget.crashed(1, 1).kind, 'stop');
  budget.renew();
  assert.deepEqual(budget.crashed(2, 1), { kind: 'restart', afterMs: 1000 });
});

test('waiting for a store doubles up to the cap and never ends', () => {
  const outage = new OutageBackoff(SUPERVISION);
  const pauses = Array.from({ length: 200 }, (_, attempt) => outage.failedMs(attempt * 120_000, 1));
  assert.deepEqual(pauses.slice(0, 9), [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000]);
  assert.ok(pauses.slice(9).every((pause) => pause === 120_000));
});

test('called by a store that answers others an entity comes at once, but not again and again in vain', () => {
  const outage = new OutageBackoff(SUPERVISION);
  outage.failedMs(0, 1);
  assert.deepEqual([outage.calledMs(1), outage.calledMs(1), outage.calledMs(1)], [0, 1000, 2000]);
  outage.over();
  assert.equal(outage.calledMs(1), 0);
});

test('an entity that has run for a while meets the next outage as if it were the first, though it had nothing to say meanwhile', () => {
  const outage = new OutageBackoff(SUPERVISION);
  for (let round = 0; round < 8; round++) {
    const nowMs = round * 20_000;
    assert.equal(outage.failedMs(nowMs, 1), 1000);
    assert.equal(outage.calledMs(1), 0);
    outage.up(nowMs + 5000);
  }
  // One that falls again at once was called in vain.
  outage.failedMs(160_000, 1);
  assert.equal(outage.calledMs(1), 0);
  outage.up(160_100);
  assert.equal(outage.failedMs(161_000, 1), 2000);
  assert.equal(outage.calledMs(1), 1000);
});
