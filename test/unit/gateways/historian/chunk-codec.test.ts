import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame, PointValue, Quality } from '../../../../actors/frame.ts';
import { decodeColumn, encodeChunk } from '../../../../gateways/historian/chunk-codec.ts';
import { pointValueOf, QUALITIES, qualityOf } from '../../../../gateways/historian/column.ts';
import { Strip } from '../../../../gateways/historian/strip.ts';

interface Row {
  readonly timeMs: number;
  readonly values: readonly PointValue[];
  readonly quality: readonly Quality[] | null;
}

function stripOf(points: readonly string[], rows: readonly Row[]): Strip {
  const strip = new Strip('device/plc-1', points);
  for (const { timeMs, values, quality } of rows) {
    const frame: Frame = {
      deviceTimeMs: timeMs,
      gatewayTimeMs: timeMs,
      points,
      values,
      quality,
      reasons: null,
      times: null,
    };
    strip.push(timeMs, frame, 0);
  }
  return strip;
}

/** Bytes as the database gives them back. */
function bytesOf(strip: Strip): ArrayBuffer {
  return new Uint8Array(encodeChunk(strip)).buffer;
}

function rowsOf(strip: Strip, points: number): Row[] {
  const bytes = bytesOf(strip);
  const columns = Array.from({ length: points }, (_, point) => decodeColumn(bytes, point));
  return Array.from({ length: strip.rows }, (_, row) => ({
    timeMs: columns[0]?.times[row] ?? -1,
    values: columns.map((column) => pointValueOf(column, row)),
    quality: columns.map((column) => QUALITIES[qualityOf(column, row)] ?? 'BAD'),
  }));
}

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40_000_000, max: 40_000_000 }).map((number) => number / 1000) },
  fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
  fc.constantFrom<PointValue>(null, true, false, '', 'running', 'Störung ⚠'),
);
const START_MS = Date.UTC(2026, 2, 1);

test('whatever goes into a chunk comes out of it, value by value', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 16 }).chain((points) =>
        fc.tuple(
          fc.constant(points),
          fc.array(
            fc.record({
              timeMs: fc.oneof(
                fc.integer({ min: START_MS, max: START_MS + 86_399_999 }),
                fc.integer({ min: START_MS * 2, max: START_MS * 2 + 86_399_999 }).map((half) => half / 2),
              ),
              values: fc.array(value, { minLength: points, maxLength: points }),
              quality: fc.option(fc.array(fc.constantFrom(...QUALITIES), { minLength: points, maxLength: points })),
            }),
            { minLength: 1, maxLength: 40 },
          ),
        ),
      ),
      ([points, rows]) => {
        const names = Array.from({ length: points }, (_, index) => `p${index}`);
        const expected = rows.map((row) => ({ ...row, quality: row.quality ?? names.map(() => 'GOOD') }));
        assert.deepEqual(rowsOf(stripOf(names, rows), points), expected);
      },
    ),
  );
});

test('measured values with few decimals take two bytes each', () => {
  const rows = Array.from({ length: 1000 }, (_, index) => ({
    timeMs: START_MS + index * 1000,
    values: [20 + (index % 100) / 100],
    quality: null,
  }));
  const { byteLength } = bytesOf(stripOf(['t'], rows));
  assert.ok(byteLength <= 1000 * (4 + 2) + 64, `${byteLength} bytes`);
});

test('a value that does not change takes no room', () => {
  const rows = Array.from({ length: 1000 }, (_, index) => ({
    timeMs: START_MS + index,
    values: [Math.PI],
    quality: null,
  }));
  assert.ok(bytesOf(stripOf(['t'], rows)).byteLength < 1000 * 4 + 100);
});

test('a number with decimals that no power of ten gives back stays a double', () => {
  const values = [0.1 + 0.2, 1 / 3, 1e300, Number.MAX_SAFE_INTEGER, 0.0001];
  const rows = values.map((number, index) => ({ timeMs: START_MS + index, values: [number], quality: null }));
  assert.deepEqual(
    rowsOf(stripOf(['t'], rows), 1).map((row) => row.values[0]),
    values,
  );
});

test('a chunk of another version is refused', () => {
  const bytes = bytesOf(stripOf(['t'], [{ timeMs: START_MS, values: [1], quality: null }]));
  new Uint8Array(bytes)[0] = 9;
  assert.throws(() => decodeColumn(bytes, 0), TypeError);
});
