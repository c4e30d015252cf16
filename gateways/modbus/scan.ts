import type { Frame, PointValue, Quality } from '../../actors/frame.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { DriverCode } from '../driver-codes.ts';
import type { Operation } from './client.ts';
import type { Decoded, PointCodec } from './codec.ts';
import type { Deadband } from './deadband.ts';
import { type Answer, EXCEPTION, exceptionCode, type Failure, failureCode, provesAlive } from './failure.ts';
import type { IllegalRange, IllegalRanges } from './illegal-ranges.ts';
import {
  type AddressRange,
  bisect,
  type PlannedPoint,
  type PlannedRequest,
  planReads,
  type ReadPlan,
  touches,
} from './planner.ts';
import { readingFault } from './quality.ts';
import type { RequestQueue } from './request-queue.ts';

/**
 * The points of a device that share a poll interval: one plan, one cycle at a time, one frame a cycle. A request that the
 * device refuses as illegal is halved within the cycle until the culprit is found, so that its neighbours lose no reading.
 */
export class Scan {
  readonly intervalMs: number;
  /** Shared by all frames. */
  readonly names: readonly string[];
  readonly #context: ScanContext;
  readonly #points: readonly ScanPoint[];
  readonly #layout: readonly PlannedPoint[];
  #plan: CurrentPlan | null = null;
  #cycle: Cycle | null = null;

  constructor(context: ScanContext, intervalMs: number, points: readonly ScanPoint[]) {
    this.#context = context;
    this.intervalMs = intervalMs;
    this.#points = points;
    this.names = Object.freeze(points.map((point) => point.name));
    this.#layout = points.map(({ codec }, index) => ({
      index,
      area: codec.area,
      address: codec.address,
      count: codec.count,
    }));
  }

  get busy(): boolean {
    return this.#cycle !== null;
  }

  plannedRequests(nowMs: number): number {
    return this.#currentPlan(nowMs).reads.requests.length;
  }

  /** A single small read that shows whether the device answers. */
  probe(nowMs: number): Operation | null {
    const { requests, refused } = this.#currentPlan(nowMs).reads;
    const first = requests[0]?.points[0] ?? refused.find(({ reason }) => reason === 'illegal_range')?.point;
    return first === undefined ? null : readOf(first);
  }

  /** Starts a cycle; `done` is called once. Not while one is under way. */
  run(nowMs: number, done: (result: CycleResult) => void): void {
    const { reads, illegal } = this.#currentPlan(nowMs);
    const cycle: Cycle = {
      startedAtMs: nowMs,
      values: new Array<PointValue>(this.#points.length).fill(null),
      quality: null,
      reasons: null,
      outstanding: 1,
      answered: false,
      silence: null,
      learned: false,
      done,
    };
    this.#cycle = cycle;
    for (const { point, reason } of reads.refused) {
      this.#mark(cycle, point.index, 'BAD', reason === 'illegal_range' ? refusalReason(illegal, point) : reason);
    }
    for (const request of reads.requests) this.#read(cycle, request, null);
    if (reads.requests.length === 0) this.#knock(cycle, nowMs);
    this.#settled(cycle);
  }

  /** All points BAD for one reason. */
  failedFrame(reason: DriverCode, nowMs: number): Frame {
    return {
      deviceTimeMs: nowMs,
      gatewayTimeMs: nowMs,
      points: this.names,
      values: this.names.map(() => null),
      quality: this.names.map(() => 'BAD'),
      reasons: this.names.map(() => reason),
      times: null,
    };
  }

  #currentPlan(nowMs: number): CurrentPlan {
    if (this.#plan !== null && nowMs < this.#plan.untilMs) return this.#plan;
    const { device, ranges, limits } = this.#context;
    const illegal = ranges.of(device, nowMs);
    const reads =
      this.#plan !== null && this.#plan.illegal.length === illegal.length && illegal.length === 0
        ? this.#plan.reads
        : planReads(this.#layout, limits, illegal);
    let untilMs = nowMs + REPLAN_MS;
    for (const { learnedAtMs, retryAfterMs } of illegal) untilMs = Math.min(untilMs, learnedAtMs + retryAfterMs);
    this.#plan = { reads, illegal, untilMs };
    return this.#plan;
  }

  #read(cycle: Cycle, request: PlannedRequest, half: Half | null): void {
    const { queue, unit, retries, onSend } = this.#context;
    cycle.outstanding++;
    queue.read(unit, {
      operation: readOf(request),
      retries,
      refuse: () => {
        if (cycle.silence !== null) return 'modbus_unit_silent';
        onSend();
        return null;
      },
      done: (answer) => {
        this.#take(cycle, request, half, answer);
        this.#settled(cycle);
      },
    });
  }

  /** Every point has been refused: asked again each cycle, for it may have been a passing state, and to see that it lives. */
  #knock(cycle: Cycle, nowMs: number): void {
    const operation = this.probe(nowMs);
    if (operation === null) return;
    const { queue, unit, retries, ranges, device, onSend, onAlive } = this.#context;
    cycle.outstanding++;
    queue.read(unit, {
      operation,
      retries,
      refuse: () => {
        onSend();
        return null;
      },
      done: (answer) => {
        if (provesAlive(answer)) {
          cycle.answered = true;
          onAlive();
        } else if (!answer.ok) cycle.silence = answer;
        if (answer.ok) {
          ranges.forget(device);
          cycle.learned = true;
        }
        this.#settled(cycle);
      },
    });
  }

  #take(cycle: Cycle, request: PlannedRequest, half: Half | null, answer: Answer): void {
    if (provesAlive(answer)) {
      cycle.answered = true;
      this.#context.onAlive();
    }
    if (answer.ok) {
      this.#decode(cycle, request, answer.data);
      // Both halves can be read and the whole could not: what lies between them is the culprit.
      if (half !== null && ++half.readable === 2) this.#learn(cycle, half.between, 0);
      return;
    }
    if (answer.kind !== 'cancelled') this.#context.onError(failureCode(answer));
    if (refusesRange(answer)) {
      const parts = bisect(request);
      if (parts !== null) {
        const halves: Half = { between: parts.between, readable: 0 };
        this.#read(cycle, parts.left, halves);
        this.#read(cycle, parts.right, halves);
        return;
      }
      const { area, address, count } = request;
      this.#learn(cycle, { area, from: address, to: address + count }, answer.exception);
    }
    // A unit that is silent gets no further request in this cycle.
    if (!provesAlive(answer) && cycle.silence === null) cycle.silence = answer;
    const fault = readingFault(answer.kind === 'cancelled' && cycle.silence !== null ? cycle.silence : answer);
    for (const point of request.points) this.#mark(cycle, point.index, fault.quality, fault.reason);
  }

  #decode(cycle: Cycle, request: PlannedRequest, data: Uint8Array): void {
    for (const { index, address } of request.points) {
      const point = this.#points[index];
      if (point === undefined) continue;
      point.codec.decode(data, address - request.address, decoded);
      cycle.values[index] = point.deadband === null ? decoded.value : point.deadband.apply(decoded.value);
      if (decoded.quality !== 'GOOD') this.#mark(cycle, index, decoded.quality, decoded.reason);
    }
  }

  #mark(cycle: Cycle, index: number, quality: Quality, reason: DriverCode | null): void {
    cycle.quality ??= new Array<Quality>(this.#points.length).fill('GOOD');
    cycle.reasons ??= new Array<string | null>(this.#points.length).fill(null);
    cycle.quality[index] = quality;
    cycle.reasons[index] = reason;
  }

  #learn(cycle: Cycle, range: AddressRange, exception: number): void {
    const { ranges, device, log } = this.#context;
    ranges.learn(device, { ...range, exception, learnedAtMs: cycle.startedAtMs });
    cycle.learned = true;
    log.info({ device: device.id, ...range, exception }, 'the device refuses a range; it is read around from now on');
  }

  #settled(cycle: Cycle): void {
    if (--cycle.outstanding > 0) return;
    if (cycle.learned) {
      this.#plan = null;
      this.#context.ranges.save();
    }
    this.#cycle = null;
    const { values, quality, reasons } = cycle;
    // A register has no clock: the instant of the answer is when it was measured, and no guess (decision 0006).
    const nowMs = Date.now();
    cycle.done({
      answered: cycle.answered,
      silence: cycle.silence,
      frame: {
        deviceTimeMs: nowMs,
        gatewayTimeMs: nowMs,
        points: this.names,
        values,
        quality,
        reasons,
        times: null,
      },
    });
  }
}

