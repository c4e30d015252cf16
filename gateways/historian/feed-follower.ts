import { messageOf } from '../../runtime/errors.ts';
import type { LogFeed, PositionedRecord, TelemetryLog } from '../../runtime/log.ts';
import { History } from './history.ts';
import type { FollowerOptions } from './log-follower.ts';

export interface FeedFollowerOptions extends Pick<FollowerOptions, 'dir' | 'flushIntervalMs' | 'maxBufferedCells'> {
  readonly log: TelemetryLog & Required<Pick<TelemetryLog, 'follow' | 'id'>>;
}

const LOOK_MS = 1000;

/**
 * Takes what a log hands out into the history, from the history's own position on. It never holds up the log: while it cannot
 * write, the feed waits and records stay where they are.
 */
export class FeedFollower {
  readonly history: History;
  readonly #options: FeedFollowerOptions;
  readonly #feed: LogFeed;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<{ readonly position: number; resolve(): void }>();
  /** Handed out and not yet in the history, oldest first. */
  #queue: PositionedRecord[] = [];
  #position: number;
  #lastFlushMs = performance.now();
  #interrupted: string | null = null;
  #problem: string | null = null;

  constructor(options: FeedFollowerOptions) {
    this.#options = options;
    this.history = new History(options.dir, options.log.id);
    this.#position = this.history.stored;
    this.#feed = options.log.follow(this.history.stored, {
      wants: () => true,
      take: (records) => this.#take(records),
      interrupted: (reason) => (this.#interrupted = reason ?? null),
    });
    this.#timer = setInterval(() => this.advance(), LOOK_MS);
  }

  /** Everything up to here can be asked for. */
  get position(): number {
    return this.#queue.length === 0 ? Math.max(this.#position, this.#feed.position) : this.#position;
  }

  get problem(): string | null {
    return this.#problem ?? this.#interrupted;
  }

  /** Tries again what could not be written, and writes what is due. */
  advance(): void {
    this.#work();
    if (this.#problem === null) this.#feed.resume();
    this.#resolveWaiting();
  }

  caughtUp(position: number): Promise<void> {
    if (position <= this.position) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add({ position, resolve }));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#feed.stop();
    try {
      this.#work();
      this.history.flush(this.position);
    } finally {
      this.history.close();
      await this.#options.log.close();
    }
  }

  #take(records: readonly PositionedRecord[]): void {
    this.#queue = this.#queue.length === 0 ? [...records] : [...this.#queue, ...records];
    this.#work();
    if (this.#problem !== null) this.#feed.pause();
    // The feed's own position moves when this has returned.
    if (this.#waiting.size > 0) setImmediate(() => this.#resolveWaiting());
  }

  #work(): void {
    let done = 0;
    try {
      for (const { position, source, observation } of this.#queue) {
        this.history.add(position, source, observation);
        // One by one: when a day's file cannot be opened, the next try goes on with the record that failed.
        this.#position = position;
        done++;
      }
      this.#queue.splice(0, done);
      done = 0;
      this.#flushIfDue();
      this.#problem = null;
    } catch (error) {
      this.#queue.splice(0, done);
      this.#problem = messageOf(error);
    }
  }

  #flushIfDue(): void {
    const { flushIntervalMs, maxBufferedCells } = this.#options;
    const due = performance.now() - this.#lastFlushMs >= flushIntervalMs;
    if (!due && this.history.bufferedCells < maxBufferedCells) return;
    this.history.flush(this.#position);
    this.#lastFlushMs = performance.now();
  }

  #resolveWaiting(): void {
    for (const entry of this.#waiting) {
      if (entry.position > this.position) continue;
      this.#waiting.delete(entry);
      entry.resolve();
    }
  }
}
