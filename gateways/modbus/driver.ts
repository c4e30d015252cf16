import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import type { ModbusConnection } from '../../topology/schema/modbus.ts';
import type { ConnectionReport, Driver, DriverFactory, DriverHost, WriteOutcome, WriteRequest } from '../driver.ts';
import { Connection, type LinkError } from './connection.ts';
import { DevicePoller, type LinkContext } from './device-poller.ts';
import { IllegalRanges } from './illegal-ranges.ts';
import { RequestQueue } from './request-queue.ts';
import { frameSilenceMs } from './rtu-port.ts';
import { LinkStatistics } from './statistics.ts';
import { failed, WriteExecutor } from './write.ts';

/** The Modbus driver, TCP and RTU: one instance a link, with all devices behind it. */
export const modbusDriver: DriverFactory = (definition, host) => new ModbusDriver(definition, host);

class ModbusDriver implements Driver {
  readonly #host: DriverHost;
  readonly #statistics = new LinkStatistics(Date.now());
  readonly #ranges: IllegalRanges;
  #definition: ConnectionDefinition;
  #link: RunningLink | null = null;
  #devices = new Map<string, DevicePoller>();
  #lastError: ConnectionReport['lastError'];
  #tick: NodeJS.Timeout | null = null;
  #linkWasUp = false;
  #reportDue = false;
  #reportSoonDue = false;

  constructor(definition: ConnectionDefinition, host: DriverHost) {
    this.#definition = definition;
    this.#host = host;
    this.#ranges = new IllegalRanges(join(host.dataDir, `modbus-${definition.id}-ranges.json`), host.log);
  }

