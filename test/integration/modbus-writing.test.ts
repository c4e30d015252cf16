// Goal: a write is carried out once, by its owner, in time, and told as what it was. Method: the driver against our simulator;
// what reached the device is counted at the device.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PointValue } from '../../actors/frame.ts';
import type { WriteOutcome } from '../../gateways/driver.ts';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import type { UnitImage } from '../../simulators/modbus/image.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { writeOrder } from '../support/write-order.ts';
import { connectionDefinition, deviceDefinition, RecordingHost, until } from './modbus-support.ts';

const POINTS = [
  { name: 'level', modbus: { address: 0 } },
  { name: 'setpoint', modbus: { address: 10, scale: 0.1 }, range: { min: 0, max: 300 }, writable: { min: 5, max: 90 } },
  { name: 'plain', modbus: { address: 11 }, writable: { readBack: false } },
  { name: 'pump', type: 'boolean', modbus: { area: 'coil', address: 3 }, writable: {} },
  { name: 'bit', type: 'boolean', modbus: { address: 12, bit: 4 }, writable: {} },
  { name: 'total', modbus: { address: 20, type: 'uint32' }, writable: {} },
  { name: 'sensor', modbus: { area: 'input', address: 0 }, writable: {} },
];

const WRITES = new Set([5, 6, 15, 16, 22]);

async function setUp(t: TestContext, image: Partial<UnitImage> = {}, settings: Record<string, unknown> = {}) {
  const unit = { holding: new Uint16Array(50), input: new Uint16Array(5), coil: new Uint8Array(10), ...image };
  const writes: number[] = [];
  const server = await createModbusServer({
    units: new Map([[1, unit]]),
    onRequest: (_unit, request) => {
      if (WRITES.has(request.readUInt8(0))) writes.push(request.readUInt8(0));
    },
  });
  const host = new RecordingHost();
  const definition = connectionDefinition(
    {
      tcp: { host: '127.0.0.1', port: server.port },
      timeoutMs: 300,
      reconnect: { minMs: 20, maxMs: 100 },
      ...settings,
    },
    [deviceDefinition('plc', { pollMs: 100 }, POINTS)],
  );
  const driver = modbusDriver(definition, host);
  t.after(async () => {
    await driver.stop();
    await server.close();
    host.remove();
  });
  driver.start();
  await until('online', () => host.connectivityOf('plc') === 'online');
  const write = (
    point: string,
    value: PointValue,
    options: { epoch?: number; withinMs?: number; mayAct?: () => boolean } = {},
  ): Promise<WriteOutcome> => driver.write(writeOrder({ writeId: 'w', device: 'plc', point, value, ...options }));
  return { server, host, driver, definition, unit, writes, write };
}

test('each kind of point is written with its function code and verified', async (t) => {
  const { write, writes, unit } = await setUp(t);
  unit.holding[12] = 0xff00;
  assert.deepEqual(await write('setpoint', 42.5), { writeId: 'w', state: 'verified', readBack: 42.5 });
  assert.deepEqual(await write('plain', 7), { writeId: 'w', state: 'acknowledged' });
  assert.deepEqual(await write('pump', true), { writeId: 'w', state: 'verified', readBack: true });
  assert.deepEqual(await write('bit', true), { writeId: 'w', state: 'verified', readBack: true });
  assert.deepEqual(await write('total', 70_000), { writeId: 'w', state: 'verified', readBack: 70_000 });
  assert.deepEqual(writes, [6, 6, 5, 22, 16]);
  assert.deepEqual([unit.holding[10], unit.holding[11], unit.holding[12], unit.coil[3]], [425, 7, 0xff10, 1]);
  assert.deepEqual([unit.holding[20], unit.holding[21]], [1, 4464]);
});

test('what is not allowed never reaches the device', async (t) => {
  const { write, writes } = await setUp(t);
  const code = async (point: string, value: PointValue) => {
    const outcome = await write(point, value);
    return `${outcome.state} ${outcome.code}`;
  };
  assert.equal(await code('level', 1), 'failed not_writable');
  assert.equal(await code('sensor', 1), 'failed not_writable');
  assert.equal(await code('nowhere', 1), 'failed unknown_point');
  assert.equal(await code('setpoint', 91), 'failed out_of_range');
  assert.equal(await code('setpoint', 4), 'failed out_of_range');
  assert.equal(await code('plain', 70_000), 'failed out_of_range');
  assert.equal(await code('pump', 'maybe'), 'failed wrong_type');
  assert.deepEqual(writes, []);
});

