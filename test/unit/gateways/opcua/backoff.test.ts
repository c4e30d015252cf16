import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backoffMs } from '../../../../gateways/opcua/backoff.ts';

const BOUNDS = { minMs: 500, maxMs: 30_000 };

it('doubles from attempt to attempt up to the cap', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((attempt) => backoffMs(attempt, BOUNDS, 1)),
    [500, 1000, 2000, 4000],
  );
  assert.equal(backoffMs(40, BOUNDS, 1), 30_000);
});

it('spreads over the upper half of the delay', () => {
  assert.equal(backoffMs(3, BOUNDS, 0), 1000);
  assert.equal(backoffMs(3, BOUNDS, 0.5), 1500);
});
