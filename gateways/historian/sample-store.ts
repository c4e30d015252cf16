import type { Historian } from '../../runtime/historian.ts';
import type { PositionedRecord } from '../../runtime/log.ts';

/** A record of the log, and when the log took it, where the log says so. */
export interface LoggedRecord extends PositionedRecord {
  readonly loggedAtMs?: number | undefined;
}

/** Where a historian reads the log: the log's own port, or its file. */
export interface LogSource {
  read(afterPosition: number, limit: number): Promise<readonly LoggedRecord[]>;
  /** No record is above it. */
  end(): Promise<number>;
}

/** What became of some records. Those that are not frames, or that the database refuses, are passed over and counted. */
export interface Stored {
  readonly position: number;
  readonly readings: number;
  readonly ignored: number;
  readonly refused: number;
}

/**
 * A database server that keeps samples and the position up to which it has them. Every call may fail: the consumer of the
 * log comes again, from the position that the store says, and what is stored twice is there once.
 */
export interface SampleStore extends Pick<Historian, 'raw' | 'windows' | 'trim'> {
  /** Makes the tables that are missing. Resolves with the position up to which it has the log. */
  connect(): Promise<number>;
  /** As `connect` says it, and makes nothing. */
  position(): Promise<number>;
  /** Resolves once samples and position of the first records, or of all, are acknowledged. */
  store(records: readonly LoggedRecord[]): Promise<Stored>;
  /** Resolves when everything stored so far can be asked for. */
  settle(): Promise<void>;
  /** Bytes, days, series, oldest and newest time. */
  extent(): Promise<Record<string, number | null>>;
  close(): Promise<void>;
}
