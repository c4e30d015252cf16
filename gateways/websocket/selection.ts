import type { z } from 'zod';
import type { View } from '../../runtime/actor-kind.ts';
import { EntityId, nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { type Group, isGone, type LiveBus, type LiveCell, type Revision } from '../../runtime/live-bus.ts';
import type { Subscribe, Topic } from './protocol.ts';

export type Subscription = z.infer<typeof Subscribe>;
export type Changes = Readonly<Record<string, Readonly<Record<string, Json>>>>;

const KINDS: Readonly<Record<Topic, readonly string[]>> = {
  sites: ['site'],
  assets: ['asset'],
  devices: ['device'],
  connections: ['connection'],
  nodes: ['node'],
  workorders: ['work-order'],
  /** Alarms live in the cells of those who hold them. */
  alarms: ['asset', 'device', 'connection', 'node'],
  events: [],
};

/** What has to be shown here for a subscription to see everything that it is about. */
export function groupsOf({ topic, filter }: Subscription, live: Pick<LiveBus, 'groupOf'>): readonly Group[] | 'all' {
  const groups = (ids: readonly string[]) => {
    const found = new Set<Group>();
    for (const id of ids) {
      const parsed = EntityId.safeParse(id);
      if (parsed.success) found.add(live.groupOf(parsed.data));
    }
    return [...found];
  };
  // Orders say only in their views where they belong, so they are looked at together.
  if (topic === 'workorders') return groups(['work-order/any']);
  if (topic === 'events') return filter.site === undefined ? [] : groups([`site/${filter.site}`, 'work-order/any']);
  if (filter.site !== undefined) return groups([`site/${filter.site}`]);
  if (filter.entity !== undefined) return groups([filter.entity]);
  if (filter.ids === undefined) return 'all';
  return groups(filter.ids.flatMap((name) => KINDS[topic].map((kind) => `${kind}/${name}`)));
}

/** The entities that a subscription of views names one by one; none where it is about all of a kind. */
export function namedBy({ topic, filter }: Subscription): EntityId[] {
  const kinds = KINDS[topic];
  const names = [
    ...(filter.ids ?? []).flatMap((name) => kinds.map((kind) => `${kind}/${name}`)),
    ...(filter.entity === undefined || kinds.length === 0 ? [] : [filter.entity]),
  ];
  return names.flatMap((name) => EntityId.safeParse(name).data ?? []);
}

/** Two subscriptions with the same key get the same frames, so these are made once. */
export function selectionKey({ topic, filter, fields }: Subscription): string {
  const sorted = (list: readonly string[] | undefined) => (list === undefined ? null : [...new Set(list)].sort());
  return JSON.stringify([
    topic,
    sorted(filter.ids),
    filter.site ?? null,
    sorted(filter.severity),
    sorted(filter.kinds),
    filter.entity ?? null,
    sorted(fields),
  ]);
}

/**
 * Which cells a subscription is about and what of them: filter and fields, compiled once.
 *
 * Kind and ids of a cell never change, so they decide what is looked at. Whether it is there and in the right site can change
 * under a subscription: what comes is sent whole, what goes is sent as gone.
 */
export class Selection {
  readonly key: string;
  readonly #kinds: readonly string[];
  readonly #ids: ReadonlySet<string> | undefined;
  readonly #site: string | undefined;
  readonly #fields: ReadonlyMap<string, ReadonlySet<string> | 'all'> | undefined;

  constructor(subscription: Subscription) {
    this.key = selectionKey(subscription);
    this.#kinds = KINDS[subscription.topic];
    this.#ids = subscription.filter.ids && new Set(subscription.filter.ids);
    this.#site = subscription.filter.site;
    this.#fields = subscription.fields && compileFields(subscription.fields);
  }

  /** True when it is about this cell now. */
  selects(cell: LiveCell): boolean {
    return this.#concerns(cell) && this.#holds(cell);
  }

  /** Those of the changed cells that it may have something to say of. A few ids are looked up rather than all changes looked through. */
  among(changed: readonly LiveCell[], byId: () => ReadonlyMap<string, LiveCell>): LiveCell[] {
    if (this.#ids === undefined || this.#ids.size * this.#kinds.length >= changed.length) {
      return changed.filter((cell) => this.#concerns(cell));
    }
    const cells: LiveCell[] = [];
    for (const kind of this.#kinds) {
      for (const name of this.#ids) {
        const cell = byId().get(`${kind}/${name}`);
        if (cell !== undefined) cells.push(cell);
      }
    }
    return cells;
  }

  /** All cells that it is about now, in the bus's order. */
  cells(live: LiveBus): LiveCell[] {
    return this.#looked(live).filter((cell) => this.#holds(cell));
  }

  /** Those that changed after a revision, also those that it is no longer about. */
  changed(live: LiveBus, since: Revision): LiveCell[] {
    return this.#looked(live).filter((cell) => cell.revision > since);
  }

  /** The item of a snapshot. */
  whole(cell: LiveCell): string {
    return item(cell, this.#project(cell.view));
  }

  /** The item of a delta for a client that has seen everything up to `since`, or undefined when nothing of interest changed. */
  delta(cell: LiveCell, changes: Changes, since: Revision): string | undefined {
    const moved = this.#site !== undefined && changes.props?.site !== undefined;
    if (!this.#holds(cell)) return moved || isGone(cell) ? gone(cell) : undefined;
    if (moved || cell.appearedAt > since) return item(cell, this.#project(withNulls(cell.view, changes)));
    if (this.#fields === undefined) return item(cell, changes);
    const projected = this.#project(changes);
    return Object.keys(projected).length === 0 ? undefined : item(cell, projected);
  }

  /** True when every field is wanted, so that the item is the same for every selection that is. */
  get everyField(): boolean {
    return this.#fields === undefined && this.#site === undefined;
  }

  #concerns(cell: LiveCell): boolean {
    return this.#kinds.includes(cell.kind) && (this.#ids === undefined || this.#ids.has(nameOf(cell.id)));
  }

  #holds(cell: LiveCell): boolean {
    return !isGone(cell) && (this.#site === undefined || siteOf(cell) === this.#site);
  }

  #looked(live: LiveBus): LiveCell[] {
    if (this.#ids === undefined) return this.#kinds.flatMap((kind) => live.cells(kind));
    const cells: LiveCell[] = [];
    for (const kind of this.#kinds) {
      for (const name of this.#ids) {
        const id = EntityId.safeParse(`${kind}/${name}`);
        const cell = id.success ? live.cell(id.data) : undefined;
        if (cell !== undefined) cells.push(cell);
      }
    }
    return cells;
  }

  #project(view: View): View {
    const projected: Record<string, View[string]> = {};
    if (this.#fields === undefined) return view;
    for (const [group, keys] of this.#fields) {
      const fields = view[group];
      if (fields === undefined) continue;
      if (keys === 'all') {
        projected[group] = fields;
        continue;
      }
      const some: Record<string, Json> = {};
      let any = false;
      for (const key of keys) {
        const value = fields[key];
        if (value === undefined) continue;
        some[key] = value;
        any = true;
      }
      if (any) projected[group] = some;
    }
    return projected;
  }
}

/** The whole view, and nulls for what went away meanwhile: the client may have been told of it before. */
function withNulls(view: View, changes: Changes): View {
  const merged: Record<string, View[string]> = { ...view };
  for (const [group, fields] of Object.entries(changes)) {
    const before = view[group];
    const dropped = Object.keys(fields).filter((key) => before?.[key] === undefined);
    if (dropped.length === 0) continue;
    merged[group] = { ...Object.fromEntries(dropped.map((key) => [key, null])), ...before };
  }
  return merged;
}

function gone(cell: LiveCell): string {
  return JSON.stringify({ id: nameOf(cell.id), gone: true });
}

/** The site that an entity belongs to, as its view says; a site belongs to itself. */
export function siteOf(cell: LiveCell): Json | undefined {
  return cell.kind === 'site' ? nameOf(cell.id) : cell.view.props?.site;
}

function item(cell: LiveCell, groups: View): string {
  return JSON.stringify({ id: nameOf(cell.id), ...groups });
}

function compileFields(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string> | 'all'> {
  const fields = new Map<string, Set<string> | 'all'>();
  for (const path of paths) {
    const dot = path.indexOf('.');
    if (dot < 0) {
      fields.set(path, 'all');
      continue;
    }
    const group = path.slice(0, dot);
    const keys = fields.get(group) ?? new Set<string>();
    if (keys !== 'all') fields.set(group, keys.add(path.slice(dot + 1)));
  }
  return fields;
}
