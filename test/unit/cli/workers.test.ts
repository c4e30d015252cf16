import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesFrom } from '../../../cli/workers.ts';

test('workers are called by the numbers from that of the first on', () => {
  assert.deepEqual(namesFrom('core-1', 3), ['core-1', 'core-2', 'core-3']);
  assert.deepEqual(namesFrom('hall-b-7', 2), ['hall-b-7', 'hall-b-8']);
  assert.deepEqual(namesFrom('core', 2), ['core-1', 'core-2']);
});
