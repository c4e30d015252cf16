import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServerClock } from '../../../../ui/store/clock.ts';

function clockAt(t: TestContext, start: number) {
  let now = start;
  const clock = new ServerClock(() => now);
  t.after(() => clock.close());
  return { clock, pass: (ms: number) => (now += ms) };
}

test('the least delayed of the last heartbeats gives the time', (t) => {
  const { clock, pass } = clockAt(t, 0);
  clock.restart(1_000_000);
  pass(1000);
  clock.sample(1_000_950);
  pass(1000);
  clock.sample(1_002_080);
  assert.equal(clock.nowMs(), 1_002_080);
});

test('it stops at the given instant, at once and for all to see, and goes on when the link is back', (t) => {
  const { clock, pass } = clockAt(t, 0);
  clock.restart(1_000_000);
  pass(5000);
  clock.stop(1_002_300);
  assert.equal(clock.nowMs(), 1_002_300);
  assert.equal(clock.second.value, 1_002_000);
  pass(5000);
  assert.equal(clock.nowMs(), 1_002_300);
  clock.resume();
  assert.equal(clock.nowMs(), 1_010_000);
});

test('another server starts the estimate anew', (t) => {
  const { clock } = clockAt(t, 0);
  clock.restart(2_000_000);
  clock.restart(1_000_000);
  assert.equal(clock.nowMs(), 1_000_000);
});
