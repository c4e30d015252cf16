import { ErrorWithCode, messageOf } from '../../runtime/errors.ts';
import type { LogSource, SampleStore, Stored } from './sample-store.ts';

export interface CarrierOptions {
  /** Without a word of the log it is looked at so often. */
  readonly pollIntervalMs: number;
  /** Shortest time between two writes that are not full: servers like few large ones. */
  readonly writeIntervalMs: number;
  /** Records read and written at once, the measure of memory. */
  readonly batchRecords: number;
  /** False where another node carries, until `carry` says otherwise. */
  readonly carries: boolean;
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
}

export const CARRIER_DEFAULTS: CarrierOptions = {
  pollIntervalMs: 1000,
  writeIntervalMs: 250,
  batchRecords: 4096,
  carries: true,
  firstRetryMs: 250,
  maxRetryMs: 15_000,
};

/** Whoever waits where another node carries is looked after so often. */
const FOLLOW_INTERVAL_MS = 50;

interface Waiting {
  readonly position: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Carries the log into a database server, at its own pace and from the position that the server has. While the server does
 * not answer, everything stays in the log: nothing is held here but the batch on its way.
 *
 * Of several nodes on one server one carries, and the others look how far it is. That is for the load alone. A position is
 * written after everything up to it, by whoever read where it began: two that carry at once leave no gap, and what both
 * write is there once.
 */
export class LogCarrier {
  readonly #source: LogSource;
  readonly #store: SampleStore;
  readonly #options: CarrierOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #ended: Promise<void>;
  #position = 0;
  #connected = false;
  #ignored = 0;
  #refused = 0;
  #readings = 0;
  #problem: string | null = null;
  #failures = 0;
  #lastStoreMs = Number.NEGATIVE_INFINITY;
  #grown = false;
  #carrying: boolean;
  /** Positions of the server that are above ours are those of another carrier. */
  #hasOthers: boolean;
  /** The server had more than the log: what it says of itself is above ours until it has taken what we say. */
  #sendsAgain = false;
  #storing: Promise<unknown> | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(source: LogSource, store: SampleStore, options: CarrierOptions) {
    this.#source = source;
    this.#store = store;
    this.#options = options;
    this.#carrying = options.carries;
    this.#hasOthers = !options.carries;
    this.#ended = this.#run();
  }

  /** Everything of the log up to here is acknowledged by the server, which remembers it. 0 until it was asked. */
  get position(): number {
    return this.#position;
  }

  get state() {
    return {
      consumedPosition: this.#position,
      storedPosition: this.#position,
      connected: this.#connected,
      carrying: this.#carrying,
      readings: this.#readings,
      ignored: this.#ignored,
      refused: this.#refused,
      problem: this.#problem,
    };
  }

  /** There may be something new in the log. A server that does not answer is not asked sooner for it. */
  advance(): void {
    this.#grown = true;
    if (this.#carrying && this.#problem === null) this.#wake?.();
  }

  /** Whether this one carries from here on. Resolves when nothing of it is on its way any more, or nothing was. */
  async carry(carries: boolean): Promise<void> {
    if (carries !== this.#carrying) {
      this.#carrying = carries;
      this.#hasOthers = true;
      // Whoever carried before has got further than this one knows.
      this.#connected = false;
      this.#wake?.();
    }
    if (!carries) await this.#storing?.catch(() => undefined);
  }

  async caughtUp(position: number): Promise<void> {
    if (position > this.#position) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add({ position, resolve, reject });
        this.#grown = true;
        if (this.#problem === null) this.#wake?.();
      });
    }
    await this.#store.settle();
  }

  /** What is not stored by now stays in the log. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#ended;
    for (const { reject } of this.#waiting) reject(new ErrorWithCode('STORE_CLOSED', 'the historian is closed'));
    this.#waiting.clear();
    await this.#store.close();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const isCarrying = this.#carrying;
        const full = isCarrying ? await this.#step() : await this.#follow();
        this.#problem = null;
        this.#failures = 0;
        this.#resolveWaiting();
        if (full || isCarrying !== this.#carrying) continue;
        if (isCarrying) await this.#rest();
        else await this.#pause(this.#waiting.size > 0 ? FOLLOW_INTERVAL_MS : this.#options.pollIntervalMs);
      } catch (error) {
        this.#problem = messageOf(error);
        // The server says again where it stands: it may be another one by now, or have lost its newest rows.
        this.#connected = false;
        await this.#pause(this.#retryMs());
      }
    }
  }

  /** True when there is more to do at once. */
  async #step(): Promise<boolean> {
    if (!this.#connected) await this.#connect();
    else if (this.#hasOthers && !this.#sendsAgain) {
      // What another one has stored meanwhile, which had the part before or has it by now, is not sent again.
      this.#position = Math.max(this.#position, await this.#store.position());
    }
    this.#grown = false;
    const asked = [...this.#waiting];
    const records = await this.#source.read(this.#position, this.#options.batchRecords);
    if (records.length === 0) {
      // Positions may have gaps: there is nothing more to wait for, though the position was not met.
      for (const entry of asked) this.#resolve(entry);
      return false;
    }
    if (!this.#carrying) return true;
    this.#lastStoreMs = performance.now();
    const storing = this.#store.store(records);
    this.#storing = storing;
    const stored = await storing.finally(() => {
      this.#storing = undefined;
    });
    this.#count(stored);
    // A log gives whole batches of its own, so that a little less is full as well; and a store may take a part of them.
    const isRest = stored.position < (records.at(-1)?.position ?? 0);
    return isRest || records.length >= this.#options.batchRecords / 2;
  }

  async #connect(): Promise<void> {
    const [position, end] = [await this.#store.connect(), await this.#source.end()];
    // A log from a backup gives out positions again that the server has seen: all of it is sent again, and is there once.
    this.#sendsAgain = position > end;
    this.#position = this.#sendsAgain ? 0 : position;
    this.#connected = true;
  }

  /** Another one carries: how far it is. */
  async #follow(): Promise<boolean> {
    if (!this.#connected) await this.#connect();
    else this.#position = await this.#store.position();
    const asked = [...this.#waiting];
    if (asked.length > 0 && (await this.#source.read(this.#position, 1)).length === 0) {
      for (const entry of asked) this.#resolve(entry);
    }
    return false;
  }

  #count({ position, readings, ignored, refused }: Stored): void {
    this.#position = position;
    this.#readings += readings;
    this.#ignored += ignored;
    this.#refused += refused;
  }

  #resolveWaiting(): void {
    for (const entry of this.#waiting) if (entry.position <= this.#position) this.#resolve(entry);
  }

  #resolve(entry: Waiting): void {
    this.#waiting.delete(entry);
    entry.resolve();
  }

  /** Until the log has grown, and long enough for a write that is worth it. Whoever waits is not kept waiting. */
  async #rest(): Promise<void> {
    const { pollIntervalMs, writeIntervalMs } = this.#options;
    if (!this.#grown) await this.#pause(pollIntervalMs);
    const dueMs = this.#lastStoreMs + writeIntervalMs - performance.now();
    if (dueMs > 0 && this.#waiting.size === 0) await this.#pauseFully(dueMs);
  }

  /** Appends come all the time and do not end this one. */
  async #pauseFully(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    for (;;) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || this.#closed || this.#waiting.size > 0) return;
      await this.#pause(leftMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #retryMs(): number {
    const { firstRetryMs, maxRetryMs } = this.#options;
    const ceilingMs = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return ceilingMs * (0.5 + Math.random() / 2);
  }
}
