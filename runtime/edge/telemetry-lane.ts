import { ErrorWithCode } from '../errors.ts';
import type { LogRecord, PositionedRecord } from '../log.ts';
import type { Backlog, Batch, Lane, Place } from './forwarder.ts';
import type { UplinkMemory } from './uplink-memory.ts';

/** A record with the time at which the log got it, by our clock. */
export interface TimedRecord extends PositionedRecord {
  readonly timeMs: number;
}

/** The log of an edge, as its forwarder reads it. */
export interface EdgeLog {
  /** Drawn when the log was made: positions mean something only together with it. */
  identity(): Promise<string>;
  begin(): Promise<number>;
  end(): Promise<number>;
  readTimed(afterPosition: number, limit: number): Promise<TimedRecord[]>;
  backlog(afterPosition: number): Promise<Backlog>;
}

/** Where the log of a cell stands in that of the centre. */
export interface CentralPlace {
  /** Number of its newest message there, 0 before the first; the next one is stored only behind it. */
  readonly sequence: number;
  readonly stored: { readonly log: string; readonly position: number } | undefined;
}

/** The telemetry log of the centre, as an edge writes it. */
export interface CentralLog {
  last(): Promise<CentralPlace>;
  /** One message of as many of the first records as it takes. Rejects where a single one is too large. */
  pack(records: readonly LogRecord[]): Promise<{ readonly message: Uint8Array; readonly count: number }>;
  /**
   * Stores a message behind the one that is the newest of this cell, and only there. Resolves with its number; rejects with
   * UPLINK_CONFLICT where another one is the newest.
   */
  store(message: Uint8Array, marks: MessageMarks): Promise<number>;
}

export interface MessageMarks {
  /** Number of the message before it. */
  readonly after: number;
  readonly log: string;
  /** Position of its last record in the log of the edge. */
  readonly position: number;
  readonly late: boolean;
}

interface TelemetryPlace extends Place {
  readonly sequence: number;
}

interface TelemetryBatch extends Batch {
  readonly message: Uint8Array;
  /** Of its last record. */
  readonly position: number;
}

const RECORDS_A_MESSAGE = 1024;
const LANE = 'telemetry';

export interface TelemetryLaneOptions {
  readonly log: EdgeLog;
  readonly centre: CentralLog;
  readonly memory: Pick<UplinkMemory, 'place' | 'keepPlace'>;
  /** A record that no message can carry is left out, and told. */
  readonly dropped: (record: LogRecord, error: unknown) => void;
}

/**
 * The telemetry log of an edge on its way into that of the centre. Each message says how far it goes in the log of the edge,
 * so what the centre has tells by itself where to go on: position and records can never part.
 */
export class TelemetryLane implements Lane<TelemetryPlace, TelemetryBatch> {
  readonly #log: EdgeLog;
  readonly #centre: CentralLog;
  readonly #memory: TelemetryLaneOptions['memory'];
  readonly #dropped: TelemetryLaneOptions['dropped'];
  #identity: string | undefined;

  constructor({ log, centre, memory, dropped }: TelemetryLaneOptions) {
    this.#log = log;
    this.#centre = centre;
    this.#memory = memory;
    this.#dropped = dropped;
  }

  /** Of a log that was lost meanwhile nothing is known. */
  async recall(): Promise<number | undefined> {
    const known = await this.#memory.place(LANE);
    return known?.of === (await this.#logId()) ? known.position : undefined;
  }

  async remember(position: number): Promise<void> {
    await this.#memory.keepPlace(LANE, { of: await this.#logId(), position });
  }

  backlog(afterPosition: number): Promise<Backlog> {
    return this.#log.backlog(afterPosition);
  }

  async learn(): Promise<TelemetryPlace> {
    const log = await this.#logId();
    const { sequence, stored } = await this.#centre.last();
    // Of another log, from before this box was replaced or its log was lost: all that this one has is new.
    if (stored?.log !== log) return { sequence, position: (await this.#log.begin()) - 1 };
    if (stored.position > (await this.#log.end())) {
      const text = `the centre has the telemetry log of this cell up to ${stored.position}, further than it goes here: it is an old copy, and what it takes now would get positions that are taken. Delete telemetry.db in the data folder to begin another one`;
      throw new ErrorWithCode('EDGE_LOG_BEHIND', text, { retryable: false });
    }
    return { sequence, position: stored.position };
  }

  async read(afterPosition: number): Promise<TelemetryBatch | undefined> {
    const read = await this.#log.readTimed(afterPosition, RECORDS_A_MESSAGE);
    let records = read.slice(0, RECORDS_A_MESSAGE);
    while (records.length > 0) {
      try {
        const { message, count } = await this.#centre.pack(records);
        const [first, last] = [records[0], records[count - 1]];
        if (!first || !last) throw new RangeError('a message without records');
        return {
          message,
          position: last.position,
          bytes: message.byteLength,
          oldestMs: first.timeMs,
          newestMs: last.timeMs,
          // The log reads by its blocks, so that few records do not mean that there are no more.
          full: read.length > count || last.position < (await this.#log.end()),
        };
      } catch (error) {
        if (!(error instanceof ErrorWithCode) || error.retryable || !records[0]) throw error;
        this.#dropped(records[0], error);
        records = records.slice(1);
      }
    }
    return undefined;
  }

  async send(at: TelemetryPlace, batch: TelemetryBatch, late: boolean): Promise<TelemetryPlace> {
    const { message, position } = batch;
    const log = await this.#logId();
    const sequence = await this.#centre.store(message, { after: at.sequence, log, position, late });
    return { sequence, position };
  }

  async #logId(): Promise<string> {
    this.#identity ??= await this.#log.identity();
    return this.#identity;
  }
}
