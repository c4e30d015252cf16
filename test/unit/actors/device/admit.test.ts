import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { deviceView } from '../../../../actors/device/view.ts';
import type { Frame } from '../../../../actors/frame.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { DeviceDefinition } from '../../../../topology/plant.ts';
import { Bench, device, frame, point, T0 } from '../plant.ts';

const ID = entityId('device', 'plc-1');

function up(over: Partial<DeviceDefinition> = {}) {
  return new Bench(deviceKind, ID, device(over)).start();
}

function admit(plc: ReturnType<typeof up>, frame: Frame) {
  const admission = deviceKind.admit?.(plc.state, frame, plc.turn(frame.gatewayTimeMs - T0));
  assert.ok(admission);
  return {
    frame: admission.observation,
    codes: admission.rejected.map(({ code }) => code),
    rejected: admission.rejected,
  };
}

test('a frame without fault is passed on as it came', () => {
  const whole = frame(0, { temperature: 20, pressure: 3 });
  assert.equal(admit(up(), whole).frame, whole);
});

test('a value that is physically impossible goes to the dead letters, and the frame says that there is none', () => {
  const { frame: admitted, rejected } = admit(up(), frame(0, { temperature: 501, pressure: 3 }));
  assert.deepEqual(admitted?.values, [null, 3]);
  assert.deepEqual(admitted?.quality, ['BAD', 'GOOD']);
  assert.deepEqual(admitted?.reasons, ['range', null]);
  assert.equal(rejected[0]?.code, 'range');
  assert.match(rejected[0]?.reason ?? '', /temperature/);
  assert.deepEqual(rejected[0]?.body, { point: 'temperature', value: 501, deviceTimeMs: T0, gatewayTimeMs: T0 });
});

test('the limits of the range themselves are possible', () => {
  assert.deepEqual(admit(up(), frame(0, { temperature: 500 })).codes, []);
  assert.deepEqual(admit(up(), frame(1, { temperature: -50 })).codes, []);
});

test('what is not finite or not of its type is BAD', () => {
  const plc = up({ points: [point({ name: 'level' }), point({ name: 'open', type: 'boolean' })] });
  assert.deepEqual(admit(plc, frame(0, { level: Number.NaN, open: 1 })).codes, ['not_finite', 'wrong_type']);
  assert.deepEqual(admit(plc, frame(1, { level: 'high', open: true })).codes, ['wrong_type']);
});

test('a reading of a point that nobody defined leaves no trace in the frame', () => {
  const { frame: admitted, codes } = admit(up(), frame(0, { temperature: 20, colour: 'red' }));
  assert.deepEqual(admitted?.points, ['temperature']);
  assert.deepEqual(codes, ['unknown_point']);
});

test('a step that is too fast for the point is SUSPECT and goes on', () => {
  const plc = up({ points: [point({ name: 'temperature', maxRatePerSecond: 5 })] });
  admit(plc, frame(0, { temperature: 20 }));
  assert.equal(admit(plc, frame(1000, { temperature: 25 })).frame?.quality, null);
  const fast = admit(plc, frame(2000, { temperature: 31 }));
  assert.deepEqual(fast.frame?.values, [31]);
  assert.deepEqual(fast.frame?.quality, ['SUSPECT']);
  assert.deepEqual(fast.frame?.reasons, ['rate']);
  assert.deepEqual(fast.codes, []);
});

test('a frame that is delivered again is refused before the log has the first', () => {
  const plc = up();
  admit(plc, frame(0, { temperature: 20, pressure: 3 }));
  const again = admit(plc, { ...frame(0, { temperature: 20, pressure: 3 }), gatewayTimeMs: T0 + 40 });
  assert.equal(again.frame, null);
  assert.deepEqual(again.codes, ['duplicate']);
});

test('a frame that is delivered again after newer ones is refused, one that is only late is not', () => {
  const plc = up();
  for (const at of [0, 1000, 2000]) admit(plc, frame(at, { temperature: 20 }));
  assert.deepEqual(admit(plc, frame(1000, { temperature: 20 })).codes, ['duplicate']);
  assert.deepEqual(admit(plc, frame(1500, { temperature: 25 })).codes, []);
});

test('readings of one time may come in several frames', () => {
  const plc = up();
  assert.deepEqual(admit(plc, frame(0, { temperature: 20 })).codes, []);
  assert.deepEqual(admit(plc, frame(0, { pressure: 3 })).codes, []);
  assert.deepEqual(admit(plc, frame(0, { pressure: 3 })).codes, ['duplicate']);
});

