import type { EntityId } from './ids.ts';
import type { Json } from './json.ts';

/**
 * The telemetry log: observations in the order of their arrival, durable before anybody is told so, replayable by any
 * number of consumers, each from its own position. A position counts observations: 1, 2, 3 …
 */
export interface TelemetryLog {
  /** Appends a batch in one durable write. Resolves with the position of its first record. */
  append(records: readonly LogRecord[]): Promise<number>;
  /** Records after a position, at most about `limit` (whole batches). Empty at the end. */
  read(afterPosition: number, limit: number): Promise<PositionedRecord[]>;
  /** Position of the newest record; 0 when the log was never written. */
  end(): Promise<number>;
  /** Position of the oldest record that is still kept. */
  begin(): Promise<number>;
  /** Drops whole segments that every consumer is past and that are older than the retention. */
  trim(options: { readonly beforePosition: number; readonly olderThanMs: number }): Promise<void>;
  close(): Promise<void>;
}

export interface LogRecord {
  readonly source: EntityId;
  readonly observation: unknown;
}

export interface PositionedRecord extends LogRecord {
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
