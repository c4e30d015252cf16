import type { WindowView } from '../../actors/views.ts';

export type Direction = 'rising-fast' | 'rising' | 'steady' | 'falling' | 'falling-fast';

/** Of the range, within the last minute: below the first it is noise, above the second it is fast. */
const NOISE = 0.01;
const FAST = 0.05;

/**
 * Where a value is going: its distance from the mean of the last closed minute, measured against the range it is drawn in.
 * Null when there is nothing to compare with.
 */
export function directionOf(
  value: number,
  minute: Pick<WindowView, 'avg' | 'min' | 'max'> | undefined,
  span: number | null,
): Direction | null {
  if (minute === undefined) return null;
  const scale = span ?? Math.max(Math.abs(minute.avg), minute.max - minute.min);
  if (!(scale > 0)) return value === minute.avg ? 'steady' : null;
  const change = (value - minute.avg) / scale;
  if (Math.abs(change) < NOISE) return 'steady';
  if (change > 0) return change > FAST ? 'rising-fast' : 'rising';
  return change < -FAST ? 'falling-fast' : 'falling';
}
