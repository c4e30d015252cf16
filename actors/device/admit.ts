import type { Admission, Turn } from '../../runtime/actor-kind.ts';
import type { Json } from '../../runtime/json.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { Frame, PointValue, Quality } from '../frame.ts';
import { FUTURE_TOLERANCE_MS, faultOf, movedTooFast, REASONS, type Reason } from '../quality/judge.ts';
import { type DeviceState, type FramePlan, isDecommissioned } from './state.ts';

type Rejected = Admission<Frame>['rejected'][number];
const NOTHING: readonly Rejected[] = [];

/**
 * Quality at the door (QUA-01 to QUA-07, TIM-01 to TIM-03). GOOD, SUSPECT and UNCERTAIN readings go on. Of a BAD one the value goes
 * to the dead letters with its reason; in its place the frame keeps `null` and BAD, so that the wall and the rules know that
 * the point has no value now. Duplicates and readings of unknown points leave no trace in the frame.
 *
 * A frame without any fault is passed on as it came, without a copy.
 */
export function admitFrame(state: DeviceState, frame: Frame, _turn: Turn<DeviceDefinition>): Admission<Frame> {
  if (isDecommissioned(state)) return refuseAll(state, frame, 'decommissioned');
  const { live } = state;
  const plan = live.layouts.of(frame.points);
  const { deviceTimeMs, gatewayTimeMs, points, times } = frame;
  const historical = frame.historical === true;
  const time = credibleTime(deviceTimeMs, gatewayTimeMs);
  if (time.fault === 'no_device_time' && times === null) time.timeMs = live.admitted.arrivalAfterNewest(gatewayTimeMs);
  const latestMs = gatewayTimeMs + FUTURE_TOLERANCE_MS;
  const isWhole = !historical && times === null && points.length > 0;
  // Only a time that the device gave tells a repeat; several readings may well arrive within one millisecond of ours.
  const isTimed = time.fault === null;
  if (isWhole && isTimed && isRepeated(state, plan, time.timeMs)) return refuseAll(state, frame, 'duplicate');
  let draft: FrameDraft | null = null;
  if (times === null && time.fault !== null)
    draft = new FrameDraft(frame).untimed(time.timeMs, time.fault, gatewayTimeMs);
  for (let i = 0; i < points.length; i++) {
    const place = plan.places[i] ?? -1;
    const point = live.layout.points[place];
    if (point === undefined) {
      draft = (draft ?? new FrameDraft(frame)).drop(i, 'unknown_point');
      continue;
    }
    let timeMs = time.timeMs;
    let timed = isTimed;
    if (times !== null) {
      timed = true;
      timeMs = times[i] ?? deviceTimeMs ?? Number.NaN;
      if (!(timeMs <= latestMs)) {
        const own = credibleTime(times[i] ?? deviceTimeMs, gatewayTimeMs);
        timeMs = own.timeMs;
        timed = own.fault === null;
        if (own.fault !== null) draft = (draft ?? new FrameDraft(frame)).retime(i, timeMs, own.fault, gatewayTimeMs);
      }
    }
    const value = frame.values[i] ?? null;
    if (value === null || frame.quality?.[i] === 'BAD') {
      if (isWithheld(value, frame.quality?.[i])) continue;
      if (value !== null || frame.quality?.[i] !== 'BAD') draft = (draft ?? new FrameDraft(frame)).delivered(i);
      continue;
    }
    const fault = faultOf(point, value);
    if (fault !== null) {
      draft = (draft ?? new FrameDraft(frame)).bad(i, fault);
      continue;
    }
    if (historical) continue;
    const beforeMs = live.admitted.timeMs[place] ?? Number.NaN;
    if (timed && timeMs === beforeMs) {
      draft = (draft ?? new FrameDraft(frame)).drop(i, 'duplicate');
      continue;
    }
    if (movedTooFast(point.maxRatePerSecond, live.admitted.value[place] ?? null, beforeMs, value, timeMs)) {
      draft = (draft ?? new FrameDraft(frame)).doubt(i, 'SUSPECT', 'rate');
    }
    const quality = draft?.qualityOf(i) ?? frame.quality?.[i] ?? 'GOOD';
    live.admitted.addReading(place, timeMs, value, quality);
    if (live.admitted.isFrozen(place, timeMs)) draft = (draft ?? new FrameDraft(frame)).doubt(i, 'SUSPECT', 'frozen');
  }
  const observation = draft === null ? frame : draft.finish();
  if (isWhole && observation !== null) {
    live.admitted.addFrame(time.timeMs, live.layouts.of(observation.points).hash);
  }
  if (draft === null) return { observation, rejected: NOTHING };
  live.rejected += draft.rejected.length;
  return { observation, rejected: draft.rejected };
}

/** No value this time, for a reason that does not speak against the last one: the device is busy, say. */
function isWithheld(value: PointValue, quality: Quality | undefined): boolean {
  return value === null && (quality === 'UNCERTAIN' || quality === 'SUSPECT');
}

/** The frame as a whole was let through before; looked for only when it is not newer than what was. */
function isRepeated({ live }: DeviceState, plan: FramePlan, timeMs: number): boolean {
  for (const place of plan.places) {
    if (place >= 0 && (live.admitted.timeMs[place] ?? Number.NaN) >= timeMs)
      return live.admitted.hasFrame(timeMs, plan.hash);
  }
  return false;
}

