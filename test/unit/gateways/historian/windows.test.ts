import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BAD, type Column } from '../../../../gateways/historian/column.ts';
import { Windows } from '../../../../gateways/historian/windows.ts';

function column(times: readonly number[], numbers: readonly number[], tags: readonly number[] | null = null): Column {
  return {
    size: times.length,
    times: Float64Array.from(times),
    numbers: Float64Array.from(numbers),
    tags: tags && Uint8Array.from(tags),
    texts: null,
  };
}

test('percentiles lie between the two nearest samples', () => {
  const windows = new Windows(1000, 10);
  windows.add(column([1, 2, 3, 4], [4, 1, 3, 2]), 0, 4);
  windows.finish();
  const [row] = windows.rows;
  assert.equal(row?.p50, 2.5);
  assert.equal(row?.p95, 3.8499999999999996);
  assert.equal(row?.first, 4);
  assert.equal(row?.last, 2);
  assert.equal(row?.stddev, Math.sqrt(5 / 3));
});

test('large values that vary little keep their deviation', () => {
  const windows = new Windows(1000, 10);
  windows.add(column([1, 2, 3], [1e9 + 1, 1e9 + 2, 1e9 + 3]), 0, 3);
  windows.finish();
  assert.equal(windows.rows[0]?.stddev, 1);
});

test('a window goes on from one column to the next', () => {
  const windows = new Windows(1000, 10);
  windows.add(column([100], [1]), 0, 1);
  windows.add(column([200, 1500], [3, 7]), 0, 2);
  windows.finish();
  assert.deepEqual(
    windows.rows.map((row) => [row.startMs, row.count, row.sum]),
    [
      [0, 2, 4],
      [1000, 1, 7],
    ],
  );
});

test('a window in which everything is BAD is left out, and BAD samples only count for quality', () => {
  const windows = new Windows(1000, 10);
  windows.add(column([1, 1001, 1002], [5, 6, 7], [BAD, BAD, 0]), 0, 3);
  windows.finish();
  assert.equal(windows.rows.length, 1);
  assert.deepEqual(windows.rows[0]?.quality, { good: 1, suspect: 0, uncertain: 0, bad: 1, pctGood: 50 });
  assert.equal(windows.rows[0]?.avg, 7);
});

test('the row that reaches the limit is whole', () => {
  const windows = new Windows(10, 2);
  windows.add(column([1, 11, 12, 13, 21, 31], [1, 2, 3, 4, 5, 6]), 0, 6);
  windows.finish();
  assert.deepEqual(
    windows.rows.map((row) => row.count),
    [1, 3],
  );
  assert.equal(windows.full, true);
});
