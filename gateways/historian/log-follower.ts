import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeRecords } from '../../runtime/batch-codec.ts';
import { messageOf } from '../../runtime/errors.ts';
import { BlockReader, logIdOf } from '../../runtime/sql/log-file.ts';
import { openSqliteFile, type SqliteConnection } from '../../runtime/sql/sqlite.ts';
import { History } from './history.ts';

export interface FollowerOptions {
  readonly dir: string;
  readonly logFile: string;
  /** Longest time that a sample waits in memory before it is in a day's file. */
  readonly flushIntervalMs: number;
  /** Values and instants in memory, 8 bytes each, beyond which they are written at once. */
  readonly maxBufferedCells: number;
}

const POLL_MS = 1000;
/** Between two steps questions are answered. */
const STEP_RECORDS = 4096;

/**
 * Reads the log into the history at its own pace and from its own position. It never holds up the log: while it cannot
 * write, records stay where they are.
 */
export class LogFollower {
  readonly history: History;
  readonly #options: FollowerOptions;
  readonly #log: SqliteConnection;
  readonly #reader: BlockReader;
  readonly #poll: NodeJS.Timeout;
  readonly #waiting = new Set<{ readonly position: number; resolve(): void }>();
  #position: number;
  #lastFlushMs = performance.now();
  #running: Promise<void> | undefined;
  #problem: string | null = null;
  #closed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#log = openSqliteFile(options.logFile);
    this.#reader = new BlockReader(this.#log);
    this.history = new History(options.dir, logIdOf(this.#log));
    this.#position = this.history.stored;
    this.#poll = setInterval(() => this.advance(), POLL_MS);
    this.advance();
  }

  /** Everything up to here can be asked for. */
  get position(): number {
    return this.#position;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** There may be something new in the log. */
  advance(): void {
    if (this.#running || this.#closed) return;
    this.#running = this.#run().then(
      () => {
        this.#problem = null;
        this.#running = undefined;
      },
      (error: unknown) => {
        // The next poll tries again, with everything that was buffered still there.
        this.#problem = messageOf(error);
        this.#running = undefined;
      },
    );
  }

  async #run(): Promise<void> {
    this.#flushIfDue();
    while (!this.#closed) {
      const blocks = this.#reader.read(this.#position, STEP_RECORDS);
      if (blocks.length === 0) break;
      for (const { first, count, data } of blocks) {
        const flat = decodeRecords(data);
        for (let index = Math.max(0, this.#position + 1 - first); index < count; index++) {
          this.history.add(first + index, flat[2 * index], flat[2 * index + 1]);
          // One by one: when a day's file cannot be opened, the next try goes on with the record that failed.
          this.#position = first + index;
        }
      }
      this.#resolveWaiting();
      this.#flushIfDue();
      await nextTurn();
    }
  }

  #flushIfDue(): void {
    const due = performance.now() - this.#lastFlushMs >= this.#options.flushIntervalMs;
    if (!due && this.history.bufferedCells < this.#options.maxBufferedCells) return;
    this.history.flush(this.#position);
    this.#lastFlushMs = performance.now();
  }

  caughtUp(position: number): Promise<void> {
    if (position <= this.#position) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.add({ position, resolve });
      this.advance();
    });
  }

  #resolveWaiting(): void {
    for (const entry of this.#waiting) {
      if (entry.position > this.#position) continue;
      this.#waiting.delete(entry);
      entry.resolve();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    await this.#running;
    try {
      this.history.flush(this.#position);
    } finally {
      this.history.close();
      this.#log.close();
    }
  }
}
