import { type EntityId, entityId, kindOf, nameOf } from '../runtime/ids.ts';
import { cellOf, cellsBeside } from '../topology/cells.ts';
import type { Plant } from '../topology/plant.ts';
import { connectionSystems } from './system/definition.ts';

/** Time in which a command that changes no device may wait for the link to its cell. */
const KEPT_MS = 15 * 60_000;
const WRITE_TIMEOUT_MS = 5000;
const ORDER_BOOK = entityId('order-book', 'main');

/** Kinds of entities that a cell shows to the centre. */
export const SHOWN_KINDS = ['site', 'asset', 'device', 'connection', 'node', 'work-order'] as const;

/** Kinds of which each cell has one entity, and the centre shows none but its own. */
export const BOOK_KINDS = ['order-book', 'access'] as const;

/**
 * Which other cell an entity lives in; undefined: the centre, as far as the plant says. A command that names an asset goes to
 * the book of the asset's cell.
 */
export function cellResolver(plant: Plant): (to: EntityId, command: unknown) => string | undefined {
  const beside = new Set(cellsBeside(plant));
  const cells = new Map<EntityId, string>();
  const put = (kind: string, id: string, site: string) => {
    const cell = cellOf(plant.sites.get(site));
    if (beside.has(cell)) cells.set(entityId(kind, id), cell);
  };
  for (const { id } of plant.sites.values()) put('site', id, id);
  for (const { id, site } of plant.assets.values()) put('asset', id, site);
  for (const { id, site } of plant.devices.values()) put('device', id, site);
  for (const connection of plant.connections.values())
    for (const [id, { site }] of connectionSystems(connection, plant)) put('connection', id, site);
  return (to, command) => {
    if (to === ORDER_BOOK) return cells.get(entityId('asset', assetOf(command)));
    const known = cells.get(to);
    if (known !== undefined) return known;
    // Numbers of work orders end with the cell that gave them, and its books are named after it.
    const [kind, name] = [kindOf(to), nameOf(to)];
    const isBook = BOOK_KINDS.some((book) => book === kind);
    const of = kind === 'work-order' ? name.slice(name.indexOf('.') + 1) : isBook ? name : '';
    return beside.has(of) ? of : undefined;
  };
}

/** How long a command may wait for a link: one that acts on a device never leaves late. */
export function commandTtlMs(_to: EntityId, command: unknown): number {
  if (fieldOf(command, 'kind') !== 'WritePoint') return KEPT_MS;
  const timeoutMs = fieldOf(command, 'timeoutMs');
  return typeof timeoutMs === 'number' ? timeoutMs : WRITE_TIMEOUT_MS;
}

function assetOf(command: unknown): string {
  const asset = fieldOf(fieldOf(command, 'draft'), 'asset');
  return typeof asset === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(asset) && asset.length < 100 ? asset : 'none';
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
