import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { doubtOwnTime } from '../../../gateways/doubt-own-time.ts';
import { frame, T0 } from '../actors/plant.ts';

describe('while the clock of the node is off', () => {
  it('readings that it timed are uncertain', () => {
    const { quality, reasons, values } = doubtOwnTime(frame(0, { temperature: 20, pressure: 3 }));
    assert.deepEqual(quality, ['UNCERTAIN', 'UNCERTAIN']);
    assert.deepEqual(reasons, ['gateway_clock', 'gateway_clock']);
    assert.deepEqual(values, [20, 3]);
  });

  it('readings with a time of their device keep their quality', () => {
    const timed = frame(0, { temperature: 20 }, { deviceTimeMs: T0 - 300 });
    assert.equal(doubtOwnTime(timed), timed);
    const mixed = frame(0, { temperature: 20, pressure: 3 }, { times: [T0 - 300, null] });
    assert.deepEqual(doubtOwnTime(mixed).quality, ['GOOD', 'UNCERTAIN']);
  });

  it('a reading that is worse already keeps its own reason', () => {
    const bad = frame(0, { temperature: null, pressure: 3 }, { quality: ['BAD', 'GOOD'], reasons: ['timeout', null] });
    assert.deepEqual(doubtOwnTime(bad).quality, ['BAD', 'UNCERTAIN']);
    assert.deepEqual(doubtOwnTime(bad).reasons, ['timeout', 'gateway_clock']);
  });
});
