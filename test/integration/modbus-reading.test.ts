// Goal: what the driver makes of devices that refuse, hang, lag or lie, with nobody else paying for it.
// Method: the driver against our simulator with faults, real sockets, requests counted at the server.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import type { UnitImage } from '../../simulators/modbus/image.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { connectionDefinition, deviceDefinition, RecordingHost, until } from './modbus-support.ts';

const numbered = () => Uint16Array.from({ length: 200 }, (_, i) => i);

function points(addresses: readonly number[]) {
  return addresses.map((address) => ({ name: `r${address}`, modbus: { address } }));
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function setUp(
  t: TestContext,
  units: ReadonlyMap<number, UnitImage>,
  devices: readonly DeviceDefinition[],
  settings: Record<string, unknown> = {},
) {
  const reads: { unit: number; address: number; count: number; atMs: number }[] = [];
  const server = await createModbusServer({
    units,
    unknownUnit: 'silent',
    onRequest: (unit, request) => {
      reads.push({ unit, address: request.readUInt16BE(1), count: request.readUInt16BE(3), atMs: performance.now() });
    },
  });
  const host = new RecordingHost();
  const definition = connectionDefinition(
    { tcp: { host: '127.0.0.1', port: server.port }, reconnect: { minMs: 20, maxMs: 100 }, ...settings },
    devices,
  );
  const driver = modbusDriver(definition, host);
  t.after(async () => {
    await driver.stop();
    await server.close();
    host.remove();
  });
  return { server, host, driver, definition, reads };
}

test('an illegal register among 32 is found by halving, costs only its own tag, and is read around from then on', async (t) => {
  const image = { holding: numbered(), illegal: [{ area: 'holding', from: 21, to: 22 }] } as const;
  const device = deviceDefinition('plc', { pollMs: 100 }, points(range(0, 32)));
  const { host, driver, reads, definition } = await setUp(t, new Map([[1, image]]), [device]);
  driver.start();
  await until('a first frame', () => host.framesOf('plc').length >= 1);
  // 32, then halves: 16 + 16, 8 + 8, 4 + 4, 2 + 2, 1 + 1.
  assert.equal(reads.length, 11);
  const [first] = host.framesOf('plc');
  assert.deepEqual(first?.quality?.filter((quality) => quality === 'BAD').length, 1);
  assert.equal(host.values('plc').r21, 'modbus_exception_02');
  assert.equal(host.values('plc').r20, 20);
  assert.equal(host.values('plc').r22, 22);

  const learnedAfter = reads.length;
  await until('five further frames', () => host.framesOf('plc').length >= 6);
  const perCycle = reads.slice(learnedAfter, learnedAfter + 4).map(({ address, count }) => [address, count]);
  assert.deepEqual(perCycle, [
    [0, 21],
    [22, 10],
    [0, 21],
    [22, 10],
  ]);
  const [, second, third] = host.framesOf('plc');
  assert.equal(second?.points, third?.points, 'the layout is shared between frames');

  await driver.stop();
  const again = modbusDriver(definition, host);
  const askedBefore = reads.length;
  const framesBefore = host.framesOf('plc').length;
  again.start();
  t.after(() => again.stop());
  await until('a frame after the restart', () => host.framesOf('plc').length > framesBefore);
  assert.deepEqual(
    reads.slice(askedBefore, askedBefore + 2).map(({ address, count }) => [address, count]),
    [
      [0, 21],
      [22, 10],
    ],
  );
  assert.ok(reads.slice(askedBefore).every(({ address, count }) => !(address <= 21 && 21 < address + count)));
});

test('a hole between two tags is learned without a loss to either', async (t) => {
  const image = { holding: numbered(), illegal: [{ area: 'holding', from: 3, to: 5 }] } as const;
  const { host, driver, reads } = await setUp(t, new Map([[1, image]]), [
    deviceDefinition('plc', { pollMs: 50 }, points([0, 1, 8, 9])),
  ]);
  driver.start();
  await until('frames', () => host.framesOf('plc').length >= 3);
  assert.ok(host.framesOf('plc').every((frame) => frame.quality === null));
  assert.deepEqual(
    reads.slice(0, 5).map(({ address, count }) => [address, count]),
    [
      [0, 10],
      [0, 2],
      [8, 2],
      [0, 2],
      [8, 2],
    ],
  );
});

test('a device that refused everything is read again as soon as it answers', async (t) => {
  const { host, driver, server } = await setUp(t, new Map([[1, { holding: numbered() }]]), [
    deviceDefinition('plc', { pollMs: 50 }, points(range(0, 4))),
  ]);
  server.setFault(1, { kind: 'exception', code: 2 });
  driver.start();
  await until('all refused', () => host.values('plc').r3 === 'modbus_exception_02' && host.framesOf('plc').length > 2);
  assert.equal(host.connectivityOf('plc'), 'online');
  server.setFault(1, null);
  await until('all read', () => host.values('plc').r0 === 0 && host.values('plc').r3 === 3);
});

test('a unit that hangs is offline within 5 s, then only probed, and the others keep their pace', async (t) => {
  const ids = [1, 2, 3, 4, 5, 6];
  const { host, driver, server, reads } = await setUp(
    t,
    new Map(ids.map((unit) => [unit, { holding: numbered() }])),
    ids.map((unit) => deviceDefinition(`d${unit}`, { unit, pollMs: 100, probeMs: 500 }, points(range(0, 5)))),
    { timeoutMs: 300, retries: 2 },
  );
  driver.start();
  await until('all online', () => ids.every((unit) => host.connectivityOf(`d${unit}`) === 'online'));
  const sinceMs = performance.now();
  for (const unit of [1, 2, 3]) server.setFault(unit, { kind: 'hang' });
  await until('three offline', () => [1, 2, 3].every((unit) => host.connectivityOf(`d${unit}`) === 'offline timeout'));
  assert.ok(performance.now() - sinceMs < 5000);
  assert.equal(host.values('d1').r0, 'timeout');
  await until('the link shown as degraded', () => host.lastReport?.state === 'degraded', 100);
  await until('degraded', () => host.lastReport?.facts?.devicesDegraded === 3);

  const fromMs = performance.now();
  const frames = host.frames.length;
  await until('2 s of frames', () => host.frames.length - frames >= 60);
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs < 2500, `60 frames of 3 units at 100 ms took ${tookMs} ms`);
  const probes = reads.filter(({ unit, atMs }) => unit === 1 && atMs > fromMs);
  assert.ok(probes.length >= 1 && probes.length <= 5, `${probes.length} probes in ${tookMs} ms`);
  assert.ok(probes.every(({ count }) => count === 1));
  const gaps = host.frames
    .filter(({ device, atMs }) => device === 'd4' && atMs > sinceMs)
    .map(({ atMs }, i, all) => atMs - (all[i - 1]?.atMs ?? atMs));
  assert.ok(Math.max(...gaps) < 300, `longest pause of a healthy unit ${Math.max(...gaps)} ms`);

  for (const unit of [1, 2, 3]) server.setFault(unit, null);
  await until('all online again', () => ids.every((unit) => host.connectivityOf(`d${unit}`) === 'online'), 3000);
  await until('values again', () => host.values('d1').r0 === 0);
});

