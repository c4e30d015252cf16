import type { View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { JournalEntry } from './journal.ts';
import type { Json } from './json.ts';

/** Rises with every change of any field, so that "what changed since" is one comparison. */
export type Revision = number;

/** What is looked at together: the entities of a site, for instance. Named by the population. */
export type Group = string;

/** The group of whatever belongs to none; no name of the topology begins so. */
export const COMMON_GROUP: Group = '_common';

/** The group of fields that a view has while the node that it comes from is silent. */
export const AWAY = 'away';

/**
 * The group of fields that a view has while not everything in it is on record, since the journal is away from the entity:
 * `sinceMs`, epoch milliseconds.
 */
export const NOT_RECORDED = 'notRecorded';

/** What the outside sees of one entity. Fields keep the revision at which they last changed. */
export interface LiveCell {
  readonly id: EntityId;
  readonly kind: string;
  readonly revision: Revision;
  /** The whole view now. Empty for an entity that is gone, or was asked for and never was. */
  readonly view: View;
  /** Revision at which it appeared, or came back: who has seen only older ones knows nothing of it. */
  readonly appearedAt: Revision;
  /** True where another node of the cell owns it, and this is a copy of what it shows there. */
  readonly mirrored: boolean;
  /** Revision since which it is an entity of this node that is shown, and no copy. */
  readonly ownSince: Revision;
  /** Fields that changed after a revision, by group; a field that went away is null. Undefined when none did. */
  changesSince(revision: Revision): Record<string, Record<string, Json>> | undefined;
}

/**
 * Where actors' views and committed events meet those who push them out. Values are conflated: a listener learns which
 * entities changed and reads the newest. Events come every one, in the order of their commit.
 */
export interface LiveBus {
  readonly revision: Revision;
  cell(id: EntityId): LiveCell | undefined;
  /** All cells of a kind, in a stable order. */
  cells(kind: string): readonly LiveCell[];
  /** The group of an entity, whether it is shown or not. */
  groupOf(id: EntityId): Group;
  /** Somebody looks at these groups: until the release they are shown here, whichever nodes own their entities. */
  want(groups: readonly Group[] | 'all'): Interest;
  /**
   * What may be lacking of these groups, which somebody wants; of everything that is wanted, without them. Undefined: all that
   * there is is shown, and has been flushed when this returns.
   */
  loading(groups?: readonly Group[] | 'all'): Loading | undefined;
  /**
   * Called after each flush with the cells that changed; a flush comes at most every `flushIntervalMs`. `whole`: every view is
   * now as new as the events announced so far; false where one entity alone was shown early. Returns the unsubscribe.
   */
  onFlush(listener: (changed: readonly LiveCell[], revision: Revision, whole: boolean) => void): () => void;
  /** Called with committed journal rows in order of their position. */
  onCommitted(listener: (entries: readonly JournalEntry[]) => void): () => void;
}

/** Shards of which nobody has said yet what they hold, as while they are being taken over: there may be more than is shown. */
export interface Loading {
  readonly shards: number;
  /** How many there are. */
  readonly of: number;
  /** Edge cells of which not all has ever been heard here; left out where there is none. */
  readonly cells?: readonly string[];
}

/** What somebody looks at. */
export interface Interest {
  /** True when all of it is shown already, as it always is where there is one node. */
  readonly isReady: boolean;
  /**
   * Resolves when it is shown. Rejects with LIVE_VIEWS_MISSING where a node that is not silent has not said what it shows within
   * the bound; the interest lasts all the same, until its release.
   */
  readonly ready: Promise<void>;
  release(): void;
}

/** Since when nobody speaks for an entity that is shown; undefined where its owner does. Epoch milliseconds. */
export function awaySinceMs({ view }: Pick<LiveCell, 'view'>): number | undefined {
  const sinceMs = view[AWAY]?.sinceMs;
  return typeof sinceMs === 'number' ? sinceMs : undefined;
}

/** True for a cell that shows nothing: the entity went away, or somebody asked for one that never was. */
export function isGone({ view }: Pick<LiveCell, 'view'>): boolean {
  for (const _ in view) return false;
  return true;
}
