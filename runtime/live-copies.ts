import type { View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { Json } from './json.ts';
import { AWAY, type Group, isGone, type LiveCell, type Revision } from './live-bus.ts';
import type { OwnedView } from './live-cache.ts';
import type { LiveCells } from './live-cells.ts';
import type { CellChange, Delta } from './live-frame.ts';
import type { Epoch, Shard } from './ownership.ts';

/** A view of another node's entity as it was last told. */
export interface Copy {
  readonly id: EntityId;
  readonly group: Group;
  readonly shard: Shard;
  /** Who told it, in which run of its process; nobody speaks for an orphan. */
  node: string | undefined;
  run: string;
  epoch: Epoch;
  revision: Revision;
  view: View;
  /** Nobody has spoken for it since then, on the clock of `performance.now`; undefined while somebody does. */
  silentSinceMs: number | undefined;
  /** As `silentSinceMs` and in epoch milliseconds, once it is shown so. */
  awaySinceMs: number | undefined;
}

/** Where a change comes from. */
export interface Teller {
  readonly node: string;
  readonly run: string;
}

/**
 * What this node shows of entities that others own. The newest owner's word counts: a higher epoch, and under the same epoch a
 * higher revision. What this node owns itself is shown by its own entity and never from here.
 */
export class LiveCopies {
  readonly #live: Pick<LiveCells, 'mirror' | 'unmirror' | 'disown'>;
  readonly #epochOf: (shard: Shard) => Epoch | undefined;
  readonly #shardOf: (id: EntityId) => Shard;
  /** Last epoch under which this node owned a shard: who was owner before is not heard. */
  readonly #ownEpochs = new Map<Shard, Epoch>();
  readonly #copies = new Map<EntityId, Copy>();
  /** Shards that this node held to be its own when a newer owner told of them: what it told is not known here. */
  readonly #overheard = new Set<Shard>();

  constructor(options: {
    live: Pick<LiveCells, 'mirror' | 'unmirror' | 'disown'>;
    /** The epoch under which this node owns a shard; undefined where it does not. */
    epochOf: (shard: Shard) => Epoch | undefined;
    shardOf: (id: EntityId) => Shard;
  }) {
    this.#live = options.live;
    this.#epochOf = options.epochOf;
    this.#shardOf = options.shardOf;
  }

  get size(): number {
    return this.#copies.size;
  }

  all(): Iterable<Copy> {
    return this.#copies.values();
  }

  /** How many of them are marked as of a silent owner. */
  get away(): number {
    let away = 0;
    for (const { awaySinceMs } of this.#copies.values()) if (awaySinceMs !== undefined) away++;
    return away;
  }

  /** Whether it is shown from here, its shard being no longer this node's. */
  isTold(id: EntityId): boolean {
    const copy = this.#copies.get(id);
    return copy !== undefined && this.#epochOf(copy.shard) === undefined;
  }

  /** The whole view as its owner showed it. */
  offer(teller: Teller, group: Group, owned: OwnedView): void {
    const { id, epoch, revision, view } = owned;
    const copy = this.#copies.get(id);
    const shard = copy?.shard ?? this.#shardOf(id);
    if (!this.#mayTell(copy, shard, epoch, revision)) return;
    // The same once more, from the same: nothing new, and no sign of life where it comes from a cache.
    if (copy?.epoch === epoch && copy.revision === revision && copy.node === teller.node) return;
    this.#put(copy, { ...teller, id, group, shard, epoch, revision, view });
  }

  /** False where a change was told of what is not known here: its owner has to be read. */
  apply(teller: Teller, group: Group, revision: Revision, change: CellChange): boolean {
    const { id, epoch } = change;
    const copy = this.#copies.get(id);
    const shard = copy?.shard ?? this.#shardOf(id);
    if (!this.#mayTell(copy, shard, epoch, revision)) return true;
    switch (change.kind) {
      case 'gone':
        if (copy !== undefined) this.forget([copy]);
        return true;
      case 'whole':
        this.#put(copy, { ...teller, id, group, shard, epoch, revision, view: change.groups });
        return true;
      case 'delta':
        if (copy === undefined || copy.node !== teller.node || copy.run !== teller.run) return false;
        this.#put(copy, { ...teller, id, group, shard, epoch, revision, view: merged(copy.view, change.groups) });
        return true;
      default:
        return change satisfies never;
    }
  }

  /** This node has lost a shard: what it showed of it stays until the new owner says something. */
  inherit(cells: Iterable<LiveCell>, group: (id: EntityId) => Group, epochs: ReadonlyMap<Shard, Epoch>): void {
    for (const [shard, epoch] of epochs) this.#ownEpochs.set(shard, epoch);
    const silentSinceMs = performance.now();
    for (const { id, view, mirrored, revision } of cells) {
      const shard = this.#shardOf(id);
      const epoch = epochs.get(shard);
      if (mirrored || epoch === undefined || isGone({ view }) || this.#copies.has(id)) continue;
      const state = { node: undefined, run: '', epoch, revision, view, silentSinceMs, awaySinceMs: undefined };
      const copy: Copy = { id, group: group(id), shard, ...state };
      this.#copies.set(id, copy);
      this.#show(copy);
    }
  }

  /** Whether owners have told something of shards of theirs that was not heard here, as after this node was suspended. */
  missed(): boolean {
    let missed = false;
    for (const shard of this.#overheard)
      if (this.#epochOf(shard) === undefined) missed = this.#overheard.delete(shard) || missed;
    return missed;
  }

  /** Its own entity is shown now. */
  release(id: EntityId): void {
    this.#copies.delete(id);
  }

  /** Nobody looks at them any more, or they are gone. */
  forget(copies: Iterable<Copy>): void {
    // What this node owns again its own entity is about to show.
    const [own, others]: [EntityId[], EntityId[]] = [[], []];
    for (const { id, shard } of copies) {
      this.#copies.delete(id);
      (this.#epochOf(shard) === undefined ? others : own).push(id);
    }
    this.#live.unmirror(own);
    this.#live.disown(others);
  }

  /** Who told of it speaks for it no longer. */
  orphan(copy: Copy, silentSinceMs: number): void {
    copy.node = undefined;
    copy.silentSinceMs ??= silentSinceMs;
  }

  /** Shows since when nobody speaks for it, or, undefined, that somebody does. */
  mark(copy: Copy, sinceMs: number | undefined): void {
    if (sinceMs === undefined) copy.silentSinceMs = undefined;
    if (copy.awaySinceMs === sinceMs) return;
    copy.awaySinceMs = sinceMs;
    this.#show(copy);
  }

  #mayTell(copy: Copy | undefined, shard: Shard, epoch: Epoch, revision: Revision): boolean {
    const own = this.#epochOf(shard);
    if (own !== undefined && epoch > own) this.#overheard.add(shard);
    if (own !== undefined || epoch < (this.#ownEpochs.get(shard) ?? 0)) return false;
    if (copy === undefined || epoch > copy.epoch) return true;
    // The parts of a large view come under one revision.
    return epoch === copy.epoch && revision >= copy.revision;
  }

  #put(last: Copy | undefined, next: Omit<Copy, 'silentSinceMs' | 'awaySinceMs'>): void {
    if (last !== undefined && last.group === next.group) {
      Object.assign(last, next, { silentSinceMs: undefined, awaySinceMs: undefined });
      this.#show(last);
      return;
    }
    const copy: Copy = { ...next, silentSinceMs: undefined, awaySinceMs: undefined };
    this.#copies.set(copy.id, copy);
    this.#show(copy);
  }

  #show(copy: Copy): void {
    this.#live.mirror(copy.id, () => shown(copy));
  }
}

function shown({ view, awaySinceMs }: Copy): View {
  return awaySinceMs === undefined ? view : { ...view, [AWAY]: { sinceMs: awaySinceMs } };
}

/** New objects for what changed, so that a difference is found by identity. */
function merged(view: View, delta: Delta): View {
  const next: Record<string, View[string]> = { ...view };
  for (const group in delta) {
    const changed = delta[group];
    if (changed === undefined) {
      delete next[group];
      continue;
    }
    const fields: Record<string, Json> = { ...next[group] };
    for (const key in changed) {
      const value = changed[key];
      if (value === undefined) delete fields[key];
      else fields[key] = value;
    }
    next[group] = fields;
  }
  return next;
}
