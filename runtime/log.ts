import { codeOf } from './errors.ts';
import type { EntityId } from './ids.ts';
import type { Json } from './json.ts';
import type { Epoch, Shard } from './ownership.ts';

/**
 * The telemetry log: observations in the order of their arrival, durable before anybody is told so, replayable by any
 * number of consumers, each from its own position. Positions rise from record to record; whether they do so without gaps is
 * the log's own affair, so they are compared and never counted with.
 */
export interface TelemetryLog {
  /** Positions mean something only together with it. Absent where the log cannot be mistaken for another one. */
  readonly id?: string;
  /**
   * Appends a batch durably. Resolves with the position of its first record, once the log has all of them. Alone in its log a
   * writer has the batch in one run of positions; where others write too, only the order of each source's records is kept.
   */
  append(records: readonly LogRecord[]): Promise<number>;
  /**
   * From when it resolves on, the shard is written under this epoch alone: what an owner before it still has on its way, or
   * sends when it wakes, is refused with LOG_FENCED, and stands in the log nowhere. So what is read after it is all that those
   * before ever were told to be logged. Rejects with LOG_FENCED where a newer owner was first. Offered where others write too.
   */
  claim?(claim: LogClaim): Promise<void>;
  /** Records after a position, at most about `limit` (whole batches), and fewer where they are large. Empty only at the end. */
  read(afterPosition: number, limit: number): Promise<PositionedRecord[]>;
  /** A position that the newest record is not above, and the next one is; 0 when the log was never written. */
  end(): Promise<number>;
  /** No record that is still kept is below this position. */
  begin(): Promise<number>;
  /** Drops whole segments that every consumer is past and that are older than an instant. */
  trim(options: { readonly beforePosition: number; readonly olderThanMs: number }): Promise<void>;
  /** About how many records lie between two positions, where positions do not count records. */
  recordsBetween?(afterPosition: number, upToPosition: number): number;
  /**
   * Hands a consumer every record after a position, those of other writers too, in order, each once, as they come. Offered
   * where others write the log as well; where nobody else does, a writer knows by itself what there is.
   */
  follow?(afterPosition: number, consumer: LogConsumer): LogFeed;
  close(): Promise<void>;
}

export interface LogConsumer {
  /** Records of sources that it does not want are not decoded. */
  wants(source: EntityId): boolean;
  /** Takes records over, in order. Never throws. */
  take(records: readonly PositionedRecord[]): void;
  /** Why nothing comes for now; undefined as soon as records come again. */
  interrupted?(reason: string | undefined): void;
}

export interface LogFeed {
  /** Everything up to here was taken, or was not wanted. */
  readonly position: number;
  /** Position of the newest record, as far as it is known here. */
  readonly end: number;
  /** Nothing is taken until `resume`; little is held in memory, the rest stays in the log. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** About how many records a consumer is behind. */
export function recordsBetween(log: TelemetryLog, afterPosition: number, upToPosition: number): number {
  if (upToPosition <= afterPosition) return 0;
  return log.recordsBetween?.(afterPosition, upToPosition) ?? upToPosition - afterPosition;
}

/** Whether a record was refused since somebody else owns its shard by now; also where a store says so on its behalf. */
export function isLogFenced(error: unknown): boolean {
  return codeOf(error) === 'LOG_FENCED' || (error instanceof Error && codeOf(error.cause) === 'LOG_FENCED');
}

export interface LogClaim {
  readonly shard: Shard;
  readonly epoch: Epoch;
  /** Where the journal is whose epochs these are. */
  readonly journal: { readonly identity: string; readonly position: number };
  /** Whether a place is of that journal: only then can epochs be compared. */
  readonly includes: (identity: string, position: number) => Promise<boolean>;
}

export interface LogRecord {
  readonly source: EntityId;
  readonly observation: unknown;
  /** The claim under which alone it may be appended; left out by whoever writes the log alone. */
  readonly under?: { readonly shard: Shard; readonly epoch: Epoch };
}

export interface PositionedRecord extends Omit<LogRecord, 'under'> {
  readonly position: number;
}

/** What was refused, kept for people to see: bad data, messages to nobody, effects that could not be carried out. */
export interface DeadLetter {
  readonly timeMs: number;
  readonly stream: 'invalid_telemetry' | 'invalid_events' | 'messages' | 'effects';
  readonly source: string;
  readonly code: string;
  readonly reason: string;
  readonly body: Json;
}

export interface DeadLetterQuery {
  readonly stream?: DeadLetter['stream'];
  readonly source?: string;
  readonly code?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Rows with an id below this one; newest come first. */
  readonly before?: number;
  readonly limit: number;
}

export interface DeadLetterStore {
  append(letters: readonly DeadLetter[]): Promise<void>;
  query(query: DeadLetterQuery): Promise<(DeadLetter & { readonly id: number })[]>;
  /** Count by stream of what is kept. */
  counts(): Promise<Record<string, number>>;
  /** Drops those from before an instant. */
  trim(beforeMs: number): Promise<void>;
}
