import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RareNotes } from '../../../runtime/rare-notes.ts';

test('the first of a kind is told, then one in a while with how many were left out', () => {
  let nowMs = 0;
  const notes = new RareNotes(1000, () => nowMs);
  assert.equal(notes.admit('renew'), 0);
  for (nowMs = 100; nowMs < 1000; nowMs += 100) assert.equal(notes.admit('renew'), undefined);
  assert.equal(notes.admit('view'), 0, 'another kind does not wait for it');
  assert.equal(notes.admit('renew'), 9);
  nowMs += 5000;
  assert.equal(notes.admit('renew'), 0);
});

test('of endless kinds only so many are remembered', () => {
  const notes = new RareNotes(1000, () => 0);
  for (let kind = 0; kind < 150; kind++) assert.equal(notes.admit(`${kind}`), 0);
  assert.equal(notes.admit('149'), undefined);
  assert.equal(notes.admit('0'), 0);
});
