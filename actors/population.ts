import type { View } from '../runtime/actor-kind.ts';
import { type EntityId, entityId, kindOf, nameOf } from '../runtime/ids.ts';
import { COMMON_GROUP, type Group } from '../runtime/live-bus.ts';
import type { Population } from '../runtime/population.ts';
import type { Plant } from '../topology/plant.ts';
import { accessKind } from './access/access.ts';
import { assetKind } from './asset/asset.ts';
import { deviceKind } from './device/device.ts';
import { orderBookKind } from './order-book/order-book.ts';
import { ruleKind } from './rule/rule.ts';
import { siteKind } from './site/site.ts';
import { connectionSystems, nodeSystem } from './system/definition.ts';
import { connectionKind, nodeKind } from './system/system.ts';
import { workOrderKind } from './work-order/work-order.ts';

export const ORDER_BOOK = entityId('order-book', 'main');
const ACCESS_BOOK = entityId('access', 'main');

/**
 * The plant of the topology file as entities: who there is, who observes whom, who watches whom.
 * @param node name of the node that they live on; without it the node itself has no alarms
 * @param whole the plant with all its cells, where rules that are made here hold for assets of others too
 */
export function populationOf(plant: Plant, node?: string, whole: Plant = plant): Population {
  const followers = new Map<EntityId, EntityId[]>();
  const watchers = new Map<EntityId, EntityId[]>();
  for (const device of plant.devices.values()) {
    const id = entityId('device', device.id);
    followers.set(
      id,
      device.linkedAssets.map((asset) => entityId('asset', asset)),
    );
    watchers.set(id, [entityId('site', device.site)]);
  }
  for (const asset of plant.assets.values()) {
    const watching = [entityId('site', asset.site)];
    if (asset.parent !== null) watching.push(entityId('asset', asset.parent));
    watchers.set(entityId('asset', asset.id), watching);
  }
  const connections = new Map([...plant.connections.values()].flatMap((of) => [...connectionSystems(of, plant)]));
  const nodes = new Map(node === undefined ? [] : [[node, nodeSystem(node, plant)]]);
  /** The nodes of a cell are not in the topology file: who says something of one knows it. */
  const nodeCalled = (name: string) => {
    if (node !== undefined && !nodes.has(name)) nodes.set(name, nodeSystem(name, plant));
    return nodes.get(name);
  };
  const ofConnection = new Map(
    [...plant.devices.values()].map(({ id, connection }) => [
      entityId('device', id),
      entityId('connection', connection),
    ]),
  );
  for (const [id, { site }] of connections) watchers.set(entityId('connection', id), [entityId('site', site)]);
  // Where all sites are at edges, a node of the centre stands at none.
  for (const [id, { site }] of nodes) watchers.set(entityId('node', id), site === '' ? [] : [entityId('site', site)]);
  const nodePlace = nodeSystem('', plant).site || COMMON_GROUP;
  // Work orders come and go, and only their views say where they belong: they are looked at together.
  const places = new Map<EntityId, Group>([
    ...[...plant.devices.values()].map(({ id, site }) => [entityId('device', id), site] as const),
    ...[...plant.assets.values()].map(({ id, site }) => [entityId('asset', id), site] as const),
    ...[...connections].map(([id, { site }]) => [entityId('connection', id), site] as const),
  ]);
  const definitions: Readonly<Record<string, ReadonlyMap<string, unknown>>> = {
    site: plant.sites,
    asset: plant.assets,
    device: plant.devices,
    connection: connections,
  };
  return {
    kinds: [
      siteKind,
      assetKind,
      deviceKind,
      connectionKind,
      nodeKind,
      ruleKind,
      workOrderKind,
      orderBookKind,
      accessKind,
    ],
    residents: [...watchers.keys(), ...[...plant.sites.keys()].map((site) => entityId('site', site)), ...BOOKS],
    found: [nodeKind.name, ruleKind.name, workOrderKind.name],
    definitionOf(id) {
      if (kindOf(id) === nodeKind.name) return nodeCalled(nameOf(id));
      const byName = definitions[kindOf(id)];
      if (byName) return byName.get(nameOf(id));
      if (id === ORDER_BOOK) return plant;
      if (kindOf(id) === ruleKind.name) return whole;
      return kindOf(id) === workOrderKind.name || BOOKS.includes(id) ? null : undefined;
    },
    livesWith: (id) => ofConnection.get(id) ?? id,
    followersOf: (source) => followers.get(source) ?? NOBODY,
    watchersOf: (id, view) => watchers.get(id) ?? watchersOfOrder(id, view),
    groupOf(id) {
      if (kindOf(id) === siteKind.name) return nameOf(id);
      // The same on every node, whichever of them it is that the entity stands for.
      return kindOf(id) === nodeKind.name ? nodePlace : (places.get(id) ?? COMMON_GROUP);
    },
    entityOfNode: (name) => (node === undefined ? undefined : entityId(nodeKind.name, name)),
  };
}

/** One of each: whoever names another would keep a book of their own. */
const BOOKS: readonly EntityId[] = [ORDER_BOOK, ACCESS_BOOK];
const NOBODY: readonly EntityId[] = [];

/** A work order says itself which site it belongs to. */
function watchersOfOrder(id: EntityId, view: View): readonly EntityId[] {
  const site = kindOf(id) === 'work-order' ? view.props?.site : undefined;
  return typeof site === 'string' ? [entityId('site', site)] : NOBODY;
}
