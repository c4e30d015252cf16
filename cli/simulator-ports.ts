import net from 'node:net';
import type { ConnectionDefinition, Plant } from '../topology/plant.ts';
import { Failure } from './failure.ts';

const NAMES: Readonly<Record<ConnectionDefinition['driver'], string>> = {
  opcua: 'OPC UA',
  modbus: 'Modbus',
  mqtt: 'MQTT',
};
/** Simulators of a process that has just ended let go of their ports within this time. */
const LET_GO_WITHIN_MS = 4000;
const LOOK_AGAIN_MS = 100;

/**
 * Sees to it that the simulators of this process have ports of their own: on the ports of another demo plant, this one would
 * show the field of the other. A port that is taken is replaced by a free one, unless somebody has asked for just this one.
 *
 * @param read the demo plant, with its ports from the environment
 * @returns the plant, and what to tell about ports that are not the usual ones
 */
export async function takeFreePorts(
  read: () => Promise<Plant>,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly plant: Plant; readonly moved: readonly string[] }> {
  const plant = await read();
  const moved: string[] = [];
  for (const { driver, settings } of plant.connections.values()) {
    const { host, port } = addressOf(settings);
    if (!(await isTaken(host, port))) continue;
    const name = NAMES[driver];
    // As `topology/demo.yaml` takes it from the environment, which the simulators are given too.
    const setting = `SIMULATOR_${driver.toUpperCase()}_PORT`;
    if (environment[setting] !== undefined) {
      await untilLetGo(host, port, name, setting);
      continue;
    }
    const free = await freePort(host);
    environment[setting] = String(free);
    moved.push(`  Port ${port} is taken: the simulated ${name} is on ${free} (${setting} chooses another).`);
  }
  return { plant: moved.length > 0 ? await read() : plant, moved };
}

function addressOf(settings: ConnectionDefinition['settings']): { readonly host: string; readonly port: number } {
  if (settings.driver === 'modbus') {
    if (settings.tcp === undefined) throw new Failure('signalbox: the simulated Modbus needs a TCP address');
    return settings.tcp;
  }
  const { hostname, port } = new URL(settings.driver === 'opcua' ? settings.endpoint : settings.url);
  return { host: hostname, port: Number(port) };
}

async function untilLetGo(host: string, port: number, name: string, setting: string): Promise<void> {
  const giveUpMs = performance.now() + LET_GO_WITHIN_MS;
  while (await isTaken(host, port)) {
    if (performance.now() > giveUpMs) {
      throw new Failure(
        `signalbox: port ${port} for the simulated ${name} is taken by another process; give ${setting} a free one, or unset it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Any other trouble with an address is for whoever listens on it to tell. */
function isTaken(host: string, port: number): Promise<boolean> {
  return listen(host, port).then(
    () => false,
    (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE',
  );
}

function freePort(host: string): Promise<number> {
  return listen(host, 0);
}

/** Listens for a moment. Resolves with the port. */
function listen(host: string, port: number): Promise<number> {
  const server = net.createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
