import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame, PointValue } from '../../actors/frame.ts';
import type { ConnectionReport, Connectivity, DriverHost } from '../../gateways/driver.ts';
import { WriteFence } from '../../gateways/write-fence.ts';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import { Point } from '../../topology/schema/device.ts';
import { ModbusConnection, ModbusDevice } from '../../topology/schema/modbus.ts';

/** A host that keeps all it is told. */
export class RecordingHost implements DriverHost {
  readonly frames: { readonly device: string; readonly frame: Frame; readonly atMs: number }[] = [];
  readonly connectivities: { readonly device: string; readonly connectivity: Connectivity; readonly atMs: number }[] =
    [];
  readonly reports: ConnectionReport[] = [];
  readonly dataDir = mkdtempSync(join(tmpdir(), 'signalbox-modbus-'));
  readonly log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  writeFence = new WriteFence(join(this.dataDir, 'write-epochs.json'), this.log);
  /** What `ingest` waits for. */
  gate: Promise<void> = Promise.resolve();

  ingest(device: string, frame: Frame): Promise<void> {
    this.frames.push({ device, frame, atMs: performance.now() });
    return this.gate;
  }

  connectivity(device: string, connectivity: Connectivity): void {
    this.connectivities.push({ device, connectivity, atMs: performance.now() });
  }

  report(report: ConnectionReport): void {
    this.reports.push(report);
  }

  deadLetter(): void {}

  certificate(): void {}

  secret(reference: string): string {
    throw new Error(`no secret ${reference}`);
  }

  /** As the next process does. */
  restart(): void {
    this.writeFence = new WriteFence(join(this.dataDir, 'write-epochs.json'), this.log);
  }

  framesOf(device: string): Frame[] {
    return this.frames.filter((entry) => entry.device === device).map(({ frame }) => frame);
  }

  /** Newest reading of each point: the value, or the reason why there is none. */
  values(device: string): Record<string, PointValue> {
    const values: Record<string, PointValue> = {};
    for (const frame of this.framesOf(device)) {
      frame.points.forEach((point, i) => {
        values[point] = frame.reasons?.[i] ?? frame.values[i] ?? null;
      });
    }
    return values;
  }

  /** online, or offline with its reason. */
  connectivityOf(device: string): string {
    const last = this.connectivities.findLast((entry) => entry.device === device)?.connectivity;
    return last === undefined ? 'unknown' : last.state === 'online' ? 'online' : `${last.state} ${last.reason}`;
  }

  get lastReport(): ConnectionReport | undefined {
    return this.reports.at(-1);
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

type PointInput = { readonly name: string } & Record<string, unknown>;

export function deviceDefinition(
  id: string,
  modbus: Record<string, unknown>,
  points: readonly PointInput[],
): DeviceDefinition {
  return {
    id,
    name: id,
    site: 'site-1',
    siteName: 'Site 1',
    timeZone: 'UTC',
    connection: 'line-1',
    driver: 'modbus',
    profile: null,
    decommissioned: false,
    expectedIntervalMs: 1000,
    offlineAfterMs: 3000,
    points: points.map((point) => ({ ...Point.parse(point), staleAfterMs: 2000 })),
    modbus: ModbusDevice.parse(modbus),
    attributes: {},
    linkedAssets: [],
  };
}

export function connectionDefinition(
  settings: Record<string, unknown>,
  devices: readonly DeviceDefinition[],
): ConnectionDefinition {
  return {
    id: 'line-1',
    name: 'Line 1',
    organization: 'acme',
    driver: 'modbus',
    settings: ModbusConnection.parse({ id: 'line-1', driver: 'modbus', ...settings }),
    devices,
  };
}

/** Resolves once the condition holds; fails with what was waited for. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

export interface Pymodbus {
  kill(): Promise<void>;
}

/** pymodbus as a server: holding registers hold their own address times 10, coils every third; TCP, or RTU frames over TCP. */
export async function startPymodbus(port: number, framer: 'tcp' | 'rtu'): Promise<Pymodbus> {
  const script = new URL('modbus-pymodbus.py', import.meta.url).pathname;
  const child = spawn('/usr/bin/python3', [script, String(port), framer], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await until('pymodbus to listen', () => output.includes('listening') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error('pymodbus ended');
  return { kill: () => end(child) };
}

/** A pseudo-terminal at `path`, its other end connected to a TCP port. */
export async function startPseudoTerminal(path: string, port: number): Promise<Pymodbus> {
  const { existsSync } = await import('node:fs');
  const child = spawn('socat', [`PTY,link=${path},raw,echo=0`, `TCP:127.0.0.1:${port}`], { stdio: 'inherit' });
  await until('the pseudo-terminal', () => existsSync(path));
  return { kill: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
