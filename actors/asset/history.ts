import type { Frame, PointValue, Quality } from '../frame.ts';

/** Values that wait at most; one that emits ten metrics a hundred times a second stays below. */
const CAPACITY = 4096;
const FIRST_ROOM = 64;

/**
 * What an asset computed since it was asked last: every value with its own time and quality, since one that raised an alarm and
 * was gone within the second belongs to the history all the same. Columns that are used again; no object per value.
 */
export class ComputedHistory {
  /** Values that found no room since the actor came up. */
  dropped = 0;
  #count = 0;
  #place = new Int32Array(FIRST_ROOM);
  #timeMs = new Float64Array(FIRST_ROOM);
  readonly #value: PointValue[] = [];
  readonly #quality: Quality[] = [];
  readonly #reason: (string | null)[] = [];

  add(place: number, timeMs: number, value: PointValue, quality: Quality, reason: string | null): void {
    const at = this.#count;
    if (at === this.#place.length && !this.#grow()) {
      this.dropped++;
      return;
    }
    this.#place[at] = place;
    this.#timeMs[at] = timeMs;
    this.#value[at] = value;
    this.#quality[at] = quality;
    this.#reason[at] = reason;
    this.#count = at + 1;
  }

  take(metrics: readonly { readonly name: string }[], nowMs: number): Frame | null {
    const count = this.#count;
    if (count === 0) return null;
    this.#count = 0;
    const points = Array.from(this.#place.subarray(0, count), (place) => metrics[place]?.name ?? '');
    const times = Array.from(this.#timeMs.subarray(0, count));
    const quality = this.#quality.slice(0, count);
    const reasons = this.#reason.slice(0, count);
    const newestMs = times.reduce((newest, timeMs) => Math.max(newest, timeMs), Number.NEGATIVE_INFINITY);
    return {
      deviceTimeMs: newestMs,
      gatewayTimeMs: nowMs,
      points,
      values: this.#value.slice(0, count),
      quality: quality.every((q) => q === 'GOOD') ? null : quality,
      reasons: reasons.every((reason) => reason === null) ? null : reasons,
      times: times.every((timeMs) => timeMs === newestMs) ? null : times,
    };
  }

  #grow(): boolean {
    const room = this.#place.length * 2;
    if (room > CAPACITY) return false;
    const [place, timeMs] = [new Int32Array(room), new Float64Array(room)];
    place.set(this.#place);
    timeMs.set(this.#timeMs);
    this.#place = place;
    this.#timeMs = timeMs;
    return true;
  }
}
