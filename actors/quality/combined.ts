import type { View } from '../../runtime/actor-kind.ts';
import type { Json } from '../../runtime/json.ts';
import type { Quality } from '../frame.ts';
import type { Mark } from '../views.ts';

/** What one asset brings to a figure over several. */
export interface Part {
  /** Null where it has none that counts. */
  readonly value: number | null;
  /** BAD: its value does not count, for being BAD, stale or cut off, or because there is none. */
  readonly quality: Quality;
  /** Is itself a figure that lacks some of its parts. */
  readonly partial: boolean;
  readonly timeMs: number;
  readonly receivedMs: number;
}

/** Null for an asset that does not have the metric, or is not, or no longer, in service and has no value of it. */
export function partOf(view: View, metric: string): Part | null {
  const value = view.values?.[metric];
  const mark = fieldsOf(view.marks?.[metric]);
  if (value === undefined && mark === undefined) {
    const lifecycle = view.props?.lifecycle;
    if (view.metrics?.[metric] === undefined || lifecycle === 'planned' || lifecycle === 'retired') return null;
  }
  const isUnfit =
    typeof value !== 'number' || mark?.quality === 'BAD' || mark?.reason === 'stale' || mark?.reason === 'device_lost';
  const doubt = mark?.quality === 'SUSPECT' || mark?.quality === 'UNCERTAIN' ? mark.quality : 'GOOD';
  return {
    value: isUnfit ? null : value,
    quality: isUnfit ? 'BAD' : doubt,
    partial: mark?.reason === PARTIAL_INPUT,
    timeMs: numberOr(view.times?.[metric], 0),
    receivedMs: numberOr(view.received?.[metric], 0),
  };
}

export interface Combined {
  /** Null without a single part that counts. */
  readonly value: number | null;
  readonly quality: Quality;
  readonly reason: string | null;
  /** Where it lacks some: how many of how many it is of. */
  readonly inputs: NonNullable<Mark['inputs']> | null;
  /** The newest of those that count. */
  readonly timeMs: number;
  readonly receivedMs: number;
}

export type Combination = 'sum' | 'avg' | 'min' | 'max' | 'count';

/** Of a figure that was computed without some of its parts: it looks right and is not. */
export const PARTIAL_INPUT = 'partial_input';

/** Whether no rule may go by a value with this mark: it is none, or it is one of less than the rule is about. */
export function isUnfitToJudge(mark: Mark | null | undefined): boolean {
  return mark !== null && mark !== undefined && (mark.quality === 'BAD' || mark.reason === PARTIAL_INPUT);
}

/**
 * A figure over several assets. One that lacks a part says so: a sum without a pump, or the highest level without the sensor
 * that was highest, would pass for the truth. A mean is no better: the sensor that fails is often the one in the heat. Only
 * `count` lacks nothing, since it says how many there are that have a value.
 *
 * @param unseen assets that have not shown yet whether they have the metric
 */
export function combine(how: Combination, parts: Iterable<Part>, unseen: number): Combined {
  let used = 0;
  let of = unseen;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let timeMs = 0;
  let receivedMs = 0;
  let doubt: Quality = 'GOOD';
  let isPartial = false;
  for (const part of parts) {
    of++;
    if (part.value === null) continue;
    used++;
    doubt = worse(doubt, part.quality);
    isPartial ||= part.partial;
    sum += part.value;
    min = Math.min(min, part.value);
    max = Math.max(max, part.value);
    timeMs = Math.max(timeMs, part.timeMs);
    receivedMs = Math.max(receivedMs, part.receivedMs);
  }
  const newest = { timeMs, receivedMs };
  if (how === 'count') return { value: used, quality: 'GOOD', reason: null, inputs: null, ...newest };
  if (used === 0) return { value: null, quality: 'BAD', reason: 'no_input', inputs: null, ...newest };
  const value = { sum, avg: sum / used, min, max }[how];
  if (used < of || isPartial) {
    const inputs = used < of ? { used, of } : null;
    return { value, quality: 'UNCERTAIN', reason: PARTIAL_INPUT, inputs, ...newest };
  }
  return { value, quality: doubt, reason: doubt === 'GOOD' ? null : 'input', inputs: null, ...newest };
}

const BADNESS: Readonly<Record<Quality, number>> = { GOOD: 0, SUSPECT: 1, UNCERTAIN: 2, BAD: 3 };

export function worse(a: Quality, b: Quality): Quality {
  return BADNESS[b] > BADNESS[a] ? b : a;
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : undefined;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function numberOr(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
