import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame, PointValue } from '../../actors/frame.ts';
import type { ConnectionReport, Connectivity, DriverHost, LinkCertificate } from '../../gateways/driver.ts';
import { OpcUaDriver } from '../../gateways/opcua/driver.ts';
import { WriteFence } from '../../gateways/write-fence.ts';
import type { OpcUaServer, OpcUaServerOptions } from '../../simulators/opcua/server.ts';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import { Point } from '../../topology/schema/device.ts';
import { OpcUaConnection } from '../../topology/schema/opcua.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';
import type { ServerAnswer, ServerCall } from './opcua-server-process.ts';
import { openWire, type Wire } from './opcua-wire.ts';

export const NAMESPACE = 'urn:test:plant';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A simulated server in a child process. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: ServerAnswer) => void>();
  #nextId = 1;
  port = 0;

  constructor() {
    const file = moduleFile('./opcua-server-process', import.meta.url);
    this.#child = fork(file, { execArgv: [...EXEC_ARGV], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: ServerAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  async start(options: Partial<OpcUaServerOptions> & Pick<OpcUaServerOptions, 'variables'>): Promise<this> {
    const result = await this.#call({
      kind: 'start',
      options: { host: '127.0.0.1', port: 0, namespaceUri: NAMESPACE, ...options },
    });
    assert.ok(typeof result === 'object' && result !== null && 'port' in result && typeof result.port === 'number');
    this.port = result.port;
    return this;
  }

  set(...args: Parameters<OpcUaServer['set']>): Promise<unknown> {
    return this.#call({ kind: 'set', args });
  }

  add(...args: Parameters<OpcUaServer['add']>): Promise<unknown> {
    return this.#call({ kind: 'add', args });
  }

  fault(...args: Parameters<OpcUaServer['setFault']>): Promise<unknown> {
    return this.#call({ kind: 'fault', args });
  }

  writes(): Promise<unknown> {
    return this.#call({ kind: 'writes' });
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #call(call: WithoutId<ServerCall>): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result }) => (error === undefined ? resolve(result) : reject(new Error(error))));
      this.#child.send({ ...call, id });
    });
  }
}

export interface Received {
  readonly device: string;
  readonly frame: Frame;
}

/** A host that keeps all it is told. */
export class RecordingHost implements DriverHost {
  readonly received: Received[] = [];
  readonly connectivities: { readonly device: string; readonly connectivity: Connectivity; readonly atMs: number }[] =
    [];
  readonly reports: ConnectionReport[] = [];
  readonly certificates: LinkCertificate[] = [];
  readonly dataDir: string;
  readonly secrets: Record<string, string> = {};
  writeFence: WriteFence;
  /** What `ingest` waits for. */
  gate: Promise<void> = Promise.resolve();
  /** Frames given to `ingest`, taken or not. */
  offered = 0;
  /** Set to make the log refuse. */
  refuse = false;
  readonly log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };

  constructor(dataDir: string) {
    this.dataDir = dataDir;
    this.writeFence = this.#fence();
  }

  /** As the next process does. */
  restart(): void {
    this.writeFence = this.#fence();
  }

  #fence(): WriteFence {
    return new WriteFence(join(this.dataDir, 'write-epochs.json'), this.log);
  }

  async ingest(device: string, frame: Frame): Promise<void> {
    this.offered += 1;
    await this.gate;
    if (this.refuse) throw new Error('the log is down');
    this.received.push({ device, frame });
  }

  connectivity(device: string, connectivity: Connectivity): void {
    this.connectivities.push({ device, connectivity, atMs: Date.now() });
  }

  certificate(certificate: LinkCertificate): void {
    this.certificates.push(certificate);
  }

  report(report: ConnectionReport): void {
    this.reports.push(report);
  }

  deadLetter(): void {}

  secret(reference: string): string {
    const value = this.secrets[reference];
    if (value === undefined) throw new Error(`no secret ${reference}`);
    return value;
  }

  get state(): string {
    return this.reports.at(-1)?.state ?? 'none';
  }

  get facts(): Readonly<Record<string, string | number>> {
    return this.reports.at(-1)?.facts ?? {};
  }

  errorCount(code: string): number {
    return this.reports.at(-1)?.errors[code] ?? 0;
  }

  lastConnectivity(device: string): Connectivity | undefined {
    return this.connectivities.findLast((entry) => entry.device === device)?.connectivity;
  }

  /** The newest reading of a point. */
  reading(device: string, point: string): Reading | null {
    return this.readings(device, point).at(-1) ?? null;
  }

  readings(device: string, point: string): Reading[] {
    const readings: Reading[] = [];
    for (const received of this.received) {
      if (received.device !== device) continue;
      const { frame } = received;
      const at = frame.points.indexOf(point);
      if (at < 0) continue;
      readings.push({
        value: frame.values[at] ?? null,
        quality: frame.quality?.[at] ?? 'GOOD',
        reason: frame.reasons?.[at] ?? null,
        timeMs: frame.times === null ? frame.deviceTimeMs : (frame.times[at] ?? null),
      });
    }
    return readings;
  }
}