function refuseAll({ live }: DeviceState, frame: Frame, code: Reason): Admission<Frame> {
  live.rejected += frame.points.length;
  const body = { deviceTimeMs: frame.deviceTimeMs, gatewayTimeMs: frame.gatewayTimeMs, readings: readingsOf(frame) };
  return { observation: null, rejected: [{ code, reason: REASONS[code], body }] };
}

function readingsOf(frame: Frame): Record<string, Json> {
  return Object.fromEntries(frame.points.map((point, i) => [point, plain(frame.values[i] ?? null)]));
}

/** NaN and the infinities are no JSON. */
function plain(value: PointValue): Json {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

interface CredibleTime {
  timeMs: number;
  readonly fault: 'no_device_time' | 'future_time' | null;
}

function credibleTime(givenMs: number | null, gatewayTimeMs: number): CredibleTime {
  if (givenMs === null || !Number.isFinite(givenMs)) return { timeMs: gatewayTimeMs, fault: 'no_device_time' };
  if (givenMs > gatewayTimeMs + FUTURE_TOLERANCE_MS) return { timeMs: gatewayTimeMs, fault: 'future_time' };
  return { timeMs: givenMs, fault: null };
}

/** A frame with something to change: copied on the first change, once. */
class FrameDraft {
  readonly rejected: Rejected[] = [];
  readonly #frame: Frame;
  readonly #values: PointValue[];
  readonly #quality: Quality[];
  readonly #reasons: (string | null)[];
  #times: (number | null)[] | null;
  #deviceTimeMs: number | null;
  #skewMs: number | undefined;
  readonly #dropped = new Set<number>();

  constructor(frame: Frame) {
    const count = frame.points.length;
    this.#frame = frame;
    this.#values = [...frame.values];
    this.#quality = frame.quality === null ? new Array<Quality>(count).fill('GOOD') : [...frame.quality];
    this.#reasons = frame.reasons === null ? new Array<string | null>(count).fill(null) : [...frame.reasons];
    this.#times = frame.times === null ? null : [...frame.times];
    this.#deviceTimeMs = frame.deviceTimeMs;
  }

  qualityOf(i: number): Quality | undefined {
    return this.#quality[i];
  }

  /** The whole frame has no time that can be believed. */
  untimed(timeMs: number, fault: 'no_device_time' | 'future_time', gatewayTimeMs: number): this {
    if (fault === 'future_time' && this.#deviceTimeMs !== null) this.#skewMs = gatewayTimeMs - this.#deviceTimeMs;
    this.#deviceTimeMs = timeMs;
    for (let i = 0; i < this.#values.length; i++) this.doubt(i, 'UNCERTAIN', fault);
    return this;
  }

  retime(i: number, timeMs: number, fault: 'no_device_time' | 'future_time', gatewayTimeMs: number): this {
    const givenMs = this.#times?.[i] ?? this.#frame.deviceTimeMs;
    if (fault === 'future_time' && givenMs !== null) this.#skewMs = gatewayTimeMs - givenMs;
    if (this.#times !== null) this.#times[i] = timeMs;
    if (this.#deviceTimeMs === null || fault === 'future_time') this.#deviceTimeMs = timeMs;
    return this.doubt(i, 'UNCERTAIN', fault);
  }

  /** Lowers the quality of a reading that was GOOD so far. */
  doubt(i: number, quality: Quality, reason: Reason): this {
    if (this.#quality[i] !== 'GOOD') return this;
    this.#quality[i] = quality;
    this.#reasons[i] = reason;
    return this;
  }

  bad(i: number, reason: Reason): this {
    this.#reject(i, reason, REASONS[reason]);
    return this.#void(i, reason);
  }

  /** The driver itself says BAD, or brings no value. */
  delivered(i: number): this {
    const reason = this.#frame.reasons?.[i] ?? 'no_value';
    if (this.#values[i] !== null) this.#reject(i, reason, 'the driver calls the reading BAD');
    return this.#void(i, reason);
  }

  drop(i: number, reason: Reason): this {
    this.#reject(i, reason, REASONS[reason]);
    this.#dropped.add(i);
    return this;
  }

  finish(): Frame | null {
    const { points, gatewayTimeMs, historical } = this.#frame;
    if (this.#dropped.size === points.length && points.length > 0) return null;
    const kept = <T>(all: readonly T[]): readonly T[] =>
      this.#dropped.size === 0 ? all : all.filter((_, i) => !this.#dropped.has(i));
    const quality = kept(this.#quality);
    return {
      deviceTimeMs: this.#deviceTimeMs,
      gatewayTimeMs,
      points: kept(points),
      values: kept(this.#values),
      quality: quality.every((q) => q === 'GOOD') ? null : quality,
      reasons: this.#reasons.every((reason) => reason === null) ? null : kept(this.#reasons),
      times: this.#times === null ? null : kept(this.#times),
      ...(historical === undefined ? {} : { historical }),
      ...(this.#skewMs === undefined ? {} : { skewMs: this.#skewMs }),
    };
  }

  #void(i: number, reason: string): this {
    this.#values[i] = null;
    this.#quality[i] = 'BAD';
    this.#reasons[i] = reason;
    return this;
  }

  #reject(i: number, code: string, reason: string): void {
    const { points, values, deviceTimeMs, gatewayTimeMs, times } = this.#frame;
    const point = points[i] ?? '';
    const body = {
      point,
      value: plain(values[i] ?? null),
      deviceTimeMs: times?.[i] ?? deviceTimeMs,
      gatewayTimeMs,
    };
    this.rejected.push({ code, reason: `${point}: ${reason}`, body });
  }
}
