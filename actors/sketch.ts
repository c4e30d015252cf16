import { LogCollapsingLowestDenseDDSketch } from '@datadog/sketches-js';
import { z } from 'zod';

/**
 * A DDSketch: percentiles of any number of samples in bounded memory, within one percent of a true sample.
 *
 * It is fed through `accept` alone. The library's `merge` loses the negative values of the other sketch (sketches-js 2.1.1)
 * and its encoding loses the limit of the bins; a bin given back to `accept` as a value within it, with its count as the
 * weight, lands in the same bin again, so both are done that way here.
 */
export type Sketch = LogCollapsingLowestDenseDDSketch;

export const RELATIVE_ACCURACY = 0.01;

/** Smaller than any sensor resolves; without it the noise around zero would fill the sketch with bins nobody asks for. */
const SMALLEST_MAGNITUDE = 1e-9;

export function createSketch(): Sketch {
  return new LogCollapsingLowestDenseDDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
}

export function addToSketch(sketch: Sketch, value: number, weight = 1): void {
  sketch.accept(Math.abs(value) < SMALLEST_MAGNITUDE ? 0 : value, weight);
}

export function mergeSketch(into: Sketch, from: Sketch): void {
  for (const [value, count] of encodeSketch(from)) addToSketch(into, value, count);
}

/** Pairs of a value within a bin and the bin's count. */
export const EncodedSketch = z.array(z.tuple([z.number(), z.number()]));
export type EncodedSketch = z.infer<typeof EncodedSketch>;

export function encodeSketch(sketch: Sketch): EncodedSketch {
  const bins: EncodedSketch = sketch.zeroCount > 0 ? [[0, sketch.zeroCount]] : [];
  for (const [store, sign] of [
    [sketch.negativeStore, -1],
    [sketch.store, 1],
  ] as const) {
    for (const [index, count] of store.bins.entries()) {
      if (count > 0) bins.push([sign * sketch.mapping.value(index + store.offset), count]);
    }
  }
  return bins;
}

export function decodeSketch(stored: EncodedSketch): Sketch {
  const sketch = createSketch();
  for (const [value, count] of stored) addToSketch(sketch, value, count);
  return sketch;
}
