/**
 * Goal: a second demo plant on one machine never shows the field of the first.
 * Method: servers on the ports that the demo plant would take; the ports are told by the environment, as the file has it.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Failure } from '../../cli/failure.ts';
import { takeFreePorts } from '../../cli/simulator-ports.ts';
import { readPlant } from '../../cli/topology.ts';
import type { Plant } from '../../topology/plant.ts';

const DEMO = fileURLToPath(new URL('../../topology/demo.yaml', import.meta.url));

async function taken(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function modbusPortOf(plant: Plant): number | undefined {
  const settings = plant.connections.get('pumping-plc')?.settings;
  return settings?.driver === 'modbus' ? settings.tcp?.port : undefined;
}

/** The demo plant with its Modbus on a port, as `topology/demo.yaml` reads the environment. */
async function demoOn(environment: NodeJS.ProcessEnv, usual: number): Promise<Plant> {
  const plant = await readPlant(DEMO);
  const connection = plant.connections.get('pumping-plc');
  assert.ok(connection?.settings.driver === 'modbus' && connection.settings.tcp);
  const port = Number(environment.SIMULATOR_MODBUS_PORT ?? usual);
  const settings = { ...connection.settings, tcp: { ...connection.settings.tcp, port } };
  return { ...plant, connections: new Map([['pumping-plc', { ...connection, settings }]]) };
}

test('a usual port that is taken is replaced by a free one, and said so in a line that names the setting', async () => {
  const other = await taken();
  try {
    const environment: NodeJS.ProcessEnv = {};
    const { plant, moved } = await takeFreePorts(() => demoOn(environment, other.port), environment);
    const port = modbusPortOf(plant);
    assert.ok(port !== undefined && port !== other.port);
    assert.equal(environment.SIMULATOR_MODBUS_PORT, String(port), 'the simulators are told too');
    assert.equal(moved.length, 1);
    assert.match(moved[0] ?? '', new RegExp(`Port ${other.port} is taken.*${port}.*SIMULATOR_MODBUS_PORT`));
  } finally {
    await other.close();
  }
});

test('a port that somebody asked for and that is taken is refused, with the port and the setting', async () => {
  const other = await taken();
  try {
    const environment: NodeJS.ProcessEnv = { SIMULATOR_MODBUS_PORT: String(other.port) };
    await assert.rejects(
      takeFreePorts(() => demoOn(environment, 1), environment),
      (error: unknown) =>
        error instanceof Failure &&
        error.lines.length === 1 &&
        error.message.includes(`port ${other.port}`) &&
        error.message.includes('SIMULATOR_MODBUS_PORT'),
    );
  } finally {
    await other.close();
  }
});

test('a port that was asked for is waited for while the simulators of an earlier run let go of it', async () => {
  const other = await taken();
  const environment: NodeJS.ProcessEnv = { SIMULATOR_MODBUS_PORT: String(other.port) };
  const starting = takeFreePorts(() => demoOn(environment, 1), environment);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await other.close();
  const { plant, moved } = await starting;
  assert.equal(modbusPortOf(plant), other.port);
  assert.deepEqual(moved, []);
});
