import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Occurrences } from '../../../../gateways/auth/occurrences.ts';

test('the first of a kind is written down, and how often it came again at the end of the window', () => {
  const seen = new Occurrences<string>({ windowMs: 100, kinds: 9 });
  assert.equal(seen.isFirst('a', 'a1', 10), true);
  assert.equal(seen.isFirst('a', 'a2', 20), false);
  assert.equal(seen.isFirst('b', 'b1', 30), true);
  assert.equal(seen.isFirst('a', 'a3', 40), false);
  assert.equal(seen.isOver(109), false);
  assert.equal(seen.isOver(110), true);
  assert.deepEqual(seen.end(), { repeated: [{ sample: 'a3', times: 2, sinceMs: 20 }], omitted: undefined });
});

test('a window that has ended is forgotten, and nothing is over where nothing happened', () => {
  const seen = new Occurrences<string>({ windowMs: 100, kinds: 9 });
  seen.isFirst('a', 'a', 10);
  seen.end();
  assert.equal(seen.isOver(1_000_000), false);
  assert.equal(seen.isFirst('a', 'a', 500), true);
  assert.equal(seen.isOver(599), false, 'the next window begins with what comes first in it');
  assert.equal(seen.isOver(600), true);
});

test('whatever comes, everything is written down or counted, and never more rows than the window has room for', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 12 }), { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (kinds, room) => {
      const seen = new Occurrences<number>({ windowMs: 1000, kinds: room });
      const written = kinds.filter((kind, index) => seen.isFirst(String(kind), kind, index)).length;
      const { repeated, omitted } = seen.end();
      assert.ok(written <= room && repeated.length <= written);
      const counted = repeated.reduce((sum, { times }) => sum + times, 0);
      assert.equal(written + counted + (omitted?.times ?? 0), kinds.length);
    }),
  );
});
