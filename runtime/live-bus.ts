import type { View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { JournalEntry } from './journal.ts';
import type { Json } from './json.ts';

/** Rises with every change of any field, so that "what changed since" is one comparison. */
export type Revision = number;

/** What the outside sees of one entity. Fields keep the revision at which they last changed. */
export interface LiveCell {
  readonly id: EntityId;
  readonly kind: string;
  readonly revision: Revision;
  /** The whole view now. Empty for an entity that is gone, or was asked for and never was. */
  readonly view: View;
  /** Revision at which it appeared, or came back: who has seen only older ones knows nothing of it. */
  readonly appearedAt: Revision;
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
  /**
   * Called after each flush with the cells that changed; a flush comes at most every `flushIntervalMs`. `whole`: every view is
   * now as new as the events announced so far; false where one entity alone was shown early. Returns the unsubscribe.
   */
  onFlush(listener: (changed: readonly LiveCell[], revision: Revision, whole: boolean) => void): () => void;
  /** Called with committed journal rows in order of their position. */
  onCommitted(listener: (entries: readonly JournalEntry[]) => void): () => void;
}

/** True for a cell that shows nothing: the entity went away, or somebody asked for one that never was. */
export function isGone({ view }: Pick<LiveCell, 'view'>): boolean {
  for (const _ in view) return false;
  return true;
}
