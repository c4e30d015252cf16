import type { DeviceDefinition } from '../../topology/plant.ts';
import type { DriverHost } from '../driver.ts';
import type { DriverCode } from '../driver-codes.ts';
import { compileCodec, type PointCodec } from './codec.ts';
import { Deadband } from './deadband.ts';
import { EXCEPTION, type Failure, provesAlive } from './failure.ts';
import type { IllegalRanges } from './illegal-ranges.ts';
import type { RequestQueue } from './request-queue.ts';
import { type CycleResult, Scan, type ScanContext, type ScanPoint } from './scan.ts';
import type { LinkStatistics } from './statistics.ts';
import { UnitHealth } from './unit-health.ts';
import type { WriteTarget } from './write.ts';

/**
 * One device on a link: its scans in time, its connectivity, its probing. Cycles start on a fixed grid, staggered by `phase`;
 * one that is not done when the next is due, or whose frame the log has not taken yet, makes that next one an overrun.
 */
export class DevicePoller {
  readonly definition: DeviceDefinition;
  readonly #link: LinkContext;
  readonly #phase: number;
  readonly #health: UnitHealth;
  readonly #codecs = new Map<string, PointCodec>();
  readonly #scans: PolledScan[];
  #up = false;
  #probeTimer: NodeJS.Timeout | null = null;
  #unansweredSinceMs: number | null = null;

  constructor(definition: DeviceDefinition, link: LinkContext, phase: number) {
    this.definition = definition;
    this.#link = link;
    this.#phase = phase;
    this.#health = new UnitHealth(settingsOf(definition).degradeAfter);
    this.#scans = this.#buildScans();
  }

  get state(): UnitHealth['state'] {
    return this.#health.state;
  }

  plannedRequests(nowMs: number): number {
    return this.#scans.reduce((sum, { scan }) => sum + scan.plannedRequests(nowMs), 0);
  }

