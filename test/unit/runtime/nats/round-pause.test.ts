import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseAfter } from '../../../../runtime/nats/round-pause.ts';

test('one message makes the next round wait for less than a timer takes, many for as long as may be', () => {
  assert.ok(pauseAfter(1, 4) < 0.5);
  assert.ok(pauseAfter(8, 4) > pauseAfter(2, 4));
  assert.equal(pauseAfter(64, 4), 4);
  assert.equal(pauseAfter(64, 0), 0);
});