test('a write past its deadline is dropped, be it late on arrival or late in the queue', async (t) => {
  const { write, writes, server } = await setUp(t, {}, { timeoutMs: 1000, retries: 0 });
  const late = await write('plain', 1, { withinMs: -1 });
  assert.deepEqual([late.state, late.code], ['timed_out', 'deadline_passed']);
  server.setFault(1, { kind: 'delay', delayMs: 400 });
  const first = write('plain', 2);
  const queued = await write('plain', 3, { withinMs: 100 });
  assert.deepEqual([queued.state, queued.code], ['timed_out', 'deadline_passed']);
  assert.equal((await first).state, 'acknowledged');
  assert.deepEqual(writes, [6]);
});

test('an owner of a lower epoch is refused, after a restart of the driver too', async (t) => {
  const { write, writes, driver, definition, host } = await setUp(t);
  assert.equal((await write('plain', 1, { epoch: 7 })).state, 'acknowledged');
  assert.equal((await write('plain', 2, { epoch: 6 })).code, 'epoch_stale');
  assert.equal((await write('plain', 3, { epoch: 7 })).state, 'acknowledged');
  await driver.stop();
  host.restart();
  const again = modbusDriver(definition, host);
  t.after(() => again.stop());
  again.start();
  await until('connected', () => host.lastReport?.state === 'connected');
  const request = writeOrder({ writeId: 'x', device: 'plc', point: 'plain', value: 4 });
  assert.equal((await again.write({ ...request, epoch: 6 })).code, 'epoch_stale');
  assert.equal((await again.write({ ...request, epoch: 8 })).state, 'acknowledged');
  assert.deepEqual(writes, [6, 6, 6]);
});

test('when the kept epochs cannot be read, writes are refused and reading goes on', async (t) => {
  const { driver, definition, host, writes } = await setUp(t);
  await driver.stop();
  writeFileSync(join(host.dataDir, 'write-epochs.json'), '{"version":1,"epo');
  host.restart();
  const again = modbusDriver(definition, host);
  t.after(() => again.stop());
  again.start();
  const frames = host.frames.length;
  await until('frames', () => host.frames.length > frames);
  const request = writeOrder({ writeId: 'x', device: 'plc', point: 'plain', value: 4, epoch: 9 });
  assert.equal((await again.write(request)).code, 'epoch_unknown');
  assert.deepEqual(writes, []);
});

test('a write overtaken in the queue by a newer owner is not sent', async (t) => {
  const { write, writes, server, unit } = await setUp(t, {}, { timeoutMs: 2000 });
  server.setFault(1, { kind: 'delay', delayMs: 200 });
  const running = write('plain', 1, { epoch: 1 });
  const old = write('plain', 2, { epoch: 1 });
  const fresh = write('plain', 3, { epoch: 2 });
  assert.equal((await running).state, 'failed');
  assert.equal((await old).code, 'epoch_stale');
  assert.equal((await fresh).state, 'acknowledged');
  assert.deepEqual(writes, [6]);
  assert.equal(unit.holding[11], 3);
});

test('a write whose node has stopped owning the device while it was queued is not sent', async (t) => {
  const { write, writes, server } = await setUp(t, {}, { timeoutMs: 2000 });
  server.setFault(1, { kind: 'delay', delayMs: 200 });
  let owns = true;
  const running = write('plain', 1, { mayAct: () => owns });
  const queued = write('plain', 2, { mayAct: () => owns });
  await until('the first has left', () => writes.length === 1);
  owns = false;
  const outcome = await queued;
  assert.deepEqual([outcome.state, outcome.code], ['failed', 'authority_lost']);
  assert.equal((await running).state, 'acknowledged', 'it had left before');
  assert.deepEqual(writes, [6]);
});

test('a write that the device shows a moment later is verified', async (t) => {
  const { write, unit } = await setUp(t, {
    onWrite: () => {
      const written = unit.holding[10] ?? 0;
      unit.holding[10] = 111;
      setTimeout(() => {
        unit.holding[10] = written;
      }, 150);
    },
  });
  assert.deepEqual(await write('setpoint', 20), { writeId: 'w', state: 'verified', readBack: 20 });
});

