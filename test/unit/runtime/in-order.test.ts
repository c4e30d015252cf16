import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entityId } from '../../../runtime/ids.ts';
import { InOrder } from '../../../runtime/in-order.ts';

const pump = entityId('asset', 'pump');
const fan = entityId('asset', 'fan');

describe('turns of many entities', () => {
  it('follow each other for one entity, and wait for no other', async () => {
    const turns = new InOrder();
    const order: string[] = [];
    let commit = () => {};
    turns.take(pump, () => new Promise<void>((resolve) => (commit = resolve)).then(() => void order.push('pump 1')));
    turns.take(pump, () => void order.push('pump 2'));
    turns.take(fan, () => void order.push('fan 1'));
    assert.deepEqual(order, ['fan 1'], 'the pump still commits');
    commit();
    await turns.settled();
    assert.deepEqual(order, ['fan 1', 'pump 1', 'pump 2']);
  });

  it('are waited for when many wait already', async () => {
    const turns = new InOrder();
    let commit = () => {};
    turns.take(pump, () => new Promise<void>((resolve) => (commit = resolve)));
    let full: Promise<void> | undefined;
    for (let handed = 0; full === undefined && handed < 100_000; handed++) full = turns.take(pump, () => undefined);
    assert.ok(full !== undefined, 'there is a bound');
    commit();
    await full;
    await turns.settled();
    assert.equal(
      turns.take(pump, () => undefined),
      undefined,
    );
  });
});
