import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deviceKind } from '../../../actors/device/device.ts';
import { underWrongClock } from '../../../gateways/own-time.ts';
import { entityId } from '../../../runtime/ids.ts';
import { Bench, device, frame, T0 } from '../actors/plant.ts';

/** Ours is behind. */
const OFF_BY_MS = 20_000;

describe('while the clock of the node is off', () => {
  it('readings that it timed are uncertain', () => {
    const { quality, reasons, values } = underWrongClock(frame(0, { temperature: 20, pressure: 3 }), OFF_BY_MS);
    assert.deepEqual(quality, ['UNCERTAIN', 'UNCERTAIN']);
    assert.deepEqual(reasons, ['gateway_clock', 'gateway_clock']);
    assert.deepEqual(values, [20, 3]);
  });

  it('readings with a time of their device keep their quality', () => {
    const timed = frame(0, { temperature: 20 }, { deviceTimeMs: T0 - 300 });
    assert.deepEqual(underWrongClock(timed, OFF_BY_MS), { ...timed, skewMs: OFF_BY_MS + 300 });
    const mixed = frame(0, { temperature: 20, pressure: 3 }, { times: [T0 - 300, null] });
    assert.deepEqual(underWrongClock(mixed, OFF_BY_MS).quality, ['GOOD', 'UNCERTAIN']);
  });

  it('a reading that is worse already keeps its own reason', () => {
    const bad = frame(0, { temperature: null, pressure: 3 }, { quality: ['BAD', 'GOOD'], reasons: ['timeout', null] });
    assert.deepEqual(underWrongClock(bad, OFF_BY_MS).quality, ['BAD', 'UNCERTAIN']);
    assert.deepEqual(underWrongClock(bad, OFF_BY_MS).reasons, ['timeout', 'gateway_clock']);
  });

  it('a device whose clock is right is not called wrong', () => {
    // Its readings are dated ahead of ours by what ours is behind, a network away.
    const alarms = (correct: (given: ReturnType<typeof frame>) => ReturnType<typeof frame>) => {
      const plc = new Bench(deviceKind, entityId('device', 'plc-1'), device()).start();
      for (let atMs = 0; atMs <= 30_000; atMs += 1000)
        plc.observe(correct(frame(atMs, { temperature: 20 }, { deviceTimeMs: T0 + atMs + 9000 - 50 })));
      return [...plc.state.decided.alarms.keys()];
    };
    assert.deepEqual(
      alarms((given) => given),
      ['clock-drift'],
    );
    assert.deepEqual(
      alarms((given) => underWrongClock(given, 9000)),
      [],
    );
  });
});
