/**
 * Goal: however the product ends, its simulators end with it, and the next start finds their ports free.
 * Method: a process of its own that starts them as the product does, killed with -9 before and after they are ready.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { until } from '../support/condition.ts';
import { EXEC_ARGV, moduleFile, ROOT } from '../support/places.ts';

const WITHIN_MS = 30_000;

test('killed while they are being opened, the product leaves no simulators behind', async (t) => {
  const { child, simulators } = await start(t);
  await until('a process of theirs', () => simulators() !== undefined, WITHIN_MS);
  await endsWith(child, simulators());
});

test('killed while they run, the product leaves no simulators behind, and their ports are free', async (t) => {
  const { child, simulators, ports } = await start(t);
  await until('they are ready', () => child.output().includes('ready'), WITHIN_MS);
  for (const port of ports) assert.equal(await isTaken(port), true, `${port} is theirs`);
  await endsWith(child, simulators());
  // Threads of the process may hold them a moment longer than its number lives.
  for (const port of ports) await until(`${port} is free`, async () => !(await isTaken(port)), WITHIN_MS);
});

async function start(t: { after(step: () => void): void }) {
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const [modbus, opcua, mqtt] = ports;
  const environment = { SIMULATOR_MODBUS_PORT: modbus, SIMULATOR_OPCUA_PORT: opcua, SIMULATOR_MQTT_PORT: mqtt };
  const child = spawn(process.execPath, [...EXEC_ARGV, moduleFile('../support/simulators-alone', import.meta.url)], {
    cwd: ROOT,
    env: { ...process.env, ...Object.fromEntries(Object.entries(environment).map(([k, v]) => [k, String(v)])) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (more: Buffer) => (text += more));
  const simulators = () => childrenOf(child.pid).find((pid) => commandOf(pid).includes('simulators/main'));
  t.after(() => {
    const left = simulators();
    child.kill('SIGKILL');
    if (left !== undefined && isAlive(left)) process.kill(left, 'SIGKILL');
  });
  // MQTT is the broker within the product: its simulators are clients of it, and nothing listens there.
  return { child: Object.assign(child, { output: () => text }), simulators, ports: [modbus, opcua] };
}

async function endsWith(child: ChildProcess, simulators: number | undefined): Promise<void> {
  assert.ok(simulators !== undefined);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await until('the simulators have ended', () => !isAlive(simulators), WITHIN_MS);
}

function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A process that nobody has waited for yet is a zombie: it is over, and holds nothing. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}
