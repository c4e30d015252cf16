import type { Point } from '../../topology/schema/device.ts';
import type { PointValue } from '../frame.ts';

/** Stable codes of what can be wrong with a reading; they stand in dead letters, in marks and in the reference. */
export const REASONS = {
  range: 'outside of the range that is physically possible',
  not_finite: 'not a finite number',
  wrong_type: 'not of the type of the point',
  duplicate: 'the point has a reading of this device time already',
  unknown_point: 'the device has no such point',
  decommissioned: 'the device is decommissioned',
  rate: 'changed faster than the point can',
  frozen: 'has not moved for longer than the quantity can stand still',
  no_device_time: 'the device gives no time: taken as of its arrival',
  future_time: 'the time of the device lies in the future: taken as of its arrival',
} as const;
export type Reason = keyof typeof REASONS;

/** How far the clock of a device may be off before what it says is not believed (TIM-03). */
export const CLOCK_TOLERANCE_MS = 10_000;

/** A device time so far ahead of ours cannot be right, and would keep every later reading out. */
export const FUTURE_TOLERANCE_MS = CLOCK_TOLERANCE_MS;

export type BadReason = 'range' | 'not_finite' | 'wrong_type';

/** QUA-02 and QUA-07: what makes a single value impossible; null when nothing does. */
export function faultOf(point: Pick<Point, 'type' | 'range'>, value: PointValue): BadReason | null {
  switch (point.type) {
    case 'number':
      if (typeof value !== 'number') return 'wrong_type';
      if (!Number.isFinite(value)) return 'not_finite';
      if (point.range !== undefined && (value < point.range.min || value > point.range.max)) return 'range';
      return null;
    case 'boolean':
      return typeof value === 'boolean' ? null : 'wrong_type';
    case 'string':
      return typeof value === 'string' ? null : 'wrong_type';
    default:
      return null;
  }
}

/** QUA-03: whether a value moved faster than its point can. */
export function movedTooFast(
  maxRatePerSecond: number | undefined,
  before: PointValue,
  beforeMs: number,
  value: PointValue,
  timeMs: number,
): boolean {
  if (maxRatePerSecond === undefined || typeof before !== 'number' || typeof value !== 'number') return false;
  if (!(timeMs > beforeMs)) return false;
  return Math.abs(value - before) > (maxRatePerSecond * (timeMs - beforeMs)) / 1000;
}
