import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDeviceTime } from '../../../../gateways/mqtt/device-time.ts';

describe('the time that a device gives', () => {
  it('is told apart by size and form', () => {
    const at = 1_700_000_000_123;
    for (const given of [
      1_700_000_000.123,
      at,
      '1700000000.123',
      '1700000000123',
      '2023-11-14T22:13:20.123Z',
      '2023-11-14T23:13:20.123+01:00',
    ]) {
      assert.equal(parseDeviceTime(given), at, String(given));
    }
    assert.equal(parseDeviceTime(1_700_000_000), 1_700_000_000_000);
  });

  it('is refused when it is none, or nobody can say which zone was meant', () => {
    for (const given of [
      '2023-11-14T22:13:20',
      '14.11.2023',
      '',
      'now',
      -5,
      0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      null,
      true,
      {},
      '2023-13-40T00:00:00Z',
    ]) {
      assert.equal(parseDeviceTime(given), undefined, String(given));
    }
  });
});
