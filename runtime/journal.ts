import type { Who } from './actor-kind.ts';
import type { NodeLife } from './cluster-rows.ts';
import type { CommandId, EntityId } from './ids.ts';
import type { Json } from './json.ts';
import type { Epoch, Shard } from './ownership.ts';

/**
 * The journal: one committed history per entity. A row is an event and at the same time the audit record of it: who, when,
 * by which command, before and after. `position` orders all rows of a cell as they were committed and serves as resume token.
 */
export interface JournalEntry {
  readonly position: number;
  readonly entity: EntityId;
  /** 1, 2, 3 … within the entity, without a gap. */
  readonly seq: number;
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly commandId: CommandId | null;
  readonly kind: string;
  readonly event: Json;
  readonly timeMs: number;
  readonly by: Who;
  /** The log position that the entity had applied when it decided this. */
  readonly logPosition: number;
  readonly before: Json;
  readonly after: Json;
  /** The cell that decided it; absent: this one. */
  readonly cell?: string;
}

/** One turn of one entity: all of its events are committed, or none. */
export interface Append {
  readonly entity: EntityId;
  /** Sequence number of the first event. */
  readonly firstSeq: number;
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly commandId: CommandId | null;
  /** Of the command (`commandHash`); null for what the entity decided by itself. */
  readonly commandHash: string | null;
  /** What the sender was told; returned again when the command id is repeated. */
  readonly answer: Json;
  readonly timeMs: number;
  readonly by: Who;
  readonly logPosition: number;
  readonly events: readonly {
    readonly kind: string;
    readonly event: Json;
    readonly before: Json;
    readonly after: Json;
  }[];
  /** Kept until `settle`; carried out again after a crash. `index` is unique within the turn. */
  readonly effects: readonly { readonly index: number; readonly effect: Json }[];
}

export type Appended =
  | { readonly kind: 'committed'; readonly firstPosition: number }
  /** The command id stands in the journal already: nothing was written. */
  | { readonly kind: 'repeated'; readonly answer: Json }
  /** The command id stands in the journal for another command: nothing was written. */
  | { readonly kind: 'reused' }
  /** Another owner has a newer epoch, or the sequence number is taken: stop the shard, never retry. */
  | { readonly kind: 'fenced'; readonly reason: string };

/** The rows that the journal has of a turn, once it has committed it at this position. */
export function entriesOf(append: Append, firstPosition: number): JournalEntry[] {
  const { entity, firstSeq, shard, epoch, commandId, timeMs, by, logPosition } = append;
  return append.events.map(({ kind, event, before, after }, index) => ({
    position: firstPosition + index,
    entity,
    seq: firstSeq + index,
    shard,
    epoch,
    commandId: index === 0 ? commandId : null,
    kind,
    event,
    timeMs,
    by,
    logPosition,
    before,
    after,
  }));
}

export interface AnsweredCommand {
  readonly answer: Json;
  /** Null for one that was accepted by a version which did not keep it. */
  readonly commandHash: string | null;
}

/** Whether the journal has just this command under its id; one of which no hash was kept is believed to be it. */
export function isRepeat(known: Pick<AnsweredCommand, 'commandHash'>, commandHash: string | null): boolean {
  return known.commandHash === null || known.commandHash === commandHash;
}

export interface Snapshot {
  readonly entity: EntityId;
  readonly seq: number;
  readonly logPosition: number;
  readonly timeMs: number;
  readonly state: Uint8Array;
  /** The claim under which alone it may be saved; never read back. */
  readonly under?: { readonly shard: Shard; readonly epoch: Epoch };
}

/** Of an event what building an entity again needs. */
export type PastEvent = Pick<JournalEntry, 'seq' | 'event' | 'timeMs' | 'by' | 'logPosition'>;

/** What the journal has for building an entity again: its newest snapshot, and its events after that in order. */
export interface Restored {
  readonly snapshot: Snapshot | undefined;
  readonly events: readonly PastEvent[];
}

export interface PendingEffect {
  readonly entity: EntityId;
  readonly seq: number;
  readonly index: number;
  readonly effect: Json;
}

export interface JournalQuery {
  readonly entity?: EntityId;
  /** Event kinds to include; all when left out. */
  readonly kinds?: readonly string[];
  /** Rows after this position. */
  readonly after?: number;
  /** Rows before this position, newest first when `newestFirst`. */
  readonly before?: number;
  readonly user?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly newestFirst?: boolean;
  readonly limit: number;
}

/** Implemented on SQLite and PostgreSQL; the contract tests hold both. */
export interface Journal {
  /**
   * Commits a batch of turns in one transaction; the answers come in the order of the batch. Rejected, it says nothing of what
   * became of the batch: that is settled before `events`, `restore`, `answered` or the next append, which then have it or never will.
   *
   * @param writer who appends: a shard must then be this life's, beside being at the epoch of the turn
   */
  append(batch: readonly Append[], writer?: NodeLife): Promise<Appended[]>;
  /** A command that was accepted before, or undefined when the journal does not have it. */
  answered(entity: EntityId, commandId: CommandId): Promise<AnsweredCommand | undefined>;
  /** Events of one entity after a sequence number, in order. */
  events(entity: EntityId, afterSeq: number): Promise<JournalEntry[]>;
  query(query: JournalQuery): Promise<JournalEntry[]>;
  /** Position of the newest row; 0 when empty. */
  end(): Promise<number>;
  /**
   * Which continuation of the history is written here: drawn at random wherever it may go on from a copy, be that a start of
   * the process (SQLite) or of the database server (PostgreSQL), and the same for all nodes of a cell. Two journals that went on
   * from copies of one database share their rows up to the copy, give the same positions to others after it, and differ in this.
   */
  identity(): Promise<string>;
  /** Whether the row at a position that was handed out under this identity, and all before it, are of this history. */
  includes(identity: string, position: number): Promise<boolean>;
  /**
   * Keeps the newest of each. One whose claim is over is left out without a word: its owner has been replaced, does not know what
   * was decided since, and its snapshot would stand before that.
   */
  saveSnapshots(snapshots: readonly Snapshot[]): Promise<void>;
  snapshot(entity: EntityId): Promise<Snapshot | undefined>;
  /**
   * For each of these entities what it is built from again, in a fixed number of statements. Who asks bounds how many: the
   * answer is in memory as a whole. One that the journal does not know has neither snapshot nor events.
   */
  restore(entities: readonly EntityId[]): Promise<ReadonlyMap<EntityId, Restored>>;
  /** Ids of all entities that have history and are not retired, optionally of one kind. */
  entities(kind?: string): Promise<EntityId[]>;
  /** An entity is history from here on, unless it has events after this one; a new event brings it back. */
  retire(entity: EntityId, seq: number): Promise<void>;
  pendingEffects(): Promise<PendingEffect[]>;
  settle(effects: readonly { entity: EntityId; seq: number; index: number }[]): Promise<void>;
  close(): Promise<void>;
}
