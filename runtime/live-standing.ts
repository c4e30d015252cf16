import type { EntityId } from './ids.ts';
import { COMMON_GROUP, type Group } from './live-bus.ts';
import type { Shard } from './ownership.ts';
import { type Population, shardIn } from './population.ts';

/**
 * What a node looks at as long as it owns entities that watch others: the groups of those they watch, and their own group and
 * the common one, since the population says only of a view whether it is watched where it was not there from the start.
 */
export class StandingInterest {
  readonly #byShard = new Map<Shard, ReadonlySet<Group>>();
  readonly #want: (groups: readonly Group[]) => () => void;
  readonly #held = new Map<Shard, () => void>();

  /** @param want returns the release */
  constructor(
    population: Pick<Population, 'residents' | 'watchersOf' | 'groupOf' | 'livesWith'>,
    want: (groups: readonly Group[]) => () => void,
  ) {
    this.#want = want;
    const groupOf = (id: EntityId) => population.groupOf?.(id) ?? COMMON_GROUP;
    const byShard = new Map<Shard, Set<Group>>();
    for (const id of population.residents) {
      for (const watcher of population.watchersOf(id, {})) {
        const shard = shardIn(population, watcher);
        const groups = byShard.get(shard) ?? new Set<Group>([COMMON_GROUP]);
        byShard.set(shard, groups.add(groupOf(id)).add(groupOf(watcher)));
      }
    }
    this.#byShard = byShard;
  }

  /** These are the shards that this node owns now. */
  own(shards: ReadonlySet<Shard>): void {
    const released: (() => void)[] = [];
    for (const [shard, release] of this.#held) {
      if (shards.has(shard)) continue;
      this.#held.delete(shard);
      released.push(release);
    }
    for (const shard of shards) {
      const groups = this.#byShard.get(shard);
      if (groups !== undefined && !this.#held.has(shard)) this.#held.set(shard, this.#want([...groups]));
    }
    // Afterwards, so that what is wanted by both is not let go.
    for (const release of released) release();
  }
}
