import { forgetDelays } from '../alarm/evaluate.ts';
import type { PointValue, Quality } from '../frame.ts';
import { putMark, putValue } from '../live-values.ts';
import { PARTIAL_INPUT, worse } from '../quality/combined.ts';
import type { WindowView } from '../views.ts';
import { addReading, CLOSE_GRACE_MS, type ClosedWindow, closeWindows } from '../window.ts';
import { type AssetLive, isUsable } from './state.ts';

const WINDOW_PERIOD_MS = 1000;

/** A metric has a new value. `staleAtMs`: without another one it is stale then. */
export function takeValue(
  live: AssetLive,
  place: number,
  value: PointValue,
  timeMs: number,
  receivedMs: number,
  quality: Quality,
  reason: string | null,
  staleAtMs: number,
): void {
  if (live.nowMs >= (live.staleAtMs[place] ?? Number.NaN)) endSilence(live, place);
  putValue(live, place, value, timeMs, receivedMs, staleAtMs, quality, reason, live.nowMs);
  const windows = live.windows[place];
  if (typeof value === 'number' && windows) addReading(windows, timeMs, value, quality);
  live.touched[place] = 1;
  if (live.layout.isComputed[place] === 1) live.history.add(place, timeMs, value, quality, reason);
}

/** A metric has no value now: the last one stays, marked, and no rule is evaluated on it. */
export function loseValue(live: AssetLive, place: number, reason: string | null, timeMs: number): void {
  putMark(live, place, 'BAD', reason, live.nowMs);
  const windows = live.windows[place];
  if (windows && live.nowMs < (live.staleAtMs[place] ?? Number.NaN)) addReading(windows, timeMs, Number.NaN, 'BAD');
  if (live.touched[place] === 0) live.touched[place] = 2;
}

/** Formulas whose inputs were touched, in the order of their dependence. */
export function computeFormulas(live: AssetLive): void {
  const { layout, touched } = live;
  for (const { metric, formula, inputs } of layout.formulas) {
    let isTouched = false;
    for (const input of inputs) if (touched[input] !== 0) isTouched = true;
    if (!isTouched) continue;
    const result = formula.evaluate(live.lookup);
    const newestMs = newest(live.timeMs, inputs, live.nowMs);
    if (result === null) {
      loseValue(live, metric, 'no_input', newestMs);
      continue;
    }
    const own = live.nowMs + (layout.staleAfterMs[metric] ?? Number.POSITIVE_INFINITY);
    let staleAtMs = own;
    let quality: Quality = 'GOOD';
    let isPartial = false;
    for (const input of inputs) {
      if (!isUsable(live, input)) continue;
      staleAtMs = Math.min(staleAtMs, live.staleAtMs[input] ?? own);
      const mark = live.marks[input] ?? null;
      if (mark === null) continue;
      quality = worse(quality, mark.quality);
      isPartial ||= mark.reason === PARTIAL_INPUT;
    }
    const receivedMs = newest(live.receivedMs, inputs, live.nowMs);
    const doubt = isPartial ? PARTIAL_INPUT : 'input';
    const reason = quality === 'GOOD' ? null : doubt;
    takeValue(live, metric, result, newestMs, receivedMs, quality, reason, staleAtMs);
  }
}

/** Ends windows that are over: once a second, as soon as the grace for stragglers is, since most readings end none. */
export function endWindows(live: AssetLive): void {
  if (live.nowMs < live.windowsDueMs) return;
  const over = Math.floor((live.nowMs - CLOSE_GRACE_MS) / WINDOW_PERIOD_MS);
  live.windowsDueMs = (over + 1) * WINDOW_PERIOD_MS + CLOSE_GRACE_MS;
  for (let place = 0; place < live.windows.length; place++) closeWindowsOf(live, place, live.nowMs);
}

export function closeWindowsOf(live: AssetLive, place: number, nowMs: number): void {
  const windows = live.windows[place];
  if (windows) show(live, place, closeWindows(windows, nowMs));
}

/** Shows windows that ended with a reading of a later one and were not asked for yet. */
export function showEndedWindows(live: AssetLive): void {
  live.windows.forEach((windows, place) => {
    if (windows === null) return;
    show(live, place, windows.closed);
    windows.closed = [];
  });
}

function show(live: AssetLive, place: number, ended: readonly ClosedWindow[]): void {
  for (const { sizeMs, ...view } of ended) {
    live.closed[`${live.layout.metrics[place]?.name}@${sizeName(sizeMs)}`] = view satisfies WindowView;
  }
}

/** After a silence delays begin anew, and what the metric had in its windows is closed as it would have been in time. */
function endSilence(live: AssetLive, place: number): void {
  for (const rule of live.layout.rulesOf[place] ?? []) forgetDelays(live.timers, rule.index);
  closeWindowsOf(live, place, live.nowMs);
}

function newest(instants: Float64Array, inputs: readonly number[], otherwiseMs: number): number {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const input of inputs) {
    const timeMs = instants[input] ?? Number.NaN;
    if (timeMs > newestMs) newestMs = timeMs;
  }
  return Number.isFinite(newestMs) ? newestMs : otherwiseMs;
}

function sizeName(sizeMs: number): string {
  if (sizeMs % 3_600_000 === 0) return `${sizeMs / 3_600_000}h`;
  return sizeMs % 60_000 === 0 ? `${sizeMs / 60_000}m` : `${sizeMs / 1000}s`;
}
