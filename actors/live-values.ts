import { z } from 'zod';
import { nullable, StoredMark, StoredValue } from './alarm/stored.ts';
import type { PointValue, Quality } from './frame.ts';
import { markFor } from './quality/mark.ts';
import type { Mark } from './views.ts';

/**
 * The newest values of a device's points or an asset's metrics, as columns by place. They follow from the readings, so they are
 * changed in place; NaN in a column of instants stands for "never".
 */
export interface LiveValues {
  readonly values: PointValue[];
  /** Time by the source. */
  readonly timeMs: Float64Array;
  /** When our node received it. */
  readonly receivedMs: Float64Array;
  /** When the value will be stale. */
  readonly staleAtMs: Float64Array;
  /** Since when it is shown as stale; NaN: it is not. Not part of a snapshot: it follows from the clock. */
  readonly staleSinceMs: Float64Array;
  readonly marks: (Mark | null)[];
  readonly lastGoodValue: PointValue[];
  readonly lastGoodMs: Float64Array;
}

export function createLiveValues(count: number): LiveValues {
  const never = () => new Float64Array(count).fill(Number.NaN);
  return {
    values: new Array<PointValue>(count).fill(null),
    timeMs: never(),
    receivedMs: never(),
    staleAtMs: never(),
    staleSinceMs: never(),
    marks: new Array<Mark | null>(count).fill(null),
    lastGoodValue: new Array<PointValue>(count).fill(null),
    lastGoodMs: never(),
  };
}

/** The newest value of a place, which is not BAD. The hot path. */
export function putValue(
  live: LiveValues,
  place: number,
  value: PointValue,
  timeMs: number,
  receivedMs: number,
  staleAtMs: number,
  quality: Quality,
  reason: string | null,
  nowMs: number,
): void {
  live.values[place] = value;
  live.timeMs[place] = timeMs;
  live.receivedMs[place] = receivedMs;
  live.staleAtMs[place] = staleAtMs;
  live.staleSinceMs[place] = Number.NaN;
  if (quality === 'GOOD') {
    live.lastGoodValue[place] = value;
    live.lastGoodMs[place] = timeMs;
    live.marks[place] = null;
  } else putMark(live, place, quality, reason, nowMs);
}

/** What is to be said of a value that is not GOOD, or of a place that has none now. */
export function putMark(live: LiveValues, place: number, quality: Quality, reason: string | null, nowMs: number): void {
  const before = live.marks[place] ?? null;
  const goodMs = live.lastGoodMs[place] ?? Number.NaN;
  live.marks[place] = markFor(before, quality, reason, nowMs, live.lastGoodValue[place] ?? null, goodMs);
}

export function hasValue(live: LiveValues, place: number): boolean {
  return !Number.isNaN(live.timeMs[place] ?? Number.NaN);
}

/** BAD says most; then that the value is old; then what the reading itself brought. */
export function markOf(live: LiveValues, place: number): Mark | null {
  const mark = live.marks[place] ?? null;
  const staleSinceMs = live.staleSinceMs[place] ?? Number.NaN;
  if (mark?.quality === 'BAD' || Number.isNaN(staleSinceMs)) return mark;
  return { quality: 'UNCERTAIN', reason: 'stale', sinceMs: staleSinceMs };
}

export interface ReadingGroups {
  readonly values: Readonly<Record<string, PointValue>>;
  readonly times: Readonly<Record<string, number>>;
  readonly received: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, Mark>>;
}

/** The groups of a view that tell the values. `marked` says what is to be said beside each. */
export function readingGroups(
  live: LiveValues,
  places: readonly { readonly name: string }[],
  marked: (place: number) => Mark | null,
): ReadingGroups {
  const values: Record<string, PointValue> = {};
  const times: Record<string, number> = {};
  const received: Record<string, number> = {};
  const marks: Record<string, Mark> = {};
  places.forEach(({ name }, place) => {
    if (hasValue(live, place)) {
      const timeMs = live.timeMs[place] ?? 0;
      values[name] = live.values[place] ?? null;
      times[name] = timeMs;
      received[name] = live.receivedMs[place] ?? timeMs;
    }
    const mark = marked(place);
    if (mark !== null) marks[name] = mark;
  });
  return { values, times, received, marks };
}

/** After our own start drivers need a while until they have connected: what is silent until then says nothing yet. */
export const START_GRACE_MS = 15_000;

const Instant = z.number().nullable();

/** What a snapshot keeps of a place. */
export const StoredLiveValue = z.object({
  value: StoredValue,
  timeMs: Instant,
  receivedMs: Instant,
  /** Infinite where the value follows from roll-ups alone, which do not grow stale. */
  staleAtMs: z.union([z.number(), z.literal(Number.POSITIVE_INFINITY)]).nullable(),
  mark: StoredMark.nullable(),
  goodValue: StoredValue,
  goodMs: Instant,
});
export type StoredLiveValue = z.infer<typeof StoredLiveValue>;

export function storeLiveValue(live: LiveValues, place: number): StoredLiveValue {
  return {
    value: live.values[place] ?? null,
    timeMs: nullable(live.timeMs[place]),
    receivedMs: nullable(live.receivedMs[place]),
    staleAtMs: nullable(live.staleAtMs[place]),
    mark: live.marks[place] ?? null,
    goodValue: live.lastGoodValue[place] ?? null,
    goodMs: nullable(live.lastGoodMs[place]),
  };
}

export function restoreLiveValue(live: LiveValues, place: number, stored: StoredLiveValue): void {
  live.values[place] = stored.value;
  live.timeMs[place] = stored.timeMs ?? Number.NaN;
  live.receivedMs[place] = stored.receivedMs ?? Number.NaN;
  live.staleAtMs[place] = stored.staleAtMs ?? Number.NaN;
  live.marks[place] = stored.mark;
  live.lastGoodValue[place] = stored.goodValue;
  live.lastGoodMs[place] = stored.goodMs ?? Number.NaN;
}
