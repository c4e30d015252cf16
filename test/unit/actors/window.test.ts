import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Quality } from '../../../actors/frame.ts';
import {
  addReading,
  CLOSE_GRACE_MS,
  type ClosedWindow,
  closeWindows,
  createWindows,
  decodeWindows,
  encodeWindows,
} from '../../../actors/window.ts';

interface Reading {
  readonly timeMs: number;
  readonly value: number;
  readonly quality: Quality;
}

const START = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);
const FAR_MS = START + 100 * 3_600_000;

describe('tumbling windows', () => {
  it('are aligned to the epoch and hold what their name says', () => {
    const windows = createWindows([1000, 60_000]);
    for (const [offsetMs, value] of [
      [100, 1],
      [500, 3],
      [999, 2],
      [1000, 10],
    ] as const) {
      addReading(windows, START + offsetMs, value, 'GOOD');
    }
    const [first] = closeWindows(windows, START + 1000);
    assert.deepEqual(first, {
      sizeMs: 1000,
      startMs: START,
      endMs: START + 1000,
      count: 3,
      sum: 6,
      min: 1,
      max: 3,
      avg: 2,
      stddev: 1,
      p50: 2,
      p95: 2.9,
      p99: 2.98,
      good: 3,
      suspect: 0,
      uncertain: 0,
      bad: 0,
      pctGood: 100,
    });
    const minute = closeWindows(windows, FAR_MS).find((window) => window.sizeMs === 60_000);
    assert.equal(minute?.sum, 16);
  });

  it('stay open for a moment past their end, since readings travel', () => {
    const windows = createWindows([1000]);
    addReading(windows, START + 10, 1, 'GOOD');
    assert.deepEqual(closeWindows(windows, START + 1000 + CLOSE_GRACE_MS - 1), []);
    addReading(windows, START + 990, 2, 'GOOD');
    assert.deepEqual(
      closeWindows(windows, START + 1000 + CLOSE_GRACE_MS).map((w) => w.count),
      [2],
    );
    assert.deepEqual(closeWindows(windows, FAR_MS), []);
  });

  it('count BAD readings in the quality alone', () => {
    const windows = createWindows([1000]);
    addReading(windows, START, 5, 'GOOD');
    addReading(windows, START + 1, 1e9, 'BAD');
    addReading(windows, START + 2, 7, 'SUSPECT');
    addReading(windows, START + 3, 6, 'UNCERTAIN');
    const [window] = closeWindows(windows, FAR_MS);
    assert.equal(window?.max, 7);
    assert.deepEqual(
      [window?.good, window?.suspect, window?.uncertain, window?.bad, window?.pctGood],
      [1, 1, 1, 1, 25],
    );
  });

  it('without any reading but BAD ones are left out', () => {
    const windows = createWindows([1000]);
    addReading(windows, START, 5, 'BAD');
    assert.deepEqual(closeWindows(windows, FAR_MS), []);
  });

  it('take a late reading where they are open, and ignore it where they have ended', () => {
    const windows = createWindows([1000, 60_000]);
    addReading(windows, START + 100, 1, 'GOOD');
    addReading(windows, START + 2100, 2, 'GOOD');
    addReading(windows, START + 200, 4, 'GOOD');
    const closed = closeWindows(windows, FAR_MS);
    assert.deepEqual(
      closed.map((w) => [w.sizeMs, w.startMs - START, w.sum]),
      [
        [1000, 0, 1],
        [1000, 2000, 2],
        [60_000, 0, 7],
      ],
    );
    addReading(windows, START + 300, 9, 'GOOD');
    assert.deepEqual(closeWindows(windows, FAR_MS), []);
  });

  it('are not locked out by one reading with a clock far ahead', () => {
    const windows = createWindows([1000, 60_000]);
    addReading(windows, START + 100, 1, 'GOOD');
    addReading(windows, FAR_MS, 2, 'GOOD');
    closeWindows(windows, START + 200);
    addReading(windows, START + 1300, 3, 'GOOD');
    const closed = closeWindows(windows, START + 3000);
    assert.deepEqual(
      closed.map((w) => w.sum),
      [3],
    );
  });

  it('keep only the newest of those that nobody asks for', () => {
    const windows = createWindows([1000]);
    for (let second = 0; second < 1000; second++) addReading(windows, START + second * 1000, second, 'GOOD');
    const closed = closeWindows(windows, FAR_MS);
    assert.equal(closed.length, 128);
    assert.equal(closed.at(-1)?.sum, 999);
  });

  it('refuse sizes that do not nest', () => {
    assert.throws(() => createWindows([1000, 2500]), /2500 ms is not a multiple of the next smaller one, 1000 ms/);
    assert.throws(() => createWindows([]), /at least one/);
  });

  it('hold what a brute-force computation over all readings gives', () => {
    fc.assert(
      fc.property(readings(300), (input) => {
        const windows = createWindows(SIZES_MS);
        const closed: ClosedWindow[] = [];
        for (const reading of input) {
          addReading(windows, reading.timeMs, reading.value, reading.quality);
          closed.push(...closeWindows(windows, reading.timeMs));
        }
        closed.push(...closeWindows(windows, FAR_MS));
        for (const sizeMs of SIZES_MS)
          compare(
            closed.filter((w) => w.sizeMs === sizeMs),
            bruteForce(input, sizeMs),
          );
      }),
      { numRuns: 300 },
    );
  });

  it('give percentiles within one percent, and all else exactly, once there are too many samples to keep', () => {
    const sampleValue = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(sampleValue, { minLength: 1500, maxLength: 3000, size: 'max' }), (values) => {
        const windows = createWindows([1000, 60_000]);
        // Two a millisecond: the first second has too many for its own window, and hands them on folded.
        for (const [index, value] of values.entries()) addReading(windows, START + index / 2, value, 'GOOD');
        const closed = closeWindows(windows, FAR_MS);
        compareFolded(closed[0], values.slice(0, 2000));
        compareFolded(closed.at(-1), values);
      }),
      { numRuns: 30 },
    );
  });

  it('go on from a snapshot as if nothing had happened, wherever it was taken', () => {
    fc.assert(
      fc.property(readings(600), fc.double({ min: 0, max: 1, noNaN: true }), (input, where) => {
        const through = createWindows(SIZES_MS);
        let restored = createWindows(SIZES_MS);
        input.forEach((reading, index) => {
          addReading(through, reading.timeMs, reading.value, reading.quality);
          addReading(restored, reading.timeMs, reading.value, reading.quality);
          assert.deepEqual(closeWindows(restored, reading.timeMs), closeWindows(through, reading.timeMs));
          if (index === Math.floor(where * input.length)) {
            restored = decodeWindows(JSON.parse(JSON.stringify(encodeWindows(restored))), SIZES_MS);
          }
        });
        assert.deepEqual(closeWindows(restored, FAR_MS), closeWindows(through, FAR_MS));
      }),
      { numRuns: 100 },
    );
  });

  it('end no window twice when a smaller size was added behind their back', () => {
    const windows = createWindows([60_000]);
    addReading(windows, START, 1, 'GOOD');
    addReading(windows, START + 60_000, 1, 'GOOD');
    assert.equal(closeWindows(windows, START + 60_000).length, 1);
    const restored = decodeWindows(encodeWindows(windows), [1000, 60_000]);
    addReading(restored, START + 1000, 1, 'GOOD');
    addReading(restored, START + 61_000, 1, 'GOOD');
    const minutes = closeWindows(restored, FAR_MS).filter((window) => window.sizeMs === 60_000);
    assert.deepEqual(
      minutes.map((window) => [window.startMs - START, window.count]),
      [[60_000, 2]],
    );
  });

  it('start anew where a snapshot had other sizes', () => {
    const windows = createWindows([1000, 60_000]);
    addReading(windows, START, 1, 'GOOD');
    addReading(windows, START + 1000, 1, 'GOOD');
    const restored = decodeWindows(encodeWindows(windows), [10_000, 60_000]);
    addReading(restored, START + 30_000, 1, 'GOOD');
    const closed = closeWindows(restored, FAR_MS);
    assert.deepEqual(
      closed.map((w) => [w.sizeMs, w.count]),
      [
        [10_000, 1],
        [60_000, 2],
      ],
    );
  });
});