  linkUp(): void {
    if (this.#up || this.#scans.length === 0) return;
    this.#up = true;
    if (this.#health.state === 'degraded') this.#probeAfter(this.#phase * FIRST_CYCLE_WITHIN_MS);
    else this.#startScans();
  }

  linkDown(reason: DriverCode, detail: string): void {
    this.#pause();
    if (this.#health.unreachable(reason)) this.#reportOffline(reason, detail, true);
  }

  stop(): void {
    this.#pause();
  }

  /** Offline as soon as an answer is overdue, whatever time-outs and attempts are still to come. */
  checkOverdue(): void {
    if (this.#unansweredSinceMs === null || performance.now() - this.#unansweredSinceMs < OVERDUE_AFTER_MS) return;
    if (this.#health.unreachable('timeout')) this.#reportOffline('timeout', 'no answer');
  }

  /** Null: no such point. */
  writeTarget(pointName: string): WriteTarget | 'not_writable' | null {
    const point = this.definition.points.find(({ name }) => name === pointName);
    const codec = this.#codecs.get(pointName);
    if (point === undefined || codec === undefined) return null;
    if (point.writable === undefined) return 'not_writable';
    const { min, max, readBack } = point.writable;
    const limits = [{ min, max, what: 'writable range' }];
    if (point.range !== undefined) {
      limits.push({ min: point.range.min, max: point.range.max, what: 'range of the point' });
    }
    return { unit: settingsOf(this.definition).unit, codec, readBack, limits };
  }

  #buildScans(): PolledScan[] {
    const device = this.definition;
    const settings = settingsOf(device);
    const byInterval = new Map<number, ScanPoint[]>();
    for (const { name, type, range, modbus } of device.points) {
      if (modbus === undefined) continue;
      const codec = compileCodec({
        point: modbus,
        valueType: type,
        deviceOrder: settings.order,
        addressBase: settings.addressBase,
      });
      this.#codecs.set(name, codec);
      const deadband = modbus.deadband === undefined ? null : new Deadband(modbus.deadband, range);
      const intervalMs = modbus.pollMs ?? settings.pollMs;
      const group = byInterval.get(intervalMs);
      if (group === undefined) byInterval.set(intervalMs, [{ name, codec, deadband }]);
      else group.push({ name, codec, deadband });
    }
    const { queue, ranges, retries, statistics, host } = this.#link;
    const context: ScanContext = {
      device,
      unit: settings.unit,
      retries,
      limits: { ...settings.limits, maxGap: settings.maxGap },
      queue,
      ranges,
      log: host.log,
      onSend: () => {
        this.#unansweredSinceMs ??= performance.now();
      },
      onAlive: () => {
        this.#unansweredSinceMs = null;
        this.#link.onAlive();
      },
      onError: (code) => statistics.error(code),
    };
    return [...byInterval].map(([intervalMs, points]) => ({
      scan: new Scan(context, intervalMs, points),
      timer: null,
      ingesting: false,
      dueAtMs: 0,
    }));
  }

  #startScans(): void {
    const nowMs = performance.now();
    for (const polled of this.#scans) {
      // The first cycle comes soon whatever the interval; the grid after it spreads over the whole of it.
      polled.dueAtMs = nowMs + this.#phase * Math.min(polled.scan.intervalMs, FIRST_CYCLE_WITHIN_MS);
      this.#schedule(polled);
    }
  }

  #schedule(polled: PolledScan): void {
    if (polled.timer !== null) clearTimeout(polled.timer);
    polled.timer = setTimeout(() => this.#due(polled), Math.max(0, polled.dueAtMs - performance.now()));
  }

  #due(polled: PolledScan): void {
    polled.timer = null;
    const { intervalMs } = polled.scan;
    const nowMs = performance.now();
    // Whole cycles that the process slept through.
    this.#link.statistics.cycleOverruns += Math.floor(Math.max(0, nowMs - polled.dueAtMs) / intervalMs);
    if (polled.scan.busy || polled.ingesting) this.#link.statistics.cycleOverruns++;
    else polled.scan.run(Date.now(), (result) => this.#cycleEnded(polled, result));
    const grid = this.#phase * intervalMs;
    polled.dueAtMs = (Math.floor((nowMs - grid) / intervalMs) + 1) * intervalMs + grid;
    // Timers may fire a little early: that is no second cycle of the same interval.
    if (polled.dueAtMs - nowMs < intervalMs / 8) polled.dueAtMs += intervalMs;
    this.#schedule(polled);
  }

  #cycleEnded(polled: PolledScan, result: CycleResult): void {
    // Of a link that is gone or of a definition that was replaced: it must not bring the device back.
    if (!this.#up) return;
    if (result.answered) {
      this.#answered();
      this.#ingest(polled, result.frame);
      return;
    }
    // Ended because the link did: linkDown will tell.
    if (result.silence === null || result.silence.kind === 'cancelled') return;
    if (result.silence.kind === 'connection_lost') return;
    const reason = offlineReason(result.silence);
    const { wentOffline, degrades } = this.#health.cycleFailed(reason);
    if (wentOffline) this.#reportOffline(reason, '');
    if (!degrades) return;
    this.#stopScans();
    this.#probeAfter(settingsOf(this.definition).probeMs);
    this.#link.onDegraded();
  }

  #answered(): void {
    if (!this.#health.answered()) return;
    this.#link.host.connectivity(this.definition.id, { state: 'online', reason: 'connected' });
    this.#link.onChange();
  }

  #ingest(polled: PolledScan, frame: CycleResult['frame']): void {
    const { host, statistics } = this.#link;
    polled.ingesting = true;
    statistics.readings(frame.values.length, frame.gatewayTimeMs);
    host.ingest(this.definition.id, frame).then(
      () => {
        polled.ingesting = false;
      },
      () => {
        // The log says why; here the next scan brings newer values.
        polled.ingesting = false;
        statistics.error('not_stored');
      },
    );
  }

  /** Once when it goes offline: repeating BAD readings each cycle would tell nothing new. */
  #reportOffline(reason: DriverCode, detail: string, ofLink = false): void {
    const { host, statistics } = this.#link;
    host.connectivity(this.definition.id, {
      state: 'offline',
      reason,
      ...(detail !== '' && { detail }),
      ...(ofLink && { ofLink }),
    });
    this.#link.onChange();
    const nowMs = Date.now();
    for (const { scan } of this.#scans) {
      host.ingest(this.definition.id, scan.failedFrame(reason, nowMs)).catch(() => statistics.error('not_stored'));
    }
  }

  #probeAfter(delayMs: number): void {
    if (this.#probeTimer !== null) clearTimeout(this.#probeTimer);
    this.#probeTimer = setTimeout(() => this.#probe(), delayMs);
  }

  #probe(): void {
    this.#probeTimer = null;
    const operation = this.#scans[0]?.scan.probe(Date.now()) ?? null;
    if (operation === null) {
      this.#startScans();
      return;
    }
    this.#link.queue.read(settingsOf(this.definition).unit, {
      operation,
      retries: 0,
      done: (answer) => {
        if (!this.#up) return;
        if (provesAlive(answer)) {
          this.#unansweredSinceMs = null;
          this.#link.onAlive();
          this.#answered();
          this.#startScans();
          return;
        }
        if (!answer.ok) {
          const reason = offlineReason(answer);
          if (this.#health.cycleFailed(reason).wentOffline) this.#reportOffline(reason, '');
        }
        this.#probeAfter(settingsOf(this.definition).probeMs);
        this.#link.onDegraded();
      },
    });
  }

  #stopScans(): void {
    for (const polled of this.#scans) {
      if (polled.timer !== null) clearTimeout(polled.timer);
      polled.timer = null;
    }
  }

  #pause(): void {
    this.#up = false;
    this.#unansweredSinceMs = null;
    this.#stopScans();
    if (this.#probeTimer !== null) clearTimeout(this.#probeTimer);
    this.#probeTimer = null;
  }
}

/** What a device needs of its link. */
export interface LinkContext {
  readonly host: DriverHost;
  readonly queue: RequestQueue;
  readonly ranges: IllegalRanges;
  readonly statistics: LinkStatistics;
  readonly retries: number;
  /** Some device has answered. */
  readonly onAlive: () => void;
  /** A device has been given up for now, or a probe of it has failed. */
  readonly onDegraded: () => void;
  /** A device has come or gone. */
  readonly onChange: () => void;
}

interface PolledScan {
  readonly scan: Scan;
  timer: NodeJS.Timeout | null;
  /** The log has not taken the last frame yet. */
  ingesting: boolean;
  dueAtMs: number;
}

const FIRST_CYCLE_WITHIN_MS = 1000;
/** With the second between two checks: offline is shown within 5 s of the first request without an answer. */
const OVERDUE_AFTER_MS = 3800;

function settingsOf(device: DeviceDefinition): NonNullable<DeviceDefinition['modbus']> {
  if (device.modbus === undefined) throw new Error(`device ${device.id} has no modbus settings`);
  return device.modbus;
}

function offlineReason(failure: Failure): DriverCode {
  if (failure.kind === 'exception') {
    return failure.exception === EXCEPTION.gatewayPathUnavailable
      ? 'modbus_gateway_path_unavailable'
      : 'modbus_unit_not_responding';
  }
  return failure.kind === 'cancelled' ? failure.code : failure.kind;
}
