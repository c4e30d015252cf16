import type { EntityId } from './ids.ts';
import type { Json } from './json.ts';
import { type Group, isGone, type LiveBus, type LiveCell, type Revision } from './live-bus.ts';
import type { LiveCache, OwnedView, OwnViews } from './live-cache.ts';
import { type CellChange, type Delta, encodeFrames } from './live-frame.ts';
import type { LiveLane } from './live-lane.ts';
import type { Epoch, Shard } from './ownership.ts';

/** Publishing may take at most this share of the time; under load it comes less often, not with less in it. */
const PUBLISH_SHARE = 0.2;

export interface LivePublisherOptions {
  readonly node: string;
  readonly run: string;
  readonly live: Pick<LiveBus, 'revision'>;
  readonly lane: LiveLane;
  readonly cache: LiveCache | undefined;
  readonly groupOf: (id: EntityId) => Group;
  readonly shardOf: (id: EntityId) => Shard;
  /** The epoch under which this node owns a shard; undefined where it does not. */
  readonly epochOf: (shard: Shard) => Epoch | undefined;
  /** Whether somebody on another node looks at a group. */
  readonly isWanted: (group: Group) => boolean;
  readonly intervalMs: number;
  /** Fields that are larger than a frame may be. */
  readonly dropped: (count: number) => void;
  /** As much as could be told now has been. */
  readonly published?: () => void;
}

/** One group of this node: what of it is ours, and what has changed since its last frame. */
interface Outgoing {
  readonly group: Group;
  number: number;
  /** What changed up to this revision has been told. */
  told: Revision;
  readonly own: Map<EntityId, LiveCell>;
  /** Ids in order, until one comes or goes. */
  sorted: readonly EntityId[] | undefined;
  readonly changed: Set<LiveCell>;
  /** Passed over in a frame since they were not ours then, or to be told anew: the next frame has all of their fields. */
  readonly skipped: Set<LiveCell>;
}

/**
 * Tells the other nodes what changed of the entities that this node owns: by group, fields that changed, numbered. What nobody
 * looks at is counted and not sent; whoever comes to look finds by the number that it has missed something, and reads. The cost
 * follows the changed cells of a flush, never the readings.
 */
export class LivePublisher implements OwnViews {
  readonly #options: LivePublisherOptions;
  readonly #groups = new Map<Group, Outgoing>();
  readonly #outgoing = new WeakMap<LiveCell, Outgoing>();
  readonly #shards = new WeakMap<LiveCell, Shard>();
  /** Groups with something to tell. */
  readonly #waiting = new Set<Outgoing>();
  #timer: NodeJS.Timeout | undefined;
  #nextMs = 0;
  #closed = false;

  constructor(options: LivePublisherOptions) {
    this.#options = options;
  }

  get node(): string {
    return this.#options.node;
  }

  get run(): string {
    return this.#options.run;
  }

