import { ErrorWithCode } from './errors.ts';
import type { EntityId } from './ids.ts';
import { isLogFenced, type LogFeed, type LogRecord, type PositionedRecord, type TelemetryLog } from './log.ts';
import type { Pump, PumpOptions } from './log-pump.ts';

export interface FollowingPumpOptions extends PumpOptions {
  readonly log: TelemetryLog & Required<Pick<TelemetryLog, 'follow'>>;
  /** Some entity here observes what this source has to say. */
  readonly wants: (source: EntityId) => boolean;
}

const LOOK_AGAIN_MS = 5;
const CLOSE_WITHIN_MS = 1500;

/**
 * The pump of a log that others write too. What was appended here is not handed out at once: it comes back with what others
 * appended, in the one order that all of them see and that a recovery will see again. When the actors fall behind, the feed
 * waits, and the rest stays in the log.
 */
export class FollowingPump implements Pump {
  readonly #options: FollowingPumpOptions;
  readonly #from: number;
  #feed: LogFeed | undefined;
  #waiting = 0;
  #closed = false;
  #looking: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;

  /** @param end position up to which the actors have applied everything */
  constructor(options: FollowingPumpOptions, end: number) {
    this.#options = options;
    this.#from = end;
  }

  get delivered(): number {
    return this.#feed?.position ?? this.#from;
  }

  get end(): number {
    return this.#feed?.end ?? this.#from;
  }

  get waiting(): number {
    return this.#waiting;
  }

  start(): void {
    const { log, wants, outcome } = this.#options;
    this.#feed = log.follow(this.#from, {
      wants,
      take: (records) => this.#take(records),
      interrupted: (reason) => outcome(reason === undefined ? undefined : new ErrorWithCode('LOG_READ_FAILED', reason)),
    });
  }

  /** Each record by itself: the log gathers them, and tells each source what became of its own. */
  append(record: LogRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new ErrorWithCode('STOPPED', 'the node is stopping'));
    if (this.#waiting >= this.#options.maxWaiting) {
      return Promise.reject(new ErrorWithCode('LOG_FULL', `${this.#waiting} records wait for the log already`));
    }
    this.#waiting++;
    return this.#options.log.append([record]).then(
      () => this.#settled(undefined),
      (error: unknown) => {
        this.#settled(error);
        throw error;
      },
    );
  }

  /** A log that does not answer now is not waited for: nobody was told that it has what it is asked to take. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#waiting > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
        timer = setTimeout(resolve, CLOSE_WITHIN_MS);
      });
      clearTimeout(timer);
    }
    clearTimeout(this.#looking);
    this.#feed?.stop();
  }

  /** The feed stops at once, as in a crash; what was sent to the log before may be in it. */
  async halt(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#looking);
    this.#feed?.stop();
  }

  #settled(error: unknown): void {
    this.#waiting--;
    // That another node writes a shard by now is no trouble of the log.
    if (!isLogFenced(error)) this.#options.outcome(error);
    if (this.#waiting === 0) this.#idle?.();
  }

  #take(records: readonly PositionedRecord[]): void {
    const { deliver, outstanding, maxOutstanding } = this.#options;
    for (const record of records) deliver(record);
    if (outstanding() <= maxOutstanding || this.#looking !== undefined) return;
    this.#feed?.pause();
    this.#looking = setTimeout(() => this.#look(), LOOK_AGAIN_MS);
  }

  #look(): void {
    this.#looking = undefined;
    const { outstanding, maxOutstanding } = this.#options;
    if (outstanding() > maxOutstanding / 2) this.#looking = setTimeout(() => this.#look(), LOOK_AGAIN_MS);
    else this.#feed?.resume();
  }
}
