import type { Logger } from 'pino';
import type { DeadLetter, DeadLetterStore } from './log.ts';
import type { Metrics } from './metrics.ts';

const FLUSH_DELAY_MS = 200;
const MAX_WAITING = 10_000;

/** Gathers dead letters into batches. Bounded: beyond it they are counted and not kept, since a flood of bad data must not fill memory. */
export class DeadLetterBuffer {
  readonly #store: DeadLetterStore;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #waiting: DeadLetter[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: DeadLetterStore, metrics: Metrics, log: Logger) {
    this.#store = store;
    this.#metrics = metrics;
    this.#log = log;
  }

  add(letter: DeadLetter): void {
    this.#metrics.deadLetters.inc({ stream: letter.stream, code: letter.code });
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(letter);
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_DELAY_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#timer = undefined;
    const letters = this.#waiting;
    this.#waiting = [];
    if (letters.length === 0) return;
    try {
      await this.#store.append(letters);
      if (this.#dropped > 0)
        this.#log.warn({ dropped: this.#dropped }, 'dead letters came too fast: counted, not kept');
      this.#dropped = 0;
    } catch (error) {
      this.#log.error({ err: error, count: letters.length }, 'dead letters could not be stored');
    }
  }
}
