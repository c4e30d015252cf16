import { z } from 'zod';
import {
  type Aggregate,
  addSample,
  type ClosedWindow,
  clearAggregate,
  createAggregate,
  decodeAggregate,
  encodeAggregate,
  mergeAggregate,
  StoredAggregate,
  summarize,
} from './aggregate.ts';
import type { Quality } from './frame.ts';

export type { ClosedWindow };

/**
 * Tumbling windows of one metric, aligned to the epoch, in several sizes (AGG-01 to AGG-04).
 *
 * A reading touches the smallest window alone; when a window ends, it is merged into the next larger size. Windows end when
 * a reading of a later one arrives or, on a silent metric, when `closeWindows` is called past their end.
 *
 * A window without any reading but BAD ones is left out: it has no numbers to show.
 *
 * A reading that comes late still counts in every larger window that is open, and is ignored where its window has ended: the
 * historian, which keeps readings by their own time, has it.
 */
export interface Windows {
  /** Ascending; each size a multiple of the one before. */
  readonly levels: readonly Level[];
  /** Ended, and not yet handed out by `closeWindows`. */
  closed: ClosedWindow[];
}

/** Where the topology does not name others. */
export const WINDOW_SIZES_MS: readonly number[] = [1000, 60_000, 3_600_000];

/** How long a window stays open past its end when nothing newer arrives: readings travel. */
export const CLOSE_GRACE_MS = 500;

/** Samples up to which everything said of a window is exact, percentiles included; beyond, percentiles are from a sketch. */
const EXACT_LIMIT_SMALLEST = 1024;
const EXACT_LIMIT_LARGER = 256;
/** Kept for `closeWindows` at most, the newest, so that a replay of days does not gather them all. */
const CLOSED_LIMIT = 128;
/** A reading from so far ahead had a wrong clock; its window must not lock out the readings that are right. */
const FUTURE_LIMIT_MS = 60_000;

export function createWindows(sizesMs: readonly number[] = WINDOW_SIZES_MS): Windows {
  const sorted = [...new Set(sizesMs)].sort((a, b) => a - b);
  if (sorted.length === 0) throw new Error('windows need at least one size');
  const levels = sorted.map((sizeMs, index) => {
    const belowMs = sorted[index - 1] ?? 1;
    if (!(sizeMs > 0 && sizeMs % belowMs === 0)) {
      throw new Error(`a window of ${sizeMs} ms is not a multiple of the next smaller one, ${belowMs} ms`);
    }
    return createLevel(index, sizeMs);
  });
  return { levels, closed: [] };
}

/** Takes a reading of `timeMs`, the device's time where it is known. The hot path. */
export function addReading(windows: Windows, timeMs: number, value: number, quality: Quality): void {
  const smallest = windows.levels[0];
  if (smallest === undefined) return;
  if (!isWithin(smallest, timeMs)) {
    if (timeMs < smallest.openFromMs) {
      addLate(windows, timeMs, value, quality);
      return;
    }
    end(windows, smallest);
    open(smallest, timeMs);
  }
  addSample(smallest.aggregate, value, quality);
}

/** Ends what `nowMs` is past, and hands out every window that ended since the last call, in the order in which they did. */
export function closeWindows(windows: Windows, nowMs: number): readonly ClosedWindow[] {
  for (const level of windows.levels) {
    if (level.startMs > nowMs + FUTURE_LIMIT_MS) reset(level, startOf(level, nowMs));
    else if (level.startMs + level.sizeMs + CLOSE_GRACE_MS <= nowMs) end(windows, level);
  }
  if (windows.closed.length === 0) return NONE;
  const { closed } = windows;
  windows.closed = [];
  return closed;
}

const NONE: readonly ClosedWindow[] = [];

/** One size, and its window that is open, if one is. */
interface Level {
  readonly index: number;
  readonly sizeMs: number;
  /** NaN while none is open: every comparison with it is false. */
  startMs: number;
  /** Windows before this instant have ended. */
  openFromMs: number;
  aggregate: Aggregate;
}

function createLevel(index: number, sizeMs: number): Level {
  const aggregate = createAggregate(index === 0 ? EXACT_LIMIT_SMALLEST : EXACT_LIMIT_LARGER);
  return { index, sizeMs, startMs: Number.NaN, openFromMs: Number.NEGATIVE_INFINITY, aggregate };
}

function isWithin(level: Level, timeMs: number): boolean {
  return timeMs >= level.startMs && timeMs < level.startMs + level.sizeMs;
}

function open(level: Level, timeMs: number): void {
  level.startMs = startOf(level, timeMs);
  level.openFromMs = level.startMs;
}

function startOf(level: Level, timeMs: number): number {
  return Math.floor(timeMs / level.sizeMs) * level.sizeMs;
}

/** Only into windows that are open: if a late reading opened one, older windows would come out after newer ones. */
function addLate(windows: Windows, timeMs: number, value: number, quality: Quality): void {
  // The smallest of them hands it on to the others when it ends.
  const level = windows.levels.find((candidate) => isWithin(candidate, timeMs));
  if (level !== undefined) addSample(level.aggregate, value, quality);
}

function end(windows: Windows, level: Level): void {
  const { startMs, sizeMs, aggregate } = level;
  if (Number.isNaN(startMs)) return;
  const larger = windows.levels[level.index + 1];
  if (larger !== undefined && enter(windows, larger, startMs)) mergeAggregate(larger.aggregate, aggregate);
  const closed = summarize(aggregate, startMs, sizeMs);
  if (closed !== null) {
    windows.closed.push(closed);
    if (windows.closed.length > CLOSED_LIMIT) windows.closed.shift();
  }
  reset(level, startMs + sizeMs);
}

/** Opens the window of an instant, ending an older one. False when that window has ended already. */
function enter(windows: Windows, level: Level, timeMs: number): boolean {
  if (isWithin(level, timeMs)) return true;
  if (timeMs < level.openFromMs) return false;
  end(windows, level);
  open(level, timeMs);
  return true;
}

function reset(level: Level, openFromMs: number): void {
  level.startMs = Number.NaN;
  level.openFromMs = openFromMs;
  clearAggregate(level.aggregate);
}

const StoredWindows = z.array(
  z.object({
    sizeMs: z.number(),
    startMs: z.number().nullable(),
    openFromMs: z.number().nullable(),
    aggregate: StoredAggregate,
  }),
);
type StoredWindows = z.infer<typeof StoredWindows>;

/** For a snapshot: plain objects. Windows that ended and were not handed out yet are not kept. */
export function encodeWindows(windows: Windows): unknown {
  const stored: StoredWindows = windows.levels.map((level) => ({
    sizeMs: level.sizeMs,
    startMs: Number.isNaN(level.startMs) ? null : level.startMs,
    openFromMs: Number.isFinite(level.openFromMs) ? level.openFromMs : null,
    aggregate: encodeAggregate(level.aggregate),
  }));
  return stored;
}

/** Sizes that the snapshot does not know start empty; sizes that are no longer wanted are dropped. */
export function decodeWindows(stored: unknown, sizesMs: readonly number[] = WINDOW_SIZES_MS): Windows {
  const windows = createWindows(sizesMs);
  for (const kept of StoredWindows.parse(stored)) {
    const level = windows.levels.find((candidate) => candidate.sizeMs === kept.sizeMs);
    if (level === undefined) continue;
    level.startMs = kept.startMs ?? Number.NaN;
    level.openFromMs = kept.openFromMs ?? Number.NEGATIVE_INFINITY;
    level.aggregate = decodeAggregate(kept.aggregate, level.aggregate.sampleLimit);
  }
  return windows;
}