export interface Reading {
  readonly value: PointValue;
  readonly quality: string;
  readonly reason: string | null;
  readonly timeMs: number | null;
}

/** A connection as the topology would give it; points in the short form of the file. */
export function connection(
  port: number,
  devices: readonly {
    readonly id: string;
    readonly nodePrefix?: string;
    readonly points: readonly object[];
    readonly expectedIntervalMs?: number;
  }[],
  settings: object = {},
): ConnectionDefinition {
  return {
    id: 'plc',
    name: 'PLC',
    organization: 'test',
    driver: 'opcua',
    settings: OpcUaConnection.parse({
      id: 'plc',
      driver: 'opcua',
      endpoint: `opc.tcp://127.0.0.1:${port}`,
      security: { policy: 'None', mode: 'None' },
      publishingIntervalMs: 100,
      reconnect: { minMs: 100, maxMs: 500 },
      ...settings,
    }),
    devices: devices.map(device),
  };
}

function device({
  id,
  nodePrefix = `nsu=${NAMESPACE};s=`,
  points,
  expectedIntervalMs = 60_000,
}: Parameters<typeof connection>[1][number]): DeviceDefinition {
  return {
    id,
    name: id,
    site: 'north',
    siteName: 'North',
    timeZone: 'UTC',
    connection: 'plc',
    driver: 'opcua',
    profile: null,
    decommissioned: false,
    expectedIntervalMs,
    offlineAfterMs: 3 * expectedIntervalMs,
    points: points.map((point) => ({ ...Point.parse(point), staleAfterMs: 120_000 })),
    opcua: { nodePrefix },
    attributes: {},
    linkedAssets: [],
  };
}

/** Waits for a condition, bounded. */
export async function until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > endMs) assert.fail(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Making a key pair takes a second or two; the tests of one file share it. */
const shared = new Map<string, string>();

function sharedFolder(whose: string): string {
  let folder = shared.get(whose);
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), 'opcua-test-'));
    const path = folder;
    process.on('exit', () => rmSync(path, { recursive: true, force: true }));
    shared.set(whose, folder);
  }
  return folder;
}

/** Everything a test opens; closed in reverse, whatever happened. */
export class Bench {
  readonly #closers: (() => unknown)[] = [];

  async server(options: Parameters<ServerProcess['start']>[0]): Promise<ServerProcess> {
    const server = new ServerProcess();
    this.#closers.push(() => server.kill());
    return await server.start({ certificateDir: sharedFolder('server'), ...options });
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'opcua-test-'));
    this.#closers.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** @param fresh with a certificate store of its own, where no one is trusted yet */
  host(fresh = false): RecordingHost {
    return new RecordingHost(fresh ? this.folder() : sharedFolder('driver'));
  }

  driver(
    definition: ConnectionDefinition,
    host: DriverHost,
    timing: ConstructorParameters<typeof OpcUaDriver>[2] = {},
  ): OpcUaDriver {
    const driver = new OpcUaDriver(definition, host, timing);
    this.#closers.push(() => driver.stop());
    driver.start();
    return driver;
  }

  async wire(targetPort: number): Promise<Wire> {
    const wire = await openWire(targetPort);
    this.#closers.push(() => wire.close());
    return wire;
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.reverse()) await closer();
  }
}
