import { ErrorWithCode } from './errors.ts';
import type { LogRecord, PositionedRecord, TelemetryLog } from './log.ts';

const READ_BATCH = 4096;
const CATCH_UP_PAUSE_MS = 5;

export interface PumpOptions {
  readonly log: TelemetryLog;
  /** Hands a record to the entities that observe it, in order of position. */
  readonly deliver: (record: PositionedRecord) => void;
  /** After each append: what went wrong with it, or undefined. */
  readonly outcome: (error: unknown) => void;
  /** Records handed out and not yet observed. */
  readonly outstanding: () => number;
  /** More than this and the rest waits in the log, not in memory. */
  readonly maxOutstanding: number;
  /** Records that wait for their commit; beyond it `append` rejects with LOG_FULL. */
  readonly maxWaiting: number;
}

/** Between the drivers, the log and the actors. */
export interface Pump {
  /** Position up to which records were handed to the actors. */
  readonly delivered: number;
  /** Position of the newest record that is known here. */
  readonly end: number;
  /** Records that wait for the log. */
  readonly waiting: number;
  /** The actors have recovered: from now on they are handed what comes. */
  start(): void;
  /** Resolves when the log has the record. */
  append(record: LogRecord): Promise<void>;
  /** Resolves when everything accepted is in the log, or was refused. */
  close(): Promise<void>;
  /** Ends as a crash would. */
  halt(): Promise<void>;
}

interface Waiting extends LogRecord {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The pump of a log that this process alone writes: gathers admitted observations into one durable append at a time, tells
 * the sources once the log has them, and only then hands them to the actors. When the actors fall behind, records are left
 * to the log and read from it later, so that memory does not grow.
 */
export class LogPump implements Pump {
  readonly #options: PumpOptions;
  #waiting: Waiting[] = [];
  #appending = false;
  #catchingUp = false;
  #delivered: number;
  #end: number;
  #closed = false;
  #idle: (() => void) | undefined;

  /** @param end position of the newest record, all of which the actors have applied */
  constructor(options: PumpOptions, end: number) {
    this.#options = options;
    this.#delivered = end;
    this.#end = end;
  }

  get delivered(): number {
    return this.#delivered;
  }

  get end(): number {
    return this.#end;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Nothing comes but by `append`. */
  start(): void {}

  append(record: LogRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new ErrorWithCode('STOPPED', 'the node is stopping'));
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return Promise.reject(new ErrorWithCode('LOG_FULL', `${this.#waiting.length} records wait for the log already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ source: record.source, observation: record.observation, resolve, reject });
      if (!this.#appending) {
        this.#appending = true;
        // What arrives in this turn of the event loop goes along.
        setImmediate(() => void this.#run());
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#appending) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  /** Drops what waits, as a crash would, and resolves when the append under way has ended. */
  async halt(): Promise<void> {
    for (const record of this.#waiting.splice(0)) record.reject(new ErrorWithCode('STOPPED', 'the node was halted'));
    await this.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const first = await this.#options.log.append(batch);
        this.#end = first + batch.length - 1;
        this.#options.outcome(undefined);
        for (const record of batch) record.resolve();
        this.#handOut(batch, first);
      } catch (error) {
        this.#options.outcome(error);
        for (const record of batch) record.reject(error);
      }
    }
    this.#appending = false;
    this.#idle?.();
  }

  #handOut(batch: readonly LogRecord[], first: number): void {
    if (this.#catchingUp) return;
    const { deliver, outstanding, maxOutstanding } = this.#options;
    if (this.#delivered !== first - 1 || outstanding() > maxOutstanding) {
      this.#catchingUp = true;
      setTimeout(() => void this.#catchUp(), CATCH_UP_PAUSE_MS);
      return;
    }
    for (let index = 0; index < batch.length; index++) {
      const record = batch[index];
      if (record) deliver({ position: first + index, source: record.source, observation: record.observation });
    }
    this.#delivered = first + batch.length - 1;
  }

  async #catchUp(): Promise<void> {
    const { log, deliver, outstanding, maxOutstanding } = this.#options;
    try {
      while (this.#delivered < this.#end && !this.#closed) {
        if (outstanding() > maxOutstanding / 2) {
          await new Promise((resolve) => setTimeout(resolve, CATCH_UP_PAUSE_MS));
          continue;
        }
        for (const record of await log.read(this.#delivered, READ_BATCH)) {
          deliver(record);
          this.#delivered = record.position;
        }
      }
      this.#catchingUp = false;
    } catch {
      // The log cannot be read now; what waits in it stays there.
      setTimeout(() => void this.#catchUp(), 1000).unref();
    }
  }
}