test('a time-out longer than 5 s does not delay showing the device as offline', async (t) => {
  const { host, driver, server } = await setUp(
    t,
    new Map([[1, { holding: numbered() }]]),
    [deviceDefinition('plc', { pollMs: 100 }, points([0]))],
    { timeoutMs: 20_000 },
  );
  driver.start();
  await until('online', () => host.connectivityOf('plc') === 'online');
  server.setFault(1, { kind: 'hang' });
  const sinceMs = performance.now();
  await until('offline', () => host.connectivityOf('plc') === 'offline timeout');
  assert.ok(performance.now() - sinceMs < 5000);
});

test('each exception becomes the quality and reason of its tags, its neighbours stay good', async (t) => {
  const { host, driver, server } = await setUp(t, new Map([[1, { holding: numbered(), input: numbered() }]]), [
    deviceDefinition('plc', { pollMs: 40 }, [...points([1]), { name: 'in', modbus: { area: 'input', address: 2 } }]),
  ]);
  driver.start();
  for (const [code, quality] of [
    [4, 'BAD'],
    [6, 'UNCERTAIN'],
    [5, 'UNCERTAIN'],
    [1, 'BAD'],
  ] as const) {
    server.setFault(1, { kind: 'exception', code, range: { area: 'input', from: 0, to: 10 } });
    await until(`exception ${code}`, () => host.values('plc').in === `modbus_exception_0${code}`);
    const frame = host.framesOf('plc').at(-1);
    assert.deepEqual(frame?.quality, ['GOOD', quality]);
    assert.deepEqual(frame?.values, [1, null]);
  }
  assert.equal(host.connectivityOf('plc'), 'online');
  await until('the errors by code', () => (host.lastReport?.errors.modbus_exception_04 ?? 0) > 0);
});