export interface ScanContext {
  readonly device: DeviceDefinition;
  readonly unit: number;
  readonly retries: number;
  readonly limits: { readonly registers: number; readonly bits: number; readonly maxGap: number };
  readonly queue: RequestQueue;
  readonly ranges: IllegalRanges;
  readonly log: { info(details: object, message: string): void };
  /** A request is about to leave. */
  readonly onSend: () => void;
  /** The device has answered, be it with an exception. */
  readonly onAlive: () => void;
  readonly onError: (code: DriverCode) => void;
}

export interface ScanPoint {
  readonly name: string;
  readonly codec: PointCodec;
  readonly deadband: Deadband | null;
}

export interface CycleResult {
  readonly answered: boolean;
  /** Why the unit is taken for silent; null when it answered all it was asked. */
  readonly silence: Failure | null;
  readonly frame: Frame;
}

interface CurrentPlan {
  readonly reads: ReadPlan;
  readonly illegal: readonly IllegalRange[];
  /** Then a range is due to be tried again, or another scan of the device may have learned one. */
  readonly untilMs: number;
}

interface Cycle {
  readonly startedAtMs: number;
  readonly values: PointValue[];
  quality: Quality[] | null;
  reasons: (string | null)[] | null;
  /** Requests without an answer, and one for starting them. */
  outstanding: number;
  answered: boolean;
  silence: Failure | null;
  learned: boolean;
  readonly done: (result: CycleResult) => void;
}

interface Half {
  readonly between: AddressRange;
  readable: number;
}

/** How soon a scan notices what another one of the same device has learned. */
const REPLAN_MS = 60_000;

/** Reused by all: decoding never waits. */
const decoded: Decoded = { value: null, quality: 'GOOD', reason: null };

function readOf({ area, address, count }: PlannedPoint | PlannedRequest): Operation {
  return { kind: 'read', area, address, count };
}

/** 03 as well as 02: some devices refuse a quantity beyond their limit with it. */
function refusesRange(failure: Failure): failure is Extract<Failure, { kind: 'exception' }> {
  return (
    failure.kind === 'exception' &&
    (failure.exception === EXCEPTION.illegalAddress || failure.exception === EXCEPTION.illegalValue)
  );
}

function refusalReason(illegal: readonly IllegalRange[], point: PlannedPoint): DriverCode {
  const range = illegal.find((known) => touches(known, point.area, point.address, point.address + point.count));
  return exceptionCode(range === undefined || range.exception === 0 ? EXCEPTION.illegalAddress : range.exception);
}
