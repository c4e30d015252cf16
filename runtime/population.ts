import type { AnyActorKind, View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { Group } from './live-bus.ts';
import { type Shard, shardOf } from './ownership.ts';

/** Who lives on this node and who follows whom. Comes from the topology; the runtime does not know what it is about. */
export interface Population {
  readonly kinds: readonly AnyActorKind[];
  /** Brought up at the start, whether they have history or not. */
  readonly residents: readonly EntityId[];
  /**
   * Kinds of which the journal may have entities beside the residents. Thousands of residents need not be read from it to find a
   * few others. All kinds when left out.
   */
  readonly found?: readonly string[];
  /** The definition of an entity; undefined when there is no such entity, null for kinds that need none. */
  definitionOf(id: EntityId): unknown;
  /** Entities that observe the observations of another one. Fixed while the node runs, so it may be looked up by message. */
  followersOf(source: EntityId): readonly EntityId[];
  /** In whose shard an entity lives that has to be on the same node as another one; in its own when left out. */
  livesWith?(id: EntityId): EntityId;
  /** What an entity is looked at together with, from its id alone; everything together when left out. */
  groupOf?(id: EntityId): Group;
  /** The entity that stands for a node of the cell, where there is one: it lives on any of them, and comes up wherever that is. */
  entityOfNode?(name: string): EntityId | undefined;
  /** Entities that watch the views of another one. */
  watchersOf(id: EntityId, view: View): readonly EntityId[];
}

/** The shard in which an entity lives. */
export function shardIn(population: Pick<Population, 'livesWith'>, id: EntityId): Shard {
  return shardOf(population.livesWith?.(id) ?? id);
}
