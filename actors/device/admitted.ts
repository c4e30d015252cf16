import type { DeviceDefinition } from '../../topology/plant.ts';
import type { PointValue, Quality } from '../frame.ts';
import { isFrozen, standsStill } from '../quality/frozen.ts';

/** Frames remembered, to know one that is delivered again after newer ones came. */
const REMEMBERED = 256;

/** A power of two, so that sums of it are exact. */
const ARRIVAL_STEP_MS = 1 / 1024;

/**
 * What was let through last, to judge the next by: the newest time and value of each point, and the times of the last frames.
 * Readings are judged before the log has the earlier ones, so this runs ahead of the live values; when the log refuses
 * something, the runtime builds the state again from what the log has.
 */
export class Admitted {
  /** By place; NaN before the first. */
  readonly timeMs: Float64Array;
  readonly value: PointValue[];
  /** By place, of points that can be frozen: the value that they stand at, and since when; NaN where they do not. */
  readonly stillValue: Float64Array;
  readonly stillSinceMs: Float64Array;
  readonly #points: DeviceDefinition['points'];
  readonly #frameMs = new Float64Array(REMEMBERED).fill(Number.NaN);
  readonly #frameHash = new Int32Array(REMEMBERED);
  #next = 0;
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(points: DeviceDefinition['points']) {
    const never = () => new Float64Array(points.length).fill(Number.NaN);
    this.#points = points;
    this.timeMs = never();
    this.value = new Array<PointValue>(points.length).fill(null);
    this.stillValue = never();
    this.stillSinceMs = never();
  }

  /** Whether a whole frame of this time and layout was let through lately; the newest is looked at first. */
  hasFrame(timeMs: number, hash: number): boolean {
    for (let back = 1; back <= REMEMBERED; back++) {
      const at = (this.#next - back + REMEMBERED) % REMEMBERED;
      if (this.#frameMs[at] === timeMs && this.#frameHash[at] === hash) return true;
    }
    return false;
  }

  /**
   * A time for a frame that brings none: that of its arrival, or just after the newest one where several arrive within a
   * millisecond, so that they keep their order and none is taken for a repeat of another.
   */
  arrivalAfterNewest(gatewayTimeMs: number): number {
    const newestMs = this.#newestMs;
    return newestMs >= gatewayTimeMs && newestMs < gatewayTimeMs + 1 ? newestMs + ARRIVAL_STEP_MS : gatewayTimeMs;
  }

  /** A frame from the log was added when it was admitted, unless this is a recovery. */
  addFrame(timeMs: number, hash: number): void {
    if (timeMs <= this.#newestMs && this.hasFrame(timeMs, hash)) return;
    this.#frameMs[this.#next] = timeMs;
    this.#frameHash[this.#next] = hash;
    this.#next = (this.#next + 1) % REMEMBERED;
    if (timeMs > this.#newestMs) this.#newestMs = timeMs;
  }

  /** As with a frame, a reading from the log was added before, unless this is a recovery. */
  addReading(place: number, timeMs: number, value: PointValue, quality: Quality): void {
    const newest = this.timeMs[place] ?? Number.NaN;
    if (newest >= timeMs) return;
    this.timeMs[place] = timeMs;
    this.value[place] = value;
    const point = this.#points[place];
    if (point?.frozen === undefined) return;
    const anchor = this.stillValue[place] ?? Number.NaN;
    const silenceMs = timeMs - newest;
    if (silenceMs <= point.staleAfterMs && standsStill(point.frozen, anchor, value, quality)) return;
    this.stillValue[place] = typeof value === 'number' ? value : Number.NaN;
    this.stillSinceMs[place] = timeMs;
  }

  /** Whether the newest reading of a point, of this time, says that its sensor hangs. */
  isFrozen(place: number, timeMs: number): boolean {
    const frozen = this.#points[place]?.frozen;
    if (frozen === undefined || this.timeMs[place] !== timeMs) return false;
    return isFrozen(frozen, this.stillSinceMs[place] ?? Number.NaN, timeMs);
  }

  /** Oldest first. */
  frames(): (readonly [timeMs: number, hash: number])[] {
    const frames: (readonly [number, number])[] = [];
    for (let i = 0; i < REMEMBERED; i++) {
      const at = (this.#next + i) % REMEMBERED;
      const timeMs = this.#frameMs[at] ?? Number.NaN;
      if (!Number.isNaN(timeMs)) frames.push([timeMs, this.#frameHash[at] ?? 0]);
    }
    return frames;
  }
}
