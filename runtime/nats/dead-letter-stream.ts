import { randomUUID } from 'node:crypto';
import { headers, type JetStreamClient } from 'nats';
import { messageOf } from '../errors.ts';
import type { DeadLetter, DeadLetterStore } from '../log.ts';
import type { NatsLink } from './connection.ts';
import { ensureNamed } from './stream.ts';

export interface DeadLetterStreamOptions {
  readonly link: NatsLink;
  /** Where they are kept, whatever becomes of the stream. */
  readonly store: DeadLetterStore;
  readonly prefix: string;
  readonly replicas: number;
  readonly maxAgeMs: number;
  /** Letters that wait for the stream; more are only in the store. Default 10,000. */
  readonly maxWaiting?: number;
  /** Once when nothing goes through, and once when it does again, with how many letters are only in the store since. */
  readonly changed?: (failure: string | undefined, missing: number) => void;
}

const NAME = 'dead-letters';
const DUPLICATE_WINDOW_MS = 120_000;
const ACK_TIMEOUT_MS = 5000;
const IN_FLIGHT = 64;
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5000;
const CLOSE_WITHIN_MS = 1000;
const HEAD_BYTES = 4096;

interface Waiting {
  readonly id: string;
  readonly letter: DeadLetter;
}

/**
 * Dead letters, kept as ever, and told to other programs on `<prefix>.dead-letters.<stream>`. A copy: it follows the store, waits
 * for a server that is away as long as there is room, and what was waiting at a crash is in the store alone.
 */
export class DeadLetterStream implements DeadLetterStore {
  readonly #options: DeadLetterStreamOptions;
  readonly #jetStream: JetStreamClient;
  readonly #maxWaiting: number;
  #waiting: Waiting[] = [];
  #missing = 0;
  #failing = false;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  #ensured = false;

  constructor(options: DeadLetterStreamOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.#jetStream = options.link.connection.jetstream();
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    await this.#options.store.append(letters);
    for (const letter of letters) {
      if (this.#waiting.length >= this.#maxWaiting) this.#missing++;
      else this.#waiting.push({ id: randomUUID(), letter });
    }
    this.#running ??= this.#run();
  }

  query: DeadLetterStore['query'] = (query) => this.#options.store.query(query);
  counts: DeadLetterStore['counts'] = () => this.#options.store.counts();
  trim: DeadLetterStore['trim'] = (beforeMs) => this.#options.store.trim(beforeMs);

  /** Letters that the stream does not have yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits a moment for what is under way. The connection is the caller's. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), CLOSE_WITHIN_MS);
    await this.#running;
    clearTimeout(timer);
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    let pauseMs = MIN_PAUSE_MS;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#waiting.slice(0, IN_FLIGHT);
      try {
        await this.#ensure();
        // Sent again under the same id, it is not stored again.
        await Promise.all(batch.map((waiting) => this.#send(waiting)));
        this.#waiting.splice(0, batch.length);
        pauseMs = MIN_PAUSE_MS;
        this.#tell(undefined);
      } catch (error) {
        this.#tell(messageOf(error));
        await this.#pause(pauseMs * (0.5 + Math.random() / 2));
        pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs);
      }
    }
    this.#running = undefined;
  }

  /** With the first letter, and not at the start: a plant runs whether others are told of its dead letters or not. */
  async #ensure(): Promise<void> {
    if (this.#ensured) return;
    const { link, prefix, replicas, maxAgeMs } = this.#options;
    const limits = { replicas, maxAgeMs, maxBytes: undefined, duplicateWindowMs: DUPLICATE_WINDOW_MS };
    await ensureNamed(link, `${prefix}-${NAME}`, [`${prefix}.${NAME}.*`], limits);
    this.#ensured = true;
  }

  async #send({ id, letter }: Waiting): Promise<void> {
    const { prefix, link } = this.#options;
    const fields = headers();
    fields.set('Nats-Msg-Id', id);
    fields.set('Nats-Expected-Stream', `${prefix}-${NAME}`);
    const whole = Buffer.from(JSON.stringify(letter));
    const isWhole = whole.byteLength <= (link.connection.info?.max_payload ?? 1_048_576) - HEAD_BYTES;
    const data = isWhole ? whole : Buffer.from(JSON.stringify({ ...letter, body: { tooLarge: whole.byteLength } }));
    const options = { headers: fields, timeout: ACK_TIMEOUT_MS };
    await this.#jetStream.publish(`${prefix}.${NAME}.${letter.stream}`, data, options);
  }

  #tell(failure: string | undefined): void {
    const failing = failure !== undefined;
    if (failing === this.#failing) return;
    this.#failing = failing;
    this.#options.changed?.(failure, this.#missing);
    if (!failing) this.#missing = 0;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stop;
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