  /** Cells that a flush has changed. Those of other nodes are none of ours. */
  changed(cells: Iterable<LiveCell>): void {
    if (this.#closed) return;
    for (const cell of cells) {
      const outgoing = this.#outgoingOf(cell);
      const isOwn = !cell.mirrored && !isGone(cell);
      if (isOwn !== outgoing.own.has(cell.id)) {
        outgoing.sorted = undefined;
        if (isOwn) outgoing.own.set(cell.id, cell);
        else outgoing.own.delete(cell.id);
      } else if (cell.mirrored) continue;
      outgoing.changed.add(cell);
      this.#waiting.add(outgoing);
    }
    this.publishSoon();
  }

  /** These shards are under a new epoch: whoever has copies of what is in them hears from their owner, changed or not. */
  tellAgain(shards: ReadonlySet<Shard>): void {
    for (const outgoing of this.#groups.values()) {
      for (const cell of outgoing.own.values()) {
        if (!shards.has(this.#shardOf(cell))) continue;
        outgoing.skipped.add(cell);
        outgoing.changed.add(cell);
        this.#waiting.add(outgoing);
      }
    }
    this.publishSoon();
  }

  /** At once where it is time, else as soon as it is. */
  publishSoon(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0 || this.#closed) return;
    const waitMs = this.#nextMs - performance.now();
    if (waitMs <= 0) this.#publish();
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#publish();
      }, waitMs);
  }

  /** Everything that was shown here has been told. */
  get isThrough(): boolean {
    return this.#waiting.size === 0;
  }

  groups(): readonly Group[] {
    return [...this.#groups.keys()].sort();
  }

  /** Last numbers, for the beat. */
  numbers(): ReadonlyMap<Group, number> {
    const numbers = new Map<Group, number>();
    for (const { group, number } of this.#groups.values()) if (number > 0) numbers.set(group, number);
    return numbers;
  }

  numberOf(group: Group): number {
    return this.#groups.get(group)?.number ?? 0;
  }

  cells(group: Group): Iterable<LiveCell> {
    return this.#groups.get(group)?.own.values() ?? [];
  }

  *views(group: Group, after?: EntityId): Generator<OwnedView> {
    const outgoing = this.#groups.get(group);
    if (outgoing === undefined) return;
    outgoing.sorted ??= [...outgoing.own.keys()].sort();
    const ids = outgoing.sorted;
    for (let index = after === undefined ? 0 : placeAfter(ids, after); index < ids.length; index++) {
      const id = ids[index];
      const cell = id === undefined ? undefined : outgoing.own.get(id);
      const view = cell && this.view(cell);
      if (view !== undefined) yield view;
    }
  }

  view(cell: LiveCell): OwnedView | undefined {
    const epoch = this.#epochOf(cell);
    if (epoch === undefined || cell.mirrored || isGone(cell)) return undefined;
    return { id: cell.id, epoch, revision: cell.revision, view: cell.view };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #publish(): void {
    const { lane, isWanted, cache } = this.#options;
    const startedMs = performance.now();
    for (const outgoing of this.#waiting) {
      const { group, changed } = outgoing;
      const wanted = isWanted(group);
      // Conflated until there is room; `onOpen` of the lane calls again.
      if (wanted && !lane.open) continue;
      cache?.changed(group, changed);
      if (wanted) this.#send(outgoing);
      else this.#countOnly(outgoing);
      this.#waiting.delete(outgoing);
    }
    const tookMs = performance.now() - startedMs;
    this.#nextMs = startedMs + Math.max(this.#options.intervalMs, tookMs / PUBLISH_SHARE);
    this.#options.published?.();
  }

  #send(outgoing: Outgoing): void {
    const { lane, live, node, run, dropped } = this.#options;
    const { group } = outgoing;
    const changes: CellChange[] = [];
    for (const cell of outgoing.changed) {
      const change = this.#changeOf(outgoing, cell);
      if (change !== undefined) changes.push(change);
    }
    const head = { node, run, group, revision: live.revision };
    const encoded = encodeFrames(head, outgoing.number + 1, changes, lane.maxFrameBytes);
    for (const frame of encoded.frames) lane.publish(group, frame);
    if (encoded.dropped > 0) dropped(encoded.dropped);
    outgoing.number += encoded.frames.length;
    outgoing.told = live.revision;
    outgoing.changed.clear();
  }

  #countOnly(outgoing: Outgoing): void {
    outgoing.number++;
    outgoing.told = this.#options.live.revision;
    outgoing.changed.clear();
  }

  #changeOf(outgoing: Outgoing, cell: LiveCell): CellChange | undefined {
    const { id } = cell;
    const { told } = outgoing;
    if (cell.mirrored) return undefined;
    const epoch = this.#epochOf(cell);
    if (epoch === undefined) {
      outgoing.skipped.add(cell);
      return undefined;
    }
    if (isGone(cell)) {
      outgoing.skipped.delete(cell);
      return { kind: 'gone', id, epoch };
    }
    if (outgoing.skipped.delete(cell) || cell.appearedAt > told || cell.ownSince > told)
      return { kind: 'whole', id, epoch, groups: cell.view };
    const groups = deltaOf(cell, told);
    return groups && { kind: 'delta', id, epoch, groups };
  }

  #epochOf(cell: LiveCell): Epoch | undefined {
    return this.#options.epochOf(this.#shardOf(cell));
  }

  #shardOf(cell: LiveCell): Shard {
    let shard = this.#shards.get(cell);
    if (shard === undefined) {
      shard = this.#options.shardOf(cell.id);
      this.#shards.set(cell, shard);
    }
    return shard;
  }

  #outgoingOf(cell: LiveCell): Outgoing {
    const known = this.#outgoing.get(cell);
    if (known !== undefined) return known;
    const group = this.#options.groupOf(cell.id);
    let outgoing = this.#groups.get(group);
    if (outgoing === undefined) {
      const nothing = { own: new Map(), sorted: undefined, changed: new Set<LiveCell>(), skipped: new Set<LiveCell>() };
      outgoing = { group, number: 0, told: 0, ...nothing };
      this.#groups.set(group, outgoing);
    }
    this.#outgoing.set(cell, outgoing);
    return outgoing;
  }
}

/** What clients are told as null is either null or gone; a copy has to know which. */
function deltaOf(cell: LiveCell, told: Revision): Delta | undefined {
  const changes: Record<string, Record<string, Json | undefined> | undefined> | undefined = cell.changesSince(told);
  for (const group in changes) {
    const now = cell.view[group];
    const fields = changes[group];
    if (now === undefined) changes[group] = undefined;
    else for (const key in fields) if (fields[key] === null && !(key in now)) fields[key] = undefined;
  }
  return changes;
}

/** Place of the first id after one, in a sorted list. */
function placeAfter(ids: readonly EntityId[], after: EntityId): number {
  let from = 0;
  let to = ids.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ids[middle] ?? '') <= after) from = middle + 1;
    else to = middle;
  }
  return from;
}
