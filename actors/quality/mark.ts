import type { PointValue, Quality } from '../frame.ts';
import type { Mark } from '../views.ts';

/** Keeps the mark that stands when nothing about it changed, so that a view shows no difference. */
export function markFor(
  before: Mark | null,
  quality: Quality,
  reason: string | null,
  nowMs: number,
  lastGoodValue: PointValue,
  lastGoodMs: number,
): Mark | null {
  if (quality === 'GOOD') return null;
  const known = reason ?? quality.toLowerCase();
  const same = before !== null && before.quality === quality && before.reason === known;
  if (same && (before.lastGood?.timeMs ?? -1) === (Number.isNaN(lastGoodMs) ? -1 : lastGoodMs)) return before;
  const mark = { quality, reason: known, sinceMs: same ? before.sinceMs : nowMs };
  return Number.isNaN(lastGoodMs) ? mark : { ...mark, lastGood: { value: lastGoodValue, timeMs: lastGoodMs } };
}
