import type { Group } from './live-bus.ts';
import { EVERY_GROUP } from './live-lane.ts';
import type { Peer } from './live-peer.ts';
import { SHARD_COUNT, type Shard } from './ownership.ts';

export interface ShownShardsOptions {
  /** Groups that are followed now. */
  readonly following: () => ReadonlySet<Group>;
  /** Shards of this node whose entities are all up. */
  readonly own: () => Iterable<Shard>;
  readonly peers: () => Iterable<Pick<Peer, 'awaySinceMs' | 'shards' | 'hasRead'>>;
  /** Shows what was told and waits for the next flush. */
  readonly flush: () => void;
}

/**
 * Of which shards everything is shown here that there is of a group: this node has it, or its owner has told it. That stays so for
 * as long as the group is followed, since the last view of an entity stays until a new owner's. Whoever has just begun to look
 * while a shard has no owner, or is still being recovered, sees nothing of it, and has to be told that there may be more.
 */
export class ShownShards {
  readonly #options: ShownShardsOptions;
  readonly #shown = new Map<Group, Set<Shard>>();

  constructor(options: ShownShardsOptions) {
    this.#options = options;
  }

  /** To be called often: what has been shown once has to be known when its owner is gone. */
  look(): void {
    const following = this.#options.following();
    const all = this.#shown.get(EVERY_GROUP);
    for (const group of following) {
      // Who looked at everything has seen each part of it.
      if (all !== undefined && !this.#shown.has(group)) this.#shown.set(group, new Set(all));
      this.#update(group);
    }
    for (const group of this.#shown.keys()) if (!following.has(group)) this.#shown.delete(group);
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

  #update(group: Group): ReadonlySet<Shard> {
    const shown = this.#shown.get(group) ?? new Set<Shard>();
    if (shown.size === SHARD_COUNT) return shown;
    const before = shown.size;
    for (const shard of this.#options.own()) shown.add(shard);
    for (const peer of this.#options.peers())
      if (peer.awaySinceMs === undefined && peer.hasRead(group))
        for (const shard of peer.shards.keys()) shown.add(shard);
    if (shown.size > before) this.#options.flush();
    this.#shown.set(group, shown);
    return shown;
  }
}
