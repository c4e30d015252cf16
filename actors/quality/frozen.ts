import type { Point } from '../../topology/schema/device.ts';
import type { PointValue, Quality } from '../frame.ts';

/**
 * A sensor that hangs: its readings go on arriving, but the value of a quantity that is never quite still no longer moves.
 *
 * The readings of a point are seen as runs. A run begins with a reading and holds those after it that are within the tolerance
 * of that first one, so that a slow drift ends it. Only what is fit to judge by takes part: numbers, and none of which the
 * source itself is not certain. A silence ends a run too: what happened in it nobody knows.
 */
export type FrozenRule = NonNullable<Point['frozen']>;

/** 2.1 is 0.1 away from 2 to everybody but binary fractions. */
const ROUNDING = 1e-12;

/** Whether a reading belongs to the run that began with the value `anchor`; NaN: there is none. */
export function standsStill({ tolerance }: FrozenRule, anchor: number, value: PointValue, quality: Quality): boolean {
  if (typeof value !== 'number' || quality === 'UNCERTAIN' || quality === 'BAD') return false;
  return Math.abs(value - anchor) - tolerance <= ROUNDING * Math.abs(anchor);
}

/** Whether a run that began at `sinceMs` and goes on at `nowMs` has lasted too long. */
export function isFrozen({ afterMs }: FrozenRule, sinceMs: number, nowMs: number): boolean {
  return nowMs - sinceMs >= afterMs;
}
