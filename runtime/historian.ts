import type { Json } from './json.ts';

/** Keeps series for ever (or as retention says) and answers questions about them; a consumer of the log like any other. */
export interface Historian {
  /** Samples of one series, ordered by device time. `fromMs` inclusive, `toMs` exclusive. */
  raw(query: RawQuery): Promise<Sample[]>;
  /** Tumbling windows aligned to the epoch; a window without a sample is left out. */
  windows(query: WindowQuery): Promise<WindowRow[]>;
  /** The log position up to which everything is stored. */
  position(): Promise<number>;
  /** Waits until everything up to a log position can be queried. */
  caughtUp(position: number): Promise<void>;
  /** Bytes, series, oldest and newest time, lag: for the health page. */
  statistics(): Promise<Record<string, Json>>;
  /** Deletes days older than this. */
  trim(olderThanMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface RawQuery {
  /** `device/plc-1` or `asset/pump-1`. */
  readonly entity: string;
  readonly series: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly newestFirst?: boolean;
}

export interface Sample {
  readonly timeMs: number;
  readonly value: number | string | boolean | null;
  readonly quality: string;
}

export interface WindowQuery extends Omit<RawQuery, 'newestFirst'> {
  readonly windowMs: number;
}

/** Aggregates over the numeric samples of a window that are not BAD, and how good they were. */
export interface WindowRow {
  readonly startMs: number;
  readonly endMs: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  readonly sum: number;
  readonly stddev: number;
  readonly first: number;
  readonly last: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly quality: {
    readonly good: number;
    readonly suspect: number;
    readonly uncertain: number;
    readonly bad: number;
    readonly pctGood: number;
  };
}