test('a point that came already is dropped from a frame that brings others too', () => {
  const plc = up();
  admit(plc, frame(0, { temperature: 20 }));
  const { frame: admitted, codes } = admit(plc, frame(0, { temperature: 20, pressure: 3 }));
  assert.deepEqual(admitted?.points, ['pressure']);
  assert.deepEqual(codes, ['duplicate']);
});

test('duplicates are known again after a recovery from the log alone', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.observe(frame(1000, { temperature: 21 }), ID);
  const back = new Bench(deviceKind, ID, device(), plc.encode());
  assert.deepEqual(admit(back, frame(1000, { temperature: 21 })).codes, ['duplicate']);
  assert.deepEqual(admit(back, frame(0, { temperature: 20 })).codes, ['duplicate']);
});

test('without a device time a frame is of its arrival, and UNCERTAIN', () => {
  const { frame: admitted } = admit(up(), frame(700, { temperature: 20 }, { deviceTimeMs: null }));
  assert.equal(admitted?.deviceTimeMs, T0 + 700);
  assert.deepEqual(admitted?.quality, ['UNCERTAIN']);
  assert.deepEqual(admitted?.reasons, ['no_device_time']);
});

test('frames without a device time that arrive within one millisecond are all let through, in order', () => {
  const plc = up();
  const times = [20, 20, 21].map((temperature) => {
    const { frame: admitted, codes } = admit(plc, frame(700, { temperature }, { deviceTimeMs: null }));
    assert.deepEqual(codes, []);
    return admitted?.deviceTimeMs ?? Number.NaN;
  });
  assert.deepEqual(times, [T0 + 700, T0 + 700 + 1 / 1024, T0 + 700 + 2 / 1024]);
});

test('a time in the future is not believed, and does not keep the right ones out', () => {
  const plc = up();
  const { frame: admitted } = admit(plc, frame(0, { temperature: 20 }, { deviceTimeMs: T0 + 3_600_000 }));
  assert.equal(admitted?.deviceTimeMs, T0);
  assert.deepEqual(admitted?.reasons, ['future_time']);
  assert.equal(admitted?.skewMs, -3_600_000);
  if (admitted) plc.observe(admitted, ID);
  plc.observe(frame(1000, { temperature: 30 }), ID);
  assert.equal(deviceView(plc.state).values.temperature, 30);
});

test('times of single readings are judged one by one', () => {
  const times = [T0 - 500, null, T0 + 60_000];
  const plc = up({ points: [point({ name: 'a' }), point({ name: 'b' }), point({ name: 'c' })] });
  const { frame: admitted } = admit(plc, frame(0, { a: 1, b: 2, c: 3 }, { times, deviceTimeMs: null }));
  assert.deepEqual(admitted?.times, [T0 - 500, T0, T0]);
  assert.deepEqual(admitted?.reasons, [null, 'no_device_time', 'future_time']);
});

test('a reading that the driver calls BAD marks its point, and its last good value keeps its own time', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  const bad = frame(1000, { temperature: null }, { quality: ['BAD'], reasons: ['modbus_exception_02'] });
  const { frame: admitted, codes } = admit(plc, bad);
  assert.equal(admitted, bad);
  assert.deepEqual(codes, []);
  plc.observe(bad, ID);
  const view = deviceView(plc.state);
  assert.equal(view.values.temperature, 20);
  assert.equal(view.times.temperature, T0);
  assert.deepEqual(view.marks.temperature, {
    quality: 'BAD',
    reason: 'modbus_exception_02',
    sinceMs: T0 + 1000,
    lastGood: { value: 20, timeMs: T0 },
  });
});

test('a decommissioned device is refused as a whole', () => {
  const plc = up();
  plc.command(0, { kind: 'DecommissionDevice', reason: 'scrapped' });
  const { frame: admitted, codes } = admit(plc, frame(1000, { temperature: 20 }));
  assert.equal(admitted, null);
  assert.deepEqual(codes, ['decommissioned']);
});

test('historical readings are checked for what is impossible, not against what is live', () => {
  const plc = up();
  admit(plc, frame(60_000, { temperature: 20 }));
  const old = frame(60_000, { temperature: 21, pressure: 3 }, { deviceTimeMs: T0, historical: true });
  assert.equal(admit(plc, old).frame, old);
  assert.deepEqual(admit(plc, { ...old, values: [900, 3] }).codes, ['range']);
});

test('a value that the driver withholds without calling it BAD keeps the quality of the driver', () => {
  const busy = frame(1000, { temperature: null }, { quality: ['UNCERTAIN'], reasons: ['modbus_exception_06'] });
  const { frame: admitted, rejected } = admit(up(), busy);
  assert.equal(admitted, busy);
  assert.deepEqual(rejected, []);
});
