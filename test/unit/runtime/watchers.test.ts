import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { View } from '../../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../../runtime/ids.ts';
import type { LiveCell } from '../../../runtime/live-bus.ts';
import { Watchers } from '../../../runtime/watchers.ts';

const NORTH = entityId('site', 'north');
const SOUTH = entityId('site', 'south');
const PUMP = entityId('asset', 'pump');
const FAN = entityId('asset', 'fan');
/** A site watches its assets; sites live in shards 1 and 2. */
const WATCHERS: ReadonlyMap<EntityId, readonly EntityId[]> = new Map([
  [PUMP, [NORTH]],
  [FAN, [NORTH, SOUTH]],
]);

function cell(id: EntityId, value: number): LiveCell {
  return { id, view: { state: { value } }, mirrored: false, revision: value } as unknown as LiveCell;
}

function bench(shown: LiveCell[]) {
  const told: [EntityId, Record<string, View>][] = [];
  const watchers = new Watchers({
    population: { watchersOf: (id) => WATCHERS.get(id) ?? [] },
    shardOf: (id) => (id === NORTH ? 1 : 2),
    shown: () => shown,
    tell: (watcher, changed) => told.push([watcher, Object.fromEntries(changed)]),
  });
  const tell = () => {
    watchers.tell();
    return told.splice(0);
  };
  return { watchers, tell };
}

test('each watcher is told once of what changed since, and of its newest', () => {
  const { watchers, tell } = bench([]);
  watchers.changed([cell(PUMP, 1), cell(FAN, 1)]);
  watchers.changed([cell(PUMP, 2)]);
  assert.deepEqual(tell(), [
    [NORTH, { [PUMP]: { state: { value: 2 } }, [FAN]: { state: { value: 1 } } }],
    [SOUTH, { [FAN]: { state: { value: 1 } } }],
  ]);
  assert.deepEqual(tell(), [], 'nothing has changed since');
});

test('a watcher that comes to this node is told of everything that is shown, though it did not change', () => {
  const { watchers, tell } = bench([cell(PUMP, 5), cell(FAN, 6)]);
  watchers.opened(1);
  assert.deepEqual(
    tell(),
    [[NORTH, { [PUMP]: { state: { value: 5 } }, [FAN]: { state: { value: 6 } } }]],
    'and not the one that was here before',
  );
  assert.deepEqual(tell(), [], 'once');
});
