import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skewText, skewWords } from '../../../../ui/parts/reading-times.ts';

test('the skew is receive time less source time, and its sign is told in words', () => {
  assert.equal(skewWords(1000, 2234), '1.234 s');
  assert.equal(skewWords(3500, 1000), '\u22122.500 s: the clock of the source is ahead');
  assert.equal(skewWords(1000, 1000), '0.000 s: dated when it was received');
});

test('without one of both times there is no skew', () => {
  assert.equal(skewWords(undefined, 1000), '—');
  assert.equal(skewWords(1000, null), '—');
  assert.equal(skewText(null), '—');
  assert.equal(skewText(-2040), '\u22122.04 s');
});