  start(): void {
    if (this.#link !== null) return;
    this.#open();
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** Devices that did not change go on undisturbed; a changed link is closed and opened anew. */
  async reconfigure(definition: ConnectionDefinition): Promise<void> {
    const before = this.#definition;
    this.#definition = definition;
    if (this.#link === null) return;
    if (!isDeepStrictEqual(withoutName(before.settings), withoutName(definition.settings))) {
      await this.#close();
      this.#open();
      return;
    }
    this.#replaceDevices(this.#link);
  }

  async stop(): Promise<void> {
    if (this.#tick !== null) clearInterval(this.#tick);
    this.#tick = null;
    await this.#close();
    this.#report();
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const device = this.#devices.get(request.device);
    if (device === undefined)
      return failed(request, 'unknown_device', `no device ${request.device} on this connection`);
    const target = device.writeTarget(request.point);
    if (target === null) return failed(request, 'unknown_point', `${request.device} has no point ${request.point}`);
    if (target === 'not_writable') return failed(request, 'not_writable', `${request.point} is not on the allow-list`);
    if (this.#link === null || this.#link.connection.state.kind !== 'connected' || this.#link.closing) {
      return failed(request, 'not_connected', 'there is no link to the device; the write is dropped, not kept');
    }
    const outcome = await this.#link.writes.execute(target, request);
    if (outcome.code !== undefined) this.#statistics.error(`write_${outcome.code}`);
    return outcome;
  }

  #open(): void {
    const settings = modbusSettings(this.#definition);
    const queue = new RequestQueue(queueOptions(settings, this.#statistics));
    const connection: Connection = new Connection(settings, {
      onUp: (client) => {
        queue.attach(client);
        this.#linkWasUp = true;
        this.#host.log.info({ connection: this.#definition.id }, 'connected');
        for (const device of this.#devices.values()) device.linkUp();
      },
      onDown: (error) => {
        queue.detach();
        this.#note(error);
        for (const device of this.#devices.values()) device.linkDown(error.code, error.message);
      },
      onChange: () => this.#report(),
    });
    const context: LinkContext = {
      host: this.#host,
      queue,
      ranges: this.#ranges,
      statistics: this.#statistics,
      retries: settings.retries,
      onAlive: () => connection.confirm(),
      onDegraded: () => this.#dropIfSilent(connection, settings),
      onChange: () => this.#reportSoon(),
    };
    this.#link = {
      connection,
      queue,
      context,
      writes: new WriteExecutor(queue, this.#host.writeFence),
      closing: false,
    };
    this.#replaceDevices(this.#link);
    connection.start();
  }

  async #close(): Promise<void> {
    const link = this.#link;
    if (link === null) return;
    link.closing = true;
    for (const device of this.#devices.values()) device.stop();
    const drained = link.writes.drain().then(() => undefined);
    await Promise.race([drained, after(DRAIN_MS)]);
    this.#link = null;
    this.#devices = new Map();
    link.connection.stop();
    link.queue.detach();
  }

  #replaceDevices(link: RunningLink): void {
    const devices = new Map<string, DevicePoller>();
    const active = this.#definition.devices.filter(isPolled);
    active.forEach((definition, index) => {
      const running = this.#devices.get(definition.id);
      if (running !== undefined && isDeepStrictEqual(running.definition, definition)) {
        devices.set(definition.id, running);
        return;
      }
      running?.stop();
      // Spread evenly over the interval on this link, and shifted against other links of the same shape.
      const phase = (index / active.length + fraction(this.#definition.id)) % 1;
      devices.set(definition.id, new DevicePoller(definition, link.context, phase));
    });
    for (const [id, device] of this.#devices) if (!devices.has(id)) device.stop();
    this.#devices = devices;
    const { state } = link.connection;
    for (const device of devices.values()) {
      if (state.kind === 'connected') device.linkUp();
      if (state.kind === 'waiting') device.linkDown(state.error.code, state.error.message);
    }
  }

  /** On TCP silence of every device may be a half-open link; a serial bus has nothing to reconnect. */
  #dropIfSilent(connection: Connection, settings: ModbusConnection): void {
    if (settings.tcp === undefined) return;
    for (const device of this.#devices.values()) if (device.state !== 'degraded') return;
    connection.drop('timeout', 'no device on the link answers');
  }

  #note(error: LinkError): void {
    this.#statistics.error(error.code);
    // A link that stays away says so once; the attempts after it are in the report.
    if (this.#linkWasUp || this.#lastError?.code !== error.code) {
      this.#host.log.warn({ connection: this.#definition.id, code: error.code }, error.message);
    }
    this.#linkWasUp = false;
    this.#lastError = { code: error.code, message: error.message, atMs: Date.now() };
  }

  #onTick(): void {
    for (const device of this.#devices.values()) device.checkOverdue();
    this.#reportDue = !this.#reportDue;
    if (this.#reportDue) this.#report();
  }

  /** Once for all devices that come or go in one turn. */
  #reportSoon(): void {
    if (this.#reportSoonDue) return;
    this.#reportSoonDue = true;
    setImmediate(() => {
      this.#reportSoonDue = false;
      this.#report();
    });
  }

  #report(): void {
    const nowMs = Date.now();
    const link = this.#link;
    const state = link?.connection.state ?? { kind: 'stopped' as const };
    const latencyMs = this.#statistics.latencyMs(nowMs);
    this.#host.report({
      state: state.kind === 'connected' && this.#offlineDevices() > 0 ? 'degraded' : state.kind,
      ...('address' in state ? { detail: state.address } : {}),
      ...(state.kind === 'waiting' ? { detail: state.error.message, nextAttemptAtMs: state.nextAttemptAtMs } : {}),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      ...(latencyMs === null ? {} : { latencyMs }),
      errors: { ...this.#statistics.errors },
      readingsPerSecond: this.#statistics.readingsPerSecond(nowMs),
      lastReadingAtMs: this.#statistics.lastReadingAtMs,
      cycleOverruns: this.#statistics.cycleOverruns,
      queueDepth: link?.queue.depth ?? 0,
      facts: this.#facts(nowMs),
    });
  }

  #facts(nowMs: number): Record<string, string | number> {
    let plannedRequests = 0;
    let degraded = 0;
    for (const device of this.#devices.values()) {
      plannedRequests += device.plannedRequests(nowMs);
      if (device.state === 'degraded') degraded++;
    }
    return {
      devices: this.#devices.size,
      devicesOffline: this.#offlineDevices(),
      devicesDegraded: degraded,
      plannedRequests,
      requestsSent: this.#statistics.requests,
      illegalRanges: this.#ranges.count,
      lateReplies: this.#link?.connection.lateReplies ?? 0,
      connects: this.#link?.connection.connects ?? 0,
    };
  }

  #offlineDevices(): number {
    let offline = 0;
    for (const { state } of this.#devices.values()) if (state === 'failing' || state === 'degraded') offline++;
    return offline;
  }
}

interface RunningLink {
  readonly connection: Connection;
  readonly queue: RequestQueue;
  readonly context: LinkContext;
  readonly writes: WriteExecutor;
  closing: boolean;
}

const TICK_MS = 1000;
/** Of the 3 s in which a driver has to stop. */
const DRAIN_MS = 2500;
/** Units served at once behind one TCP address; half of them may be silent without touching the others. */
const TCP_IN_FLIGHT = 32;
const LANE_CAPACITY = 4096;
/** On a serial bus: a late answer passes before the next question. */
const TURNAROUND_MS = 50;

function queueOptions(settings: ModbusConnection, statistics: LinkStatistics) {
  const { serial, sendIntervalMs } = settings;
  return {
    maxInFlight: serial !== undefined || sendIntervalMs > 0 ? 1 : TCP_IN_FLIGHT,
    sendIntervalMs: serial === undefined ? sendIntervalMs : Math.max(sendIntervalMs, frameSilenceMs(serial.baudRate)),
    pauseAfterTimeoutMs: serial === undefined ? 0 : TURNAROUND_MS,
    laneCapacity: LANE_CAPACITY,
    onAnswer: (answer: { readonly ok: boolean; readonly kind?: string }, latencyMs: number) => {
      if (answer.ok || answer.kind === 'exception') statistics.request(latencyMs, Date.now());
    },
  };
}

function modbusSettings({ settings, id }: ConnectionDefinition): ModbusConnection {
  if (settings.driver !== 'modbus')
    throw new Error(`connection ${id} is for the driver ${settings.driver}, not for Modbus`);
  return settings;
}

function isPolled(device: DeviceDefinition): boolean {
  return !device.decommissioned && device.modbus !== undefined;
}

function withoutName({ name: _, ...settings }: ConnectionDefinition['settings']): object {
  return settings;
}

/** Of a text, evenly spread over 0 to 1 (FNV-1a). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash / 2 ** 32;
}

function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}
