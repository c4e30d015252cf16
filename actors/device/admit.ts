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
  const dated = time.fault !== null && times === null ? withOurTime(frame, time.timeMs, time.fault) : frame;
  let draft: FrameDraft | null = null;
  for (let i = 0; i < points.length; i++) {
    const place = plan.places[i] ?? -1;
    const point = live.layout.points[place];
    if (point === undefined) {
      draft = (draft ?? new FrameDraft(dated, frame)).drop(i, 'unknown_point');
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
        if (own.fault !== null)
          draft = (draft ?? new FrameDraft(dated, frame)).retime(i, timeMs, own.fault, gatewayTimeMs);
      }
    }
    const value = frame.values[i] ?? null;
    if (value === null || frame.quality?.[i] === 'BAD') {
      if (isWithheld(value, frame.quality?.[i])) continue;
      if (value !== null || frame.quality?.[i] !== 'BAD') draft = (draft ?? new FrameDraft(dated, frame)).delivered(i);
      continue;
    }
    const fault = faultOf(point, value);
    if (fault !== null) {
      draft = (draft ?? new FrameDraft(dated, frame)).bad(i, fault);
      continue;
    }
    if (historical) continue;
    const beforeMs = live.admitted.timeMs[place] ?? Number.NaN;
    if (timed && timeMs === beforeMs) {
      draft = (draft ?? new FrameDraft(dated, frame)).drop(i, 'duplicate');
      continue;
    }
    if (movedTooFast(point.maxRatePerSecond, live.admitted.value[place] ?? null, beforeMs, value, timeMs)) {
      draft = (draft ?? new FrameDraft(dated, frame)).doubt(i, 'SUSPECT', 'rate');
    }
    const quality = draft?.qualityOf(i) ?? dated.quality?.[i] ?? 'GOOD';
    live.admitted.addReading(place, timeMs, value, quality);
    if (live.admitted.isFrozen(place, timeMs))
      draft = (draft ?? new FrameDraft(dated, frame)).doubt(i, 'SUSPECT', 'frozen');
  }
  const observation = draft === null ? dated : draft.finish();
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

/** The whole frame has no time that can be believed: it gets ours, and no reading of it is GOOD. */
function withOurTime(frame: Frame, timeMs: number, fault: 'no_device_time' | 'future_time'): Frame {
  const { deviceTimeMs, gatewayTimeMs, points, quality, reasons } = frame;
  const isFuture = fault === 'future_time' && deviceTimeMs !== null;
  const skewMs = isFuture ? { skewMs: gatewayTimeMs - deviceTimeMs } : undefined;
  const dated = { ...frame, deviceTimeMs: timeMs, ...skewMs };
  if (points.length === 0) return dated;
  if (quality === null)
    return { ...dated, quality: ALL_UNCERTAIN.of(points.length), reasons: ALL_FOR[fault].of(points.length) };
  return {
    ...dated,
    quality: quality.map((q) => (q === 'GOOD' ? 'UNCERTAIN' : q)),
    reasons: quality.map((q, i) => (q === 'GOOD' ? fault : (reasons?.[i] ?? null))),
  };
}

/**
 * Arrays of one word, the same array every time for a length: many devices have no clock, and the log writes what frames
 * share only once.
 */
class Alike<Word extends string> {
  readonly #word: Word;
  readonly #byLength: (readonly Word[])[] = [];

  constructor(word: Word) {
    this.#word = word;
  }

  of(length: number): readonly Word[] {
    const known = this.#byLength[length];
    if (known !== undefined) return known;
    const made: readonly Word[] = new Array<Word>(length).fill(this.#word);
    this.#byLength[length] = made;
    return made;
  }
}

const ALL_UNCERTAIN = new Alike<Quality>('UNCERTAIN');
const ALL_FOR = { no_device_time: new Alike('no_device_time'), future_time: new Alike('future_time') };

/** A frame with something to change: copied on the first change, once. */
class FrameDraft {
  readonly rejected: Rejected[] = [];
  /** As it was delivered. */
  readonly #given: Frame;
  readonly #frame: Frame;
  readonly #values: PointValue[];
  readonly #quality: Quality[];
  readonly #reasons: (string | null)[];
  #times: (number | null)[] | null;
  #deviceTimeMs: number | null;
  #skewMs: number | undefined;
  readonly #dropped = new Set<number>();

  constructor(frame: Frame, given: Frame) {
    const count = frame.points.length;
    this.#frame = frame;
    this.#given = given;
    this.#values = [...frame.values];
    this.#quality = frame.quality === null ? new Array<Quality>(count).fill('GOOD') : [...frame.quality];
    this.#reasons = frame.reasons === null ? new Array<string | null>(count).fill(null) : [...frame.reasons];
    this.#times = frame.times === null ? null : [...frame.times];
    this.#deviceTimeMs = frame.deviceTimeMs;
    this.#skewMs = frame.skewMs;
  }

  qualityOf(i: number): Quality | undefined {
    return this.#quality[i];
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
    const reason = this.#given.reasons?.[i] ?? 'no_value';
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
    const { points, values, deviceTimeMs, gatewayTimeMs, times } = this.#given;
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
