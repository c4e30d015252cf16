import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { skip } from '../cluster/plant-cell.ts';
import { sleepingOwner } from './sleeping-owner.ts';

describe('an owner that sleeps with commits on their way', { skip, timeout: 170_000 }, () => {
  test('does no damage that the checker could find', async () => {
    assert.deepEqual(await sleepingOwner({ fence: true }), []);
  });

  test('does damage without the fence, and the checker finds it', async (t) => {
    const found = await sleepingOwner({ fence: false });
    for (const one of found) t.diagnostic(one);
    assert.ok(found.some((one) => one.startsWith('nothing below a fence')));
  });
});