test('while the log has not taken a frame the next cycles are skipped and counted', async (t) => {
  const { host, driver, reads } = await setUp(t, new Map([[1, { holding: numbered() }]]), [
    deviceDefinition('plc', { pollMs: 30 }, points([0])),
  ]);
  let open: () => void = () => {};
  host.gate = new Promise((resolve) => {
    open = resolve;
  });
  driver.start();
  await until('overruns', () => (host.lastReport?.cycleOverruns ?? 0) >= 5);
  assert.equal(reads.length, 1);
  assert.equal(host.frames.length, 1);
  host.gate = Promise.resolve();
  open();
  await until('polling again', () => host.frames.length > 3);
});

test('cycles of many devices are spread over the interval', async (t) => {
  const ids = range(1, 21);
  const { driver, reads } = await setUp(
    t,
    new Map(ids.map((unit) => [unit, { holding: numbered() }])),
    ids.map((unit) => deviceDefinition(`d${unit}`, { unit, pollMs: 400 }, points([0]))),
  );
  driver.start();
  await until('six cycles of each', () => ids.every((unit) => reads.filter((read) => read.unit === unit).length >= 6));
  // The median of each unit's place in the interval: one stall of the machine must not decide.
  const eighths = new Set(
    ids.map((unit) => {
      const places = reads.filter((read) => read.unit === unit).map(({ atMs }) => atMs % 400);
      return Math.floor((places.sort((a, b) => a - b)[places.length >> 1] ?? 0) / 50);
    }),
  );
  assert.ok(eighths.size >= 6, `polls in ${eighths.size} eighths of the interval only`);
});

test('points of different intervals come in frames of their own', async (t) => {
  const { host, driver } = await setUp(t, new Map([[1, { holding: numbered() }]]), [
    deviceDefinition('plc', { pollMs: 50 }, [
      { name: 'fast', modbus: { address: 0 } },
      { name: 'slow', modbus: { address: 1, pollMs: 400 } },
    ]),
  ]);
  driver.start();
  await until('both', () => host.values('plc').slow === 1 && host.framesOf('plc').length > 12);
  assert.ok(host.framesOf('plc').every((frame) => frame.points.length === 1));
  const slow = host.framesOf('plc').filter((frame) => frame.points[0] === 'slow');
  assert.ok(slow.length <= 4, `${slow.length} slow frames of ${host.frames.length}`);
});

test('lower limits of a device are kept', async (t) => {
  const { host, driver, reads } = await setUp(t, new Map([[1, { holding: numbered() }]]), [
    deviceDefinition('plc', { pollMs: 50, limits: { registers: 10, bits: 16 } }, points(range(0, 35))),
  ]);
  driver.start();
  await until('a frame', () => host.framesOf('plc').length > 0);
  assert.deepEqual(
    reads.slice(0, 4).map(({ count }) => count),
    [10, 10, 10, 5],
  );
});
