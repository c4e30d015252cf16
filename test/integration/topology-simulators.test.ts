/**
 * Goal: the simulated field of the demo plant and our drivers mean the same.
 * Method: the simulators run as a process of their own on free ports, and each driver reads its connection as the topology
 * file defines it, until every point of every device has arrived.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Frame, PointValue } from '../../actors/frame.ts';
import type { Driver, DriverHost } from '../../gateways/driver.ts';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import { mqttDriver } from '../../gateways/mqtt/driver.ts';
import { opcuaDriver } from '../../gateways/opcua/driver.ts';
import { loadTopology } from '../../topology/load.ts';
import type { Plant } from '../../topology/plant.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';

const MAIN = moduleFile('../../simulators/main', import.meta.url);
const DEMO = fileURLToPath(new URL('../../topology/demo.yaml', import.meta.url));
const FACTORIES = { modbus: modbusDriver, opcua: opcuaDriver, mqtt: mqttDriver };

let plant: Plant;
let dataDir: string;
let simulators: ChildProcess;
const drivers: Driver[] = [];
const values = new Map<string, Map<string, PointValue>>();
const online = new Set<string>();

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'signalbox-simulators-'));
  const environment = {
    SIMULATOR_MODBUS_PORT: String(await freePort()),
    SIMULATOR_OPCUA_PORT: String(await freePort()),
    SIMULATOR_MQTT_PORT: String(await freePort()),
  };
  const loaded = await loadTopology(DEMO, environment);
  assert.ok(loaded.ok);
  plant = loaded.plant;
  for (const connection of plant.connections.values()) {
    const driver = FACTORIES[connection.driver](connection, host());
    driver.start();
    drivers.push(driver);
  }
  simulators = fork(MAIN, [], {
    env: { ...process.env, ...environment, SIMULATOR_SCENARIO: 'none' },
    execArgv: [...EXEC_ARGV],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [line] = await once(simulators.stdout ?? assert.fail(), 'data', { signal: AbortSignal.timeout(20_000) });
  assert.equal(String(line).trim(), 'simulators ready');
});

after(async () => {
  simulators?.kill('SIGKILL');
  await Promise.all(drivers.map((driver) => driver.stop()));
  await rm(dataDir, { recursive: true, force: true });
});

test('every readable point of every device arrives, in the units of the topology', async () => {
  await until(
    () => missing().length === 0,
    20_000,
    () => `still missing: ${missing().slice(0, 10).join(', ')}`,
  );
  for (const device of plant.devices.values()) {
    assert.ok(online.has(device.id), `${device.id} is online`);
    for (const { name, range } of device.points) {
      const value = values.get(device.id)?.get(name);
      if (range === undefined) continue;
      assert.ok(
        typeof value === 'number' && value >= range.min && value <= range.max,
        `${device.id}.${name}: ${value}`,
      );
    }
  }
  assert.ok(Math.abs(Number(values.get('plc-1')?.get('p1_voltage')) - 398) < 5);
  assert.equal(values.get('plc-1')?.get('p1_running'), true);
  assert.equal(values.get('plc-1')?.get('p3_speed_limit'), 100);
});

test('the simulators end with the process that started them', async () => {
  const ended = once(simulators, 'exit', { signal: AbortSignal.timeout(5000) });
  simulators.disconnect();
  const [code] = await ended;
  assert.equal(code, 0);
});

function host(): DriverHost {
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return {
    async ingest(device: string, frame: Frame) {
      const known = values.get(device) ?? new Map<string, PointValue>();
      values.set(device, known);
      for (const [index, point] of frame.points.entries()) {
        if ((frame.quality?.[index] ?? 'GOOD') === 'GOOD') known.set(point, frame.values[index] ?? null);
      }
    },
    connectivity(device, { state }) {
      if (state === 'online') online.add(device);
      else online.delete(device);
    },
    certificate: () => {},
    report: () => {},
    deadLetter: ({ reason }) => assert.fail(reason),
    secret: (reference) => assert.fail(reference),
    dataDir,
    writeFence: { refusal: () => null },
    log,
  };
}

function missing(): string[] {
  return [...plant.devices.values()].flatMap(({ id, points }) =>
    points.filter(({ name }) => (values.get(id)?.get(name) ?? null) === null).map(({ name }) => `${id}.${name}`),
  );
}

async function until(holds: () => boolean, timeoutMs: number, explain: () => string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    assert.ok(performance.now() < deadline, explain());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}
