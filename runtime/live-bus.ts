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
  /** The whole view now. */
  readonly view: View;
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
  /** Called after each flush with the cells that changed; a flush comes at most every `flushIntervalMs`. Returns the unsubscribe. */
  onFlush(listener: (changed: readonly LiveCell[], revision: Revision) => void): () => void;
  /** Called with committed journal rows in order of their position. */
  onCommitted(listener: (entries: readonly JournalEntry[]) => void): () => void;
}
