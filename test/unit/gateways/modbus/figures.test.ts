import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '../../../../gateways/modbus/backoff.ts';
import { crc16 } from '../../../../gateways/modbus/crc16.ts';
import { Deadband } from '../../../../gateways/modbus/deadband.ts';
import { provesAlive } from '../../../../gateways/modbus/failure.ts';
import { readingFault } from '../../../../gateways/modbus/quality.ts';
import { LinkStatistics } from '../../../../gateways/modbus/statistics.ts';

test('the pause before reconnecting doubles up to its cap and is never under half of it', () => {
  const limits = { minMs: 500, maxMs: 30_000 };
  assert.deepEqual(
    [1, 2, 3, 7, 100].map((n) => backoffMs(n, limits, () => 1)),
    [500, 1000, 2000, 30_000, 30_000],
  );
  assert.deepEqual(
    [1, 2, 100].map((n) => backoffMs(n, limits, () => 0)),
    [250, 500, 15_000],
  );
});

test('each exception has the quality that requirement 9 gives it', () => {
  const qualityOf = (exception: number) => {
    const { quality, reason, cause } = readingFault({ ok: false, kind: 'exception', exception });
    return `${reason} ${quality} ${cause}`;
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6, 10, 11].map(qualityOf), [
    'modbus_exception_01 BAD configuration',
    'modbus_exception_02 BAD configuration',
    'modbus_exception_03 BAD configuration',
    'modbus_exception_04 BAD device_failure',
    'modbus_exception_05 UNCERTAIN pending',
    'modbus_exception_06 UNCERTAIN busy',
    'modbus_exception_0A BAD no_communication',
    'modbus_exception_0B BAD no_communication',
  ]);
  assert.deepEqual(readingFault({ ok: false, kind: 'timeout' }), {
    quality: 'BAD',
    reason: 'timeout',
    cause: 'communication',
  });
});

test('an exception of the device proves that it lives, one of a gateway does not', () => {
  assert.equal(provesAlive({ ok: false, kind: 'exception', exception: 2 }), true);
  assert.equal(provesAlive({ ok: false, kind: 'exception', exception: 11 }), false);
  assert.equal(provesAlive({ ok: false, kind: 'timeout' }), false);
});

test('an absolute deadband holds a value until it has moved far enough', () => {
  const deadband = new Deadband({ absolute: 0.5 }, undefined);
  assert.deepEqual(
    [20, 20.4, 20.49, 20.5, 20.1, 19.9].map((v) => deadband.apply(v)),
    [20, 20, 20, 20.5, 20.5, 19.9],
  );
});

test('a deadband in percent is of the range, or of the value where there is none', () => {
  const ofRange = new Deadband({ percent: 1 }, { min: 0, max: 200 });
  assert.deepEqual(
    [10, 11.9, 12].map((v) => ofRange.apply(v)),
    [10, 10, 12],
  );
  const ofValue = new Deadband({ percent: 10 }, undefined);
  assert.deepEqual(
    [100, 109, 110].map((v) => ofValue.apply(v)),
    [100, 100, 110],
  );
});

test('a value held by the deadband is never further than its width from the true one', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })), (values) => {
      const deadband = new Deadband({ absolute: 2 }, undefined);
      for (const value of values) assert.ok(Math.abs(Number(deadband.apply(value)) - value) < 2);
    }),
  );
});

test('texts and missing values pass the deadband untouched', () => {
  const deadband = new Deadband({ absolute: 1 }, undefined);
  assert.deepEqual([deadband.apply('on'), deadband.apply(null), deadband.apply(true)], ['on', null, true]);
});

test('percentiles are right to within 6 percent and old ones fall out after a minute', () => {
  const statistics = new LinkStatistics(0);
  for (let i = 1; i <= 1000; i++) statistics.request(i / 10, 5000);
  const latency = statistics.latencyMs(5000);
  assert.ok(latency !== null);
  assert.ok(Math.abs(latency.p50 - 50) / 50 < 0.07, `p50 ${latency.p50}`);
  assert.ok(Math.abs(latency.p99 - 99) / 99 < 0.07, `p99 ${latency.p99}`);
  assert.equal(statistics.latencyMs(70_000), null);
});

test('readings per second are of the last minute, or of the time since the start', () => {
  const statistics = new LinkStatistics(100_000);
  for (let second = 0; second < 10; second++) statistics.readings(30, 100_000 + second * 1000);
  assert.equal(statistics.readingsPerSecond(110_000), 30);
  assert.equal(statistics.readingsPerSecond(200_000), 0);
});

test('the checksum is that of the specification', () => {
  // 01 03 00 00 00 0A -> C5 CD on the wire, low byte first.
  assert.equal(crc16(Buffer.from('01030000000a', 'hex'), 0, 6), 0xcdc5);
});