const SIZES_MS = [1000, 10_000, 60_000, 300_000];

function readings(maxLength: number): fc.Arbitrary<Reading[]> {
  const step = fc.record({
    afterMs: fc.oneof({ weight: 8, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.nat(90_000) }),
    value: fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })),
    quality: fc.constantFrom<Quality>('GOOD', 'GOOD', 'GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD'),
  });
  return fc.array(step, { minLength: 1, maxLength, size: 'max' }).map((steps) => {
    let timeMs = START;
    return steps.map(({ afterMs, value, quality }) => {
      timeMs += afterMs;
      // Without -0, which JSON and strict comparisons tell from 0.
      return { timeMs, value: value + 0, quality };
    });
  });
}

function bruteForce(input: readonly Reading[], sizeMs: number): { startMs: number; readings: Reading[] }[] {
  const groups = new Map<number, Reading[]>();
  for (const reading of input) {
    const startMs = reading.timeMs - (reading.timeMs % sizeMs);
    groups.set(startMs, [...(groups.get(startMs) ?? []), reading]);
  }
  return [...groups]
    .map(([startMs, all]) => ({ startMs, readings: all }))
    .filter((group) => group.readings.some((reading) => reading.quality !== 'BAD'));
}

function compare(actual: readonly ClosedWindow[], expected: readonly { startMs: number; readings: Reading[] }[]): void {
  assert.deepEqual(
    actual.map((w) => w.startMs),
    expected.map((w) => w.startMs),
  );
  expected.forEach((group, index) => {
    const window = actual[index];
    assert.ok(window);
    const values = group.readings.filter((r) => r.quality !== 'BAD').map((r) => r.value);
    const sum = values.reduce((a, b) => a + b, 0);
    const mean = sum / values.length;
    const variance = values.length > 1 ? values.reduce((a, v) => a + (v - mean) ** 2, 0) / (values.length - 1) : 0;
    assert.equal(window.count, values.length);
    assert.equal(window.min, Math.min(...values));
    assert.equal(window.max, Math.max(...values));
    close(window.sum, sum);
    close(window.avg, mean);
    close(window.stddev, Math.sqrt(variance));
    const count = (quality: Quality) => group.readings.filter((r) => r.quality === quality).length;
    assert.deepEqual(
      [window.good, window.suspect, window.uncertain, window.bad],
      [count('GOOD'), count('SUSPECT'), count('UNCERTAIN'), count('BAD')],
    );
    if (values.length <= 256) {
      const sorted = [...values].sort((a, b) => a - b);
      const rank = 0.95 * (sorted.length - 1);
      const low = sorted[Math.floor(rank)] ?? 0;
      close(window.p95, low + ((sorted[Math.ceil(rank)] ?? 0) - low) * (rank % 1));
    }
  });
}

function compareFolded(window: ClosedWindow | undefined, values: readonly number[]): void {
  assert.ok(window);
  const sum = values.reduce((a, b) => a + b, 0);
  const variance = values.reduce((a, v) => a + (v - sum / values.length) ** 2, 0) / (values.length - 1);
  assert.deepEqual([window.count, window.min, window.max], [values.length, Math.min(...values), Math.max(...values)]);
  close(window.sum, sum);
  close(window.stddev, Math.sqrt(variance));
  const sorted = [...values].sort((a, b) => a - b);
  for (const [fraction, actual] of [
    [0.5, window.p50],
    [0.95, window.p95],
    [0.99, window.p99],
  ] as const) {
    const rank = fraction * (sorted.length - 1);
    const low = sorted[Math.floor(rank)] ?? Number.NaN;
    const high = sorted[Math.ceil(rank)] ?? Number.NaN;
    assert.ok(actual >= low - 0.0101 * Math.abs(low) - 1e-9, `${actual} below ${low}`);
    assert.ok(actual <= high + 0.0101 * Math.abs(high) + 1e-9, `${actual} above ${high}`);
  }
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}