test('a device that does not know FC05, 06 or 22 is written with 15, 16, and by reading and writing the register', async (t) => {
  const { write, writes, unit } = await setUp(t, { unsupported: [5, 6, 22] });
  unit.holding[12] = 0x0f10;
  assert.equal((await write('pump', true)).state, 'verified');
  assert.equal((await write('plain', 9)).state, 'acknowledged');
  assert.deepEqual(writes, [5, 15, 6, 16]);
  writes.length = 0;
  const outcome = await write('bit', false);
  assert.equal(outcome.state, 'verified');
  assert.equal(unit.holding[12], 0x0f00);
  assert.equal(unit.holding[11], 9);
  assert.equal(unit.coil[3], 1);
});

test('an unanswered write is sent once and told as timed out', async (t) => {
  const { write, writes, server, host } = await setUp(t);
  server.setFault(1, { kind: 'hang' });
  const outcome = await write('setpoint', 20);
  assert.equal(outcome.state, 'timed_out');
  assert.equal(outcome.code, 'timeout');
  server.setFault(1, null);
  await until('online again', () => host.connectivityOf('plc') === 'online');
  const frames = host.frames.length;
  await until('a few cycles', () => host.frames.length > frames + 3);
  assert.deepEqual(writes, [6]);
});

test('a write whose answer was lost is verified by reading it back', async (t) => {
  const { write, server, unit } = await setUp(t, {
    onWrite: () => server.setFault(1, null),
  });
  server.setFault(1, { kind: 'delay', delayMs: 500, range: { area: 'holding', from: 10, to: 11 } });
  const outcome = await write('setpoint', 20);
  assert.deepEqual(outcome, { writeId: 'w', state: 'verified', code: 'answer_lost', readBack: 20 });
  assert.equal(unit.holding[10], 200);
});

test('a link lost under a write leaves the outcome open, and the write is not repeated on the next link', async (t) => {
  const { write, writes, server, host, unit } = await setUp(t);
  server.setFault(1, { kind: 'close', range: { area: 'holding', from: 11, to: 12 } });
  const outcome = await write('plain', 5);
  assert.deepEqual([outcome.state, outcome.code], ['timed_out', 'connection_lost']);
  server.setFault(1, null);
  await until('online again', () => host.connectivityOf('plc') === 'online');
  const frames = host.frames.length;
  await until('a few cycles', () => host.frames.length > frames + 3);
  assert.deepEqual(writes, [6]);
  assert.equal(unit.holding[11], 0);
});

test('without a link a write fails at once', async (t) => {
  const { write, writes, server, host } = await setUp(t);
  await server.close();
  await until('offline', () => host.connectivityOf('plc') !== 'online');
  const outcome = await write('plain', 5);
  assert.deepEqual([outcome.state, outcome.code], ['failed', 'not_connected']);
  assert.deepEqual(writes, []);
});

test('a device that confirms and does not do it is found out', async (t) => {
  const { write, unit } = await setUp(t, {
    onWrite: () => {
      unit.holding[10] = 111;
    },
  });
  const outcome = await write('setpoint', 20);
  assert.deepEqual([outcome.state, outcome.code, outcome.readBack], ['failed', 'read_back_differs', 11.1]);
});

test('a busy device is asked again until the deadline; a refusal is final', async (t) => {
  const { write, writes, server } = await setUp(t);
  server.setFault(1, { kind: 'exception', code: 6, range: { area: 'holding', from: 11, to: 12 } });
  const outcome = write('plain', 5);
  await until('three attempts', () => writes.length >= 3);
  server.setFault(1, null);
  assert.equal((await outcome).state, 'acknowledged');
  server.setFault(1, { kind: 'exception', code: 3, range: { area: 'holding', from: 11, to: 12 } });
  writes.length = 0;
  assert.equal((await write('plain', 6)).code, 'modbus_exception_03');
  assert.deepEqual(writes, [6]);
});

test('stop waits for a write under way', async (t) => {
  const { write, driver, server, unit } = await setUp(t, {}, { timeoutMs: 1000 });
  server.setFault(1, { kind: 'delay', delayMs: 200 });
  const outcome = write('plain', 5);
  await driver.stop();
  assert.equal((await outcome).state, 'acknowledged');
  assert.equal(unit.holding[11], 5);
});
