import type { View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { LiveCell } from './live-bus.ts';
import type { Shard } from './ownership.ts';
import type { Population } from './population.ts';

export interface WatchersOptions {
  readonly population: Pick<Population, 'watchersOf'>;
  readonly shardOf: (id: EntityId) => Shard;
  /** Every view that is shown now. */
  readonly shown: () => Iterable<LiveCell>;
  /** Hands an entity of this node what changed of those it watches. */
  readonly tell: (watcher: EntityId, changed: ReadonlyMap<EntityId, View>) => void;
}

/** Gathers changed views for the entities that watch them, so that each is told once, however often something changed. */
export class Watchers {
  readonly #options: WatchersOptions;
  readonly #changed = new Map<EntityId, Map<EntityId, View>>();
  /** Shards that came since the last time. */
  readonly #fresh = new Set<Shard>();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  changed(cells: Iterable<LiveCell>): void {
    this.#gather(cells, () => true);
  }

  /** Its entities have seen nothing yet of what did not change since they came. */
  opened(shard: Shard): void {
    this.#fresh.add(shard);
  }

  tell(): void {
    const { shardOf, shown, tell } = this.#options;
    if (this.#fresh.size > 0) {
      this.#gather(shown(), (watcher) => this.#fresh.has(shardOf(watcher)));
      this.#fresh.clear();
    }
    for (const [watcher, views] of this.#changed) tell(watcher, views);
    this.#changed.clear();
  }

  #gather(cells: Iterable<LiveCell>, isMeant: (watcher: EntityId) => boolean): void {
    for (const cell of cells) {
      for (const watcher of this.#options.population.watchersOf(cell.id, cell.view)) {
        if (!isMeant(watcher)) continue;
        const seen = this.#changed.get(watcher);
        if (seen) seen.set(cell.id, cell.view);
        else this.#changed.set(watcher, new Map([[cell.id, cell.view]]));
      }
    }
  }
}
