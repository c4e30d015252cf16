import { type EntityId, entityId, kindOf, nameOf } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import { CORE_CELL, cellOf, cellsBeside } from '../topology/cells.ts';
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

/** Kinds whose entities people name over the API of a cell, so that two cells may use one name. */
export const NAMED_KINDS = ['rule'] as const;

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
    // Numbers of work orders and names of rules end with the cell that gave them, and its books are named after it.
    const [kind, name] = [kindOf(to), nameOf(to)];
    const isBook = BOOK_KINDS.some((book) => book === kind);
    const of = kind === 'work-order' ? name.slice(name.indexOf('.') + 1) : isBook ? name : '';
    if (kind === 'rule') return [...beside].find((cell) => name.endsWith(`.${cell}`));
    return beside.has(of) ? of : undefined;
  };
}

/** How long a command may wait for a link: one that acts on a device never leaves late. */
export function commandTtlMs(_to: EntityId, command: unknown): number {
  if (fieldOf(command, 'kind') !== 'WritePoint') return KEPT_MS;
  const timeoutMs = fieldOf(command, 'timeoutMs');
  return typeof timeoutMs === 'number' ? timeoutMs : WRITE_TIMEOUT_MS;
}

/**
 * What an actor of the centre may tell one of this cell, as that is to have it; undefined: nothing else. Rules that were made
 * over there say so, since one of the same id may have been made here.
 */
export function toldByCentre(command: unknown): Json | undefined {
  const kind = fieldOf(command, 'kind');
  if (kind !== 'AdoptRule' && kind !== 'DropRule') return undefined;
  return { ...(command as { [member: string]: Json }), from: CORE_CELL };
}

/**
 * What is to be told here once a cell has taken what an actor told it: an asset elsewhere cannot say itself to a rule that it has
 * it. Undefined: nothing.
 */
export function confirmationOf(
  to: EntityId,
  command: unknown,
): { readonly to: EntityId; readonly command: Json } | undefined {
  const kind = fieldOf(command, 'kind');
  const revision = fieldOf(command, 'revision');
  const rule = kind === 'AdoptRule' ? fieldOf(fieldOf(command, 'rule'), 'id') : fieldOf(command, 'id');
  if ((kind !== 'AdoptRule' && kind !== 'DropRule') || typeof rule !== 'string' || typeof revision !== 'number')
    return undefined;
  return { to: entityId('rule', rule), command: { kind: 'ConfirmRule', asset: nameOf(to), revision } };
}

function assetOf(command: unknown): string {
  const asset = fieldOf(fieldOf(command, 'draft'), 'asset');
  return typeof asset === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(asset) && asset.length < 100 ? asset : 'none';
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
