import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PointValue } from '../../../../actors/frame.ts';
import { type Column, merge, pointValueOf, tagOf } from '../../../../gateways/historian/column.ts';

function columnOf(samples: readonly (readonly [number, PointValue])[]): Column {
  const texts = new Map<number, string>();
  for (const [index, [, value]] of samples.entries()) if (typeof value === 'string') texts.set(index, value);
  return {
    size: samples.length,
    times: Float64Array.from(samples, ([timeMs]) => timeMs),
    numbers: Float64Array.from(samples, ([, value]) => (typeof value === 'number' ? value : 0)),
    tags: samples.every(([, value]) => typeof value === 'number')
      ? null
      : Uint8Array.from(samples, ([, value]) => tagOf(value, 0)),
    texts: texts.size > 0 ? texts : null,
  };
}

test('columns are merged in the order of time, and of one instant the sample that arrived last stays', () => {
  const sample = fc.tuple(
    fc.integer({ min: 0, max: 30 }),
    fc.oneof(fc.integer(), fc.constantFrom('on', 'off', null, true)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(sample, { maxLength: 10 }), { minLength: 1, maxLength: 4 }), (pieces) => {
      const expected = new Map<number, PointValue>();
      for (const [timeMs, value] of pieces.flat()) expected.set(timeMs, value);
      const merged = merge(pieces.map(columnOf));
      assert.deepEqual(
        Array.from({ length: merged.size }, (_, index) => [merged.times[index], pointValueOf(merged, index)]),
        [...expected].sort(([a], [b]) => a - b),
      );
    }),
  );
});

test('a single column that is in order is taken as it is', () => {
  const column = columnOf([
    [1, 1],
    [2, 2],
  ]);
  assert.equal(merge([column]), column);
});
