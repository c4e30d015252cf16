import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClockOffset } from '../../../../runtime/edge/clock-offset.ts';

const delay = fc.integer({ min: 0, max: 2000 });

test('the offset is right to within half of the quickest round trip, whichever way the delays fall', () => {
  const exchange = fc.record({ there: delay, thinking: fc.integer({ min: 0, max: 100 }), back: delay });
  fc.assert(
    fc.property(
      fc.array(exchange, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: -1e7, max: 1e7 }),
      (all, true_) => {
        const clock = new ClockOffset();
        let nowMs = 1e12;
        for (const { there, thinking, back } of all) {
          const askedMs = nowMs;
          const receivedMs = askedMs + there + true_;
          const answeredMs = receivedMs + thinking;
          const heardMs = askedMs + there + thinking + back;
          clock.add({ askedMs, receivedMs, answeredMs, heardMs });
          nowMs = heardMs + 1000;
        }
        const { best } = clock;
        assert.ok(best);
        assert.ok(Math.abs(best.offsetMs - true_) <= best.roundTripMs / 2 + 1e-6);
        const kept = all.slice(-8);
        assert.equal(best.roundTripMs, Math.min(...kept.map(({ there, back }) => there + back)));
      },
    ),
  );
});

test('an exchange during which a clock was set back says nothing', () => {
  const clock = new ClockOffset();
  clock.add({ askedMs: 1000, receivedMs: 5000, answeredMs: 5001, heardMs: 900 });
  assert.equal(clock.best, undefined);
  clock.add({ askedMs: 1000, receivedMs: 5000, answeredMs: 5000, heardMs: 1010 });
  assert.deepEqual(clock.best, { offsetMs: 3995, roundTripMs: 10 });
  clock.forget();
  assert.equal(clock.best, undefined);
});
