import type { Group } from './live-bus.ts';
import { EVERY_GROUP } from './live-lane.ts';
import type { Peer } from './live-peer.ts';
import { SHARD_COUNT, type Shard } from './ownership.ts';

export interface ShownShardsOptions {
  /** Groups that are followed now. */
  readonly following: () => ReadonlySet<Group>;
  /** Shards of this node whose entities are all up. */
  readonly own: () => Iterable<Shard>;
  readonly peers: () => Iterable<Pick<Peer, 'run' | 'awaySinceMs' | 'shards' | 'hasRead'>>;
  /** Shows what was told and waits for the next flush. */
  readonly flush: () => void;
}

/** The run of the process that has told a shard; that of this one. */
type Run = string;
const OWN: Run = '';

/**
 * Of which shards everything is shown here that there is of a group: this node has it, or its owner has told it. That stays so while
 * a shard moves from one to the other, since the last view of an entity stays until a new owner's. It does not where whoever told it
 * has fallen silent or has begun anew: what was made there in its last moments, or is made there now, nobody may have told. Whoever
 * looks while nobody speaks for a shard, or while it is still being recovered, has to be told that there may be more.
 */
export class ShownShards {
  readonly #options: ShownShardsOptions;
  readonly #shown = new Map<Group, Map<Shard, Run>>();

  constructor(options: ShownShardsOptions) {
    this.#options = options;
  }

  /** Other groups are followed now. What nobody looks at is forgotten at once: it is not shown any more to whoever looks again. */
  followed(): void {
    const following = this.#options.following();
    const all = this.#shown.get(EVERY_GROUP);
    // Who looked at everything has seen each part of it.
    if (all !== undefined)
      for (const group of following) if (!this.#shown.has(group)) this.#shown.set(group, new Map(all));
    for (const group of this.#shown.keys()) if (!following.has(group)) this.#shown.delete(group);
  }

  /** To be called often: what has been shown once has to be known when its shard moves. */
  look(): void {
    for (const group of this.#options.following()) this.#update(group);
  }

  /** How many shards may have something of these groups that is not shown here. Everything else is shown when this returns. */
  missing(groups: Iterable<Group>): number {
    const following = this.#options.following();
    const missing = new Set<Shard>();
    for (const group of groups) {
      const shown = this.#update(following.has(EVERY_GROUP) ? EVERY_GROUP : group);
      for (let shard = 0; shard < SHARD_COUNT; shard++) if (!shown.has(shard)) missing.add(shard);
    }
    return missing.size;
  }

  #update(group: Group): ReadonlyMap<Shard, Run> {
    const shown = this.#shown.get(group) ?? new Map<Shard, Run>();
    const speaking = [...this.#options.peers()].filter(({ awaySinceMs }) => awaySinceMs === undefined);
    const runs = new Set([OWN, ...speaking.map(({ run }) => run)]);
    for (const [shard, run] of shown) if (!runs.has(run)) shown.delete(shard);
    const before = shown.size;
    for (const peer of speaking)
      if (peer.run !== undefined && peer.hasRead(group))
        for (const shard of peer.shards.keys()) shown.set(shard, peer.run);
    for (const shard of this.#options.own()) shown.set(shard, OWN);
    if (shown.size > before) this.#options.flush();
    this.#shown.set(group, shown);
    return shown;
  }
}
