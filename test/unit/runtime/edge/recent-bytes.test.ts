import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentBytes } from '../../../../runtime/edge/recent-bytes.ts';

test('what passed is a rate over ten seconds, and nothing once it is older', () => {
  const recent = new RecentBytes();
  recent.add(1000, 0);
  recent.add(4000, 6000);
  assert.equal(recent.perSecond(6000), 500);
  assert.equal(recent.perSecond(10_000), 400);
  assert.equal(recent.perSecond(16_000), 0);
});

test('a clock that is set back does not keep what passed for ever', () => {
  const recent = new RecentBytes();
  recent.add(1000, 1_000_000);
  assert.equal(recent.perSecond(5000), 0);
  recent.add(1000, 5000);
  assert.equal(recent.perSecond(5000), 100);
});
