import type { Item } from '../../gateways/websocket/protocol.ts';
import { Signal, useSignal, useSubscription } from './signal.ts';

/** What a view looks like when only some of its fields were subscribed to. */
export type Fields<V> = { readonly [Group in keyof V]?: Readonly<Partial<V[Group]>> | undefined };

type Group = Readonly<Record<string, unknown>>;
type Entity = Readonly<Record<string, Group>>;

/**
 * Live views of one subscription by entity. Deltas are merged field by field, and only those who listen to a changed field are
 * called: a value that moves once a second re-draws one number, whatever stands around it.
 */
export class Cells<V> {
  /** Ids in the server's order; replaced when an entity comes or goes. */
  readonly ids = new Signal<readonly string[]>([]);
  /** False until the first snapshot is complete. */
  readonly ready = new Signal(false);
  /** Rises with every frame that changed anything. */
  readonly revision = new Signal(0);
  #entities = new Map<string, Entity>();
  readonly #listeners = new Map<string, Set<() => void>>();

  get(id: string): Fields<V> | undefined {
    return asFields<V>(this.#entities.get(id));
  }

  group<G extends keyof V & string>(id: string, group: G): Fields<V>[G] | undefined {
    return this.get(id)?.[group];
  }

  /** A group of fields that a server puts beside the view of any entity: `away`, `pending`, `notRecorded`. */
  beside(id: string, group: 'away' | 'pending' | 'notRecorded' | 'unrecordedAlarms'): Group | undefined {
    return this.#entities.get(id)?.[group];
  }

  /** Takes a whole snapshot; what is not in it is gone. */
  replace(items: readonly unknown[]): void {
    const before = this.#entities;
    this.#entities = new Map();
    for (const item of items) {
      if (isItem(item)) this.#entities.set(item.id, entityOf(item));
    }
    this.#setIds();
    this.ready.value = true;
    this.revision.value++;
    const called = new Set<() => void>();
    for (const id of new Set([...before.keys(), ...this.#entities.keys()])) this.#collect(called, id);
    for (const listener of called) listener();
  }

  /** Merges a delta. A field that is null went away, but for `props`, where null is a value; so did an entity that is gone. */
  merge(items: readonly Item[]): void {
    const called = new Set<() => void>();
    let moved = false;
    for (const item of items) {
      const isKnown = this.#entities.has(item.id);
      if (item.gone === true) {
        if (!isKnown) continue;
        this.#entities.delete(item.id);
        this.#collect(called, item.id);
      } else this.#mergeOne(item, called);
      if (item.gone === true || !isKnown) moved = true;
    }
    if (moved) this.#setIds();
    this.revision.value++;
    for (const listener of called) listener();
  }

  /** Calls back when the entity, one of its groups or one field of a group changes. */
  watch(listener: () => void, id: string, group?: string, key?: string): () => void {
    const path = pathOf(id, group, key);
    const listeners = this.#listeners.get(path) ?? new Set();
    this.#listeners.set(path, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(path) === listeners) this.#listeners.delete(path);
    };
  }

  #mergeOne(item: Item, called: Set<() => void>): void {
    const merged: Record<string, Group> = { ...this.#entities.get(item.id) };
    for (const [name, change] of Object.entries(item)) {
      if (name === 'id') continue;
      if (change === null) delete merged[name];
      else if (isGroup(change)) merged[name] = mergeGroup(merged[name], change, name === 'props');
      this.#add(called, pathOf(item.id, name));
      if (isGroup(change)) for (const key of Object.keys(change)) this.#add(called, pathOf(item.id, name, key));
    }
    this.#entities.set(item.id, merged);
    this.#add(called, pathOf(item.id));
  }

  #collect(called: Set<() => void>, id: string): void {
    for (const path of this.#listeners.keys()) {
      if (path === id || path.startsWith(`${id}\n`)) this.#add(called, path);
    }
  }

  #add(called: Set<() => void>, path: string): void {
    const listeners = this.#listeners.get(path);
    if (listeners !== undefined) for (const listener of listeners) called.add(listener);
  }

  #setIds(): void {
    this.ids.value = [...this.#entities.keys()];
  }
}

/** One entity, drawn again on any of its changes. */
export function useEntity<V>(cells: Cells<V>, id: string): Fields<V> | undefined {
  const entity = cells.get(id);
  useSubscription(
    (listener) => cells.watch(listener, id),
    [cells, id],
    () => cells.get(id) !== entity,
  );
  return entity;
}

export function useGroup<V, G extends keyof V & string>(
  cells: Cells<V>,
  id: string,
  group: G,
): Fields<V>[G] | undefined {
  const value = cells.group(id, group);
  useSubscription(
    (l) => cells.watch(l, id, group),
    [cells, id, group],
    () => cells.group(id, group) !== value,
  );
  return value;
}

export function useField<V, G extends keyof V & string, K extends keyof V[G] & string>(
  cells: Cells<V>,
  id: string,
  group: G,
  key: K,
): NonNullable<Fields<V>[G]>[K] | undefined {
  const value = cells.group(id, group)?.[key];
  useSubscription(
    (listener) => cells.watch(listener, id, group, key),
    [cells, id, group, key],
    () => cells.group(id, group)?.[key] !== value,
  );
  return value;
}

export function useIds<V>(cells: Cells<V>): readonly string[] {
  return useSignal(cells.ids);
}

function mergeGroup(before: Group | undefined, change: Group, keepNull: boolean): Group {
  const merged: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(change)) {
    if (value === null && !keepNull) delete merged[key];
    else merged[key] = value;
  }
  return merged;
}

function entityOf(item: Item): Entity {
  const entity: Record<string, Group> = {};
  for (const [name, group] of Object.entries(item)) if (name !== 'id' && isGroup(group)) entity[name] = group;
  return entity;
}

function pathOf(id: string, group?: string, key?: string): string {
  if (group === undefined) return id;
  return key === undefined ? `${id}\n${group}` : `${id}\n${group}\n${key}`;
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The server types its views (`actors/views.ts`); here the wire is believed once, for all pages. */
function asFields<V>(entity: Entity | undefined): Fields<V> | undefined {
  return entity as Fields<V> | undefined;
}
