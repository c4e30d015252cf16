import { z } from 'zod';
import type { Quality } from './frame.ts';
import {
  addToSketch,
  createSketch,
  decodeSketch,
  EncodedSketch,
  encodeSketch,
  mergeSketch,
  type Sketch,
} from './sketch.ts';
import type { WindowView } from './views.ts';

/**
 * What is known of the readings of one window: numbers of those that are not BAD, and how good all of them were.
 *
 * Samples are kept as they are while they are few, so that adding one is a push and everything said of them is exact. At
 * the limit they are folded into sums and a sketch.
 */
export interface Aggregate {
  readonly sampleLimit: number;
  /** The first `size` of them count; the rest is room that is used again, since allocating is what a window costs. */
  readonly samples: number[];
  size: number;
  folded: Folded | null;
  readonly quality: QualityCounts;
}

export interface ClosedWindow extends WindowView {
  readonly sizeMs: number;
}

export interface QualityCounts {
  good: number;
  suspect: number;
  uncertain: number;
  bad: number;
}

/** Samples that are no longer kept one by one. */
interface Folded extends Moments {
  readonly sketch: Sketch;
}

interface Moments {
  count: number;
  sum: number;
  min: number;
  max: number;
  /** Sum of squared distances from the mean. */
  m2: number;
}

export function createAggregate(sampleLimit: number): Aggregate {
  return { sampleLimit, samples: [], size: 0, folded: null, quality: { good: 0, suspect: 0, uncertain: 0, bad: 0 } };
}

export function addSample(aggregate: Aggregate, value: number, quality: Quality): void {
  const counts = aggregate.quality;
  if (quality === 'BAD' || !Number.isFinite(value)) {
    counts.bad++;
    return;
  }
  if (quality === 'GOOD') counts.good++;
  else if (quality === 'SUSPECT') counts.suspect++;
  else counts.uncertain++;
  keep(aggregate, value);
}

export function mergeAggregate(into: Aggregate, from: Aggregate): void {
  for (let i = 0; i < from.size; i++) keep(into, from.samples[i] ?? 0);
  if (from.folded !== null) {
    const folded = fold(into);
    mergeSketch(folded.sketch, from.folded.sketch);
    mergeMoments(folded, from.folded);
  }
  into.quality.good += from.quality.good;
  into.quality.suspect += from.quality.suspect;
  into.quality.uncertain += from.quality.uncertain;
  into.quality.bad += from.quality.bad;
}

export function clearAggregate(aggregate: Aggregate): void {
  aggregate.size = 0;
  aggregate.folded = null;
  aggregate.quality.good = 0;
  aggregate.quality.suspect = 0;
  aggregate.quality.uncertain = 0;
  aggregate.quality.bad = 0;
}

/**
 * Null without a single reading that is not BAD: there are no numbers then. `stddev` is that of a sample (n - 1), as in SQL,
 * and 0 for a single reading.
 */
export function summarize(aggregate: Aggregate, startMs: number, sizeMs: number): ClosedWindow | null {
  const { quality } = aggregate;
  if (aggregate.size === 0 && aggregate.folded === null) return null;
  const folded = aggregate.folded === null ? null : fold(aggregate);
  const { count, sum, min, max, m2 } = folded ?? momentsOf(aggregate);
  const sorted = ascending(aggregate);
  return {
    sizeMs,
    startMs,
    endMs: startMs + sizeMs,
    count,
    min,
    max,
    avg: sum / count,
    sum,
    stddev: count > 1 ? Math.sqrt(m2 / (count - 1)) : 0,
    p50: percentile(sorted, aggregate.size, folded, 0.5),
    p95: percentile(sorted, aggregate.size, folded, 0.95),
    p99: percentile(sorted, aggregate.size, folded, 0.99),
    good: quality.good,
    suspect: quality.suspect,
    uncertain: quality.uncertain,
    bad: quality.bad,
    pctGood: (100 * quality.good) / (quality.good + quality.suspect + quality.uncertain + quality.bad),
  };
}

function keep(aggregate: Aggregate, value: number): void {
  aggregate.samples[aggregate.size++] = value;
  if (aggregate.size > aggregate.sampleLimit) fold(aggregate);
}

function fold(aggregate: Aggregate): Folded {
  const folded = aggregate.folded ?? { sketch: createSketch(), ...NO_MOMENTS };
  mergeMoments(folded, momentsOf(aggregate));
  for (let i = 0; i < aggregate.size; i++) addToSketch(folded.sketch, aggregate.samples[i] ?? 0);
  aggregate.size = 0;
  aggregate.folded = folded;
  return folded;
}

const NO_MOMENTS: Readonly<Moments> = {
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  m2: 0,
};

function momentsOf({ samples, size }: Aggregate): Moments {
  let { sum, min, max, m2 } = NO_MOMENTS;
  for (let i = 0; i < size; i++) {
    const value = samples[i] ?? 0;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / size;
  for (let i = 0; i < size; i++) {
    const distance = (samples[i] ?? 0) - mean;
    m2 += distance * distance;
  }
  return { count: size, sum, min, max, m2 };
}

/** Chan's formula: variances of parts combine without the cancellation that sums of squares suffer from. */
function mergeMoments(into: Moments, from: Moments): void {
  if (from.count === 0) return;
  if (into.count > 0) {
    const delta = from.sum / from.count - into.sum / into.count;
    into.m2 += (delta * delta * into.count * from.count) / (into.count + from.count);
  }
  into.m2 += from.m2;
  into.count += from.count;
  into.sum += from.sum;
  into.min = Math.min(into.min, from.min);
  into.max = Math.max(into.max, from.max);
}

function ascending({ samples, size }: Aggregate): readonly number[] {
  return size <= 1 ? samples : samples.slice(0, size).sort(byValue);
}

function byValue(a: number, b: number): number {
  return a - b;
}

/** Between the two nearest samples, as SQL's `percentile_cont`, while there are samples. */
function percentile(sorted: readonly number[], size: number, folded: Folded | null, fraction: number): number {
  if (folded !== null) {
    // A bin of the sketch reaches beyond the samples in it.
    return Math.min(Math.max(folded.sketch.getValueAtQuantile(fraction), folded.min), folded.max);
  }
  const rank = fraction * (size - 1);
  const low = Math.floor(rank);
  const below = sorted[low] ?? 0;
  return low + 1 < size ? below + ((sorted[low + 1] ?? 0) - below) * (rank - low) : below;
}

/** Plain objects, for a snapshot. */
export const StoredAggregate = z.object({
  samples: z.array(z.number()),
  folded: z
    .object({
      sketch: EncodedSketch,
      count: z.number(),
      sum: z.number(),
      min: z.number(),
      max: z.number(),
      m2: z.number(),
    })
    .nullable(),
  quality: z.object({ good: z.number(), suspect: z.number(), uncertain: z.number(), bad: z.number() }),
});
export type StoredAggregate = z.infer<typeof StoredAggregate>;

export function encodeAggregate({ samples, size, folded, quality }: Aggregate): StoredAggregate {
  return {
    samples: samples.slice(0, size),
    folded: folded === null ? null : { ...folded, sketch: encodeSketch(folded.sketch) },
    quality: { ...quality },
  };
}

export function decodeAggregate({ samples, folded, quality }: StoredAggregate, sampleLimit: number): Aggregate {
  return {
    sampleLimit,
    samples,
    size: samples.length,
    folded: folded === null ? null : { ...folded, sketch: decodeSketch(folded.sketch) },
    quality,
  };
}
