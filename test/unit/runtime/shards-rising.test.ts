import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Down } from '../../../runtime/entity/supervision.ts';
import { Shards, type ShardsOptions } from '../../../runtime/shards.ts';
import { thing } from '../../support/live-nodes.ts';
import { PUMP } from '../../support/memory-cell.ts';

const SHARD = 7;
type Rising = { runs: boolean; down: Down | undefined };

/** A node of one shard whose entities rise as a test says. */
function shardsOf(entities: Rising[], bringUp: () => Promise<void>): Shards {
  const nothing = () => undefined;
  const options = {
    entities: { bringUp, ofShard: () => entities, letGo: async () => undefined },
    effects: { begin: nothing },
    checkpoints: { begin: async () => undefined, follow: nothing, end: nothing },
    journal: { entities: async () => [thing('north', 'found')], pendingEffects: async () => [] },
    population: { residents: [PUMP] },
    ofNodes: () => [],
    shardOf: () => SHARD,
    claimLog: async () => undefined,
    listener: { opened: nothing, closing: async () => undefined, closed: nothing },
  };
  // Of its surroundings only what a recovery asks of them.
  return new Shards(options as unknown as ShardsOptions);
}

const store: Down = { cause: 'store', reason: 'the journal did not answer', restartInMs: undefined };

test('a shard some of whose entities wait for a store has not risen until they are up', async () => {
  const [first, second]: [Rising, Rising] = [
    { runs: false, down: store },
    { runs: true, down: undefined },
  ];
  const shards = shardsOf([first, second], () => Promise.reject(new Error('away')));
  await shards.recover(SHARD, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...shards.rising], [SHARD], 'the store is away');
  first.down = undefined;
  assert.deepEqual([...shards.rising], [SHARD], 'it is being built');
  first.runs = true;
  assert.deepEqual([...shards.rising], []);
});

test('an entity that its own code keeps down keeps no shard from having risen, nor does a shard that is gone', async () => {
  const entity: Rising = { runs: false, down: store };
  const shards = shardsOf([entity], () => Promise.reject(new Error('away')));
  await shards.recover(SHARD, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...shards.rising], [SHARD]);
  entity.down = { ...store, cause: 'stopped' };
  assert.deepEqual([...shards.rising], []);

  entity.down = store;
  await shards.recover(SHARD, 2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...shards.rising], [SHARD]);
  await shards.halt(SHARD);
  assert.deepEqual([...shards.rising], []);
});
