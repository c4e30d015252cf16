import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Permits, permitsOf, stepPermits } from '../../../../runtime/cluster/permits.ts';

test('so many hold a permit at a time, and the rest get theirs in the order in which they asked', () => {
  let permits: Permits<number> = permitsOf(2);
  const granted: number[] = [];
  const feed = (kind: 'ask' | 'giveBack', key: number) => {
    const { state, effects } = stepPermits(permits, { kind, key });
    permits = state;
    for (const effect of effects) granted.push(effect.key);
  };
  for (const key of [1, 2, 3, 4, 5]) feed('ask', key);
  assert.deepEqual(granted, [1, 2]);
  feed('giveBack', 4);
  assert.deepEqual(granted, [1, 2], 'one that waited and gave up is no place');
  feed('giveBack', 1);
  feed('giveBack', 1);
  assert.deepEqual(granted, [1, 2, 3]);
  feed('giveBack', 2);
  assert.deepEqual(granted, [1, 2, 3, 5]);
});

test('whatever is asked and given back, the limit holds and nobody waits while there is a place', () => {
  const input = fc.record({ kind: fc.constantFrom('ask' as const, 'giveBack' as const), key: fc.nat(8) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(input), (limit, inputs) => {
      let permits: Permits<number> = permitsOf(limit);
      for (const next of inputs) {
        permits = stepPermits(permits, next).state;
        assert.ok(permits.held.length <= limit);
        assert.ok(permits.waiting.length === 0 || permits.held.length === limit);
        assert.equal(new Set([...permits.held, ...permits.waiting]).size, permits.held.length + permits.waiting.length);
      }
    }),
  );
});
