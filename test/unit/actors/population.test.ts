import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { populationOf } from '../../../actors/population.ts';
import { entityId, kindOf } from '../../../runtime/ids.ts';
import { COMMON_GROUP } from '../../../runtime/live-bus.ts';
import { loadTopology } from '../../../topology/load.ts';

test('what stands at a site is looked at together, and the rest together', async () => {
  const loaded = await loadTopology(path.resolve(import.meta.dirname, '../../../topology/demo.yaml'), {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { plant } = loaded;
  const population = populationOf(plant, 'core-1');
  for (const site of plant.sites.keys()) assert.equal(population.groupOf?.(entityId('site', site)), site);
  for (const { id, site } of plant.assets.values()) assert.equal(population.groupOf?.(entityId('asset', id)), site);
  for (const { id, site } of plant.devices.values()) assert.equal(population.groupOf?.(entityId('device', id)), site);
  for (const id of ['work-order/WO-1', 'order-book/main', 'device/unheard-of'])
    assert.equal(population.groupOf?.(entityId(...split(id))), COMMON_GROUP, id);
  // Who watches another at a site is with it, so that one interest serves both.
  for (const id of population.residents)
    for (const watcher of population.watchersOf(id, {}))
      assert.equal(population.groupOf?.(watcher), population.groupOf?.(id), `${id} ${kindOf(watcher)}`);
});

test('a node of the cell is looked at in the same place wherever it is asked for', async () => {
  const loaded = await loadTopology(path.resolve(import.meta.dirname, '../../../topology/demo.yaml'), {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const [one, two] = ['core-1', 'core-2'].map((name) => populationOf(loaded.plant, name));
  const id = one?.entityOfNode?.('core-1');
  assert.equal(id, 'node/core-1');
  assert.ok(id && one?.residents.includes(id) && !two?.residents.includes(id));
  assert.equal(one?.groupOf?.(id), two?.groupOf?.(id));
  assert.notEqual(one?.groupOf?.(id), COMMON_GROUP);
  assert.equal(two?.entityOfNode?.('core-1'), id, 'whoever owns it brings it up');
});

function split(id: string): [string, string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
