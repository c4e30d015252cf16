import type { AnyActorKind } from '../actor-kind.ts';
import type { Committer } from '../committer.ts';
import type { EffectRunner } from '../effects.ts';
import type { EntityId } from '../ids.ts';
import type { Journal, Restored } from '../journal.ts';
import type { LiveCells } from '../live-cells.ts';
import type { DeadLetter, LogRecord, PositionedRecord } from '../log.ts';
import type { LocalCell } from '../nact/cell.ts';
import type { Epoch, Ownership, Shard } from '../ownership.ts';
import type { StoreFailure } from '../store-failure.ts';
import type { Overflowed } from './queue.ts';

/** What an entity needs of its node. */
export interface EntityHost {
  readonly cell: LocalCell;
  readonly ownership: Ownership;
  /** Where an entity lives. */
  shardOf(id: EntityId): Shard;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly live: LiveCells;
  readonly effects: EffectRunner;
  now(): number;
  /** @param epoch under which whoever has to say this is in memory: under no other it gets into the log */
  append(record: LogRecord, epoch: Epoch | undefined): Promise<void>;
  /** What the journal has for building it again; of those that are awaited before the others. */
  restore(entity: Pick<Recovering, 'id' | 'isAwaited'>): Promise<Restored>;
  /** Gives the entity the records that it has to observe and has not, in order. */
  replay(entity: Recovering): Promise<void>;
  /** Somebody began to wait for one that is being built. */
  awaited(): void;
  deadLetter(letter: DeadLetter): void;
  /** What the journal said last, while it is known to be away; undefined while it is believed to answer. */
  journalAway(): StoreFailure | undefined;
  /** A store did not answer: `resume` is called once it answers again. Returns how to wait no longer. */
  awaitStore(failure: StoreFailure, resume: () => void): () => void;
  /** Something did not fit into a mailbox. */
  readonly overflowed: Overflowed;
  /** A record left the mailbox of an entity of this kind. */
  observed(kind: string): void;
  /** It is history from here on: whoever shows what is live lets go of it. */
  retired(id: EntityId, seq: number): void;
  crashed(id: EntityId, error: unknown, restartInMs: number | undefined): void;
  /** Its snapshot cannot be read, for instance because another version wrote it. */
  unreadable(id: EntityId, error: unknown): void;
}

/** An entity that is being brought up, as whoever reads the log for it sees it. */
export interface Recovering {
  readonly id: EntityId;
  readonly kind: AnyActorKind;
  readonly logPosition: number;
  /** Somebody waits for it by now: it goes before those whom nobody has sent anything. */
  readonly isAwaited: boolean;
  replay(record: PositionedRecord): void | Promise<void>;
}
