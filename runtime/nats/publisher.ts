import { createInbox, headers, type Msg, type Subscription } from 'nats';
import { z } from 'zod';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { LogRecord } from '../log.ts';
import { SHARD_COUNT, shardOf } from '../ownership.ts';
import { StoreFailure } from '../store-failure.ts';
import type { NatsLink } from './connection.ts';
import { encodeMessage } from './message-codec.ts';
import { POSITIONS_PER_MESSAGE, positionOf } from './positions.ts';

export interface PublisherOptions {
  readonly link: NatsLink;
  readonly stream: string;
  readonly subjectOf: (shard: number) => string;
  /** Newest sequence of the stream that is known. */
  readonly newest: () => number;
  /** Told of every message that the stream has: its sequence and how many records are in it. */
  readonly stored: (sequence: number, records: number) => void;
  /** Records that wait for their acknowledgement; beyond it `append` rejects with LOG_FULL. */
  readonly maxWaiting: number;
  /** Shortest time between two rounds of messages: under load records gather, alone one does not wait. */
  readonly minFlushIntervalMs: number;
  /** Without an acknowledgement for so long a message is sent again. */
  readonly ackTimeoutMs: number;
  /** After so long it is given up, and its source has to keep what it has. Well below the duplicate window. */
  readonly giveUpMs: number;
}

const SWEEP_MS = 100;
const RETRY_PAUSE_MS = 250;
const CLOSE_WITHIN_MS = 1000;
/** Below the usual limit of a server by what subject and headers need. */
const MAX_MESSAGE_BYTES = 768 * 1024;
const HEAD_BYTES = 4096;

interface Append {
  remaining: number;
  position: number;
  resolve(position: number): void;
  reject(error: unknown): void;
}

interface Waiting extends LogRecord {
  readonly append: Append;
  /** It is the one whose position the append is told. */
  readonly first: boolean;
}

interface InFlight {
  readonly id: string;
  readonly number: number;
  readonly data: Uint8Array;
  readonly entries: readonly Waiting[];
  readonly begunMs: number;
  /** The stream had this sequence already when it was first sent. */
  readonly behind: number;
  resendAtMs: number;
  lastError: string;
}

/** Of one shard: what waits, and the one message that is on its way. */
interface Lane {
  readonly shard: number;
  waiting: Waiting[];
  inFlight: InFlight | undefined;
}

/**
 * Writes records into the stream. A shard has one message on its way at a time, so that the order within a source holds
 * also when a message has to be sent again, and all shards together have at most so many; what comes meanwhile goes along
 * with the next one. A message keeps its id until it is acknowledged or given up: the stream stores it once, however often
 * it is sent. When one is given up, so is what waits behind it: nothing may overtake it.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #lanes: readonly Lane[] = Array.from({ length: SHARD_COUNT }, (_, shard) => ({
    shard,
    waiting: [],
    inFlight: undefined,
  }));
  readonly #ready = new Set<Lane>();
  readonly #inbox: string;
  readonly #answers: Subscription;
  readonly #sweep: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  /** Of this run and this process: ids of messages begin with it. */
  readonly #writer: string;
  #numbers = 0;
  #waitingRecords = 0;
  #flushing = false;
  #lastFlushMs = 0;
  #recordBytes = 256;
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { connection } = options.link;
    this.#inbox = createInbox();
    this.#writer = this.#inbox.slice(this.#inbox.lastIndexOf('.') + 1);
    this.#answers = connection.subscribe(`${this.#inbox}.*.*`, {
      callback: (_error, answer) => this.#answered(answer),
    });
    this.#sweep = setInterval(() => this.#retryDue(), SWEEP_MS);
    this.#unsubscribe = options.link.onChange(({ state }) => {
      // Whatever was on its way when the connection broke is lost, or stored without our knowing.
      if (state === 'connected') for (const lane of this.#lanes) if (lane.inFlight) lane.inFlight.resendAtMs = 0;
      this.#retryDue();
    });
  }

  /** Records that the stream has not acknowledged yet. */
  get waiting(): number {
    return this.#waitingRecords;
  }

  append(records: readonly LogRecord[]): Promise<number> {
    if (this.#closed) return Promise.reject(new ErrorWithCode('STORE_CLOSED', 'the telemetry log is closed'));
    if (this.#waitingRecords + records.length > this.#options.maxWaiting) {
      return Promise.reject(
        new ErrorWithCode('LOG_FULL', `${this.#waitingRecords} records wait for the telemetry log already`),
      );
    }
    this.#waitingRecords += records.length;
    return new Promise((resolve, reject) => {
      const append: Append = { remaining: records.length, position: 0, resolve, reject };
      for (let index = 0; index < records.length; index++) {
        const record = records[index];
        if (!record) continue;
        const lane = this.#lanes[shardOf(record.source)];
        if (!lane) continue;
        lane.waiting.push({ source: record.source, observation: record.observation, append, first: index === 0 });
        if (!lane.inFlight) this.#ready.add(lane);
      }
      this.#flushSoon();
    });
  }

  /** Resolves when everything is acknowledged or given up, which then takes no longer than `CLOSE_WITHIN_MS`. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#waitingRecords > 0) {
      const error = new ErrorWithCode('STORE_CLOSED', 'the telemetry log was closed before it had acknowledged');
      const timer = setTimeout(() => {
        for (const lane of this.#lanes) this.#giveUp(lane, error);
      }, CLOSE_WITHIN_MS);
      await new Promise<void>((resolve) => (this.#drained = resolve));
      clearTimeout(timer);
    }
    clearInterval(this.#sweep);
    this.#unsubscribe();
    this.#answers.unsubscribe();
  }

  #flushSoon(): void {
    if (this.#flushing || this.#ready.size === 0) return;
    this.#flushing = true;
    const pauseMs = this.#lastFlushMs + this.#options.minFlushIntervalMs - performance.now();
    // What arrives in this turn of the event loop goes along.
    if (pauseMs <= 0) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), pauseMs);
  }

  #flush(): void {
    this.#flushing = false;
    this.#lastFlushMs = performance.now();
    for (const lane of this.#ready) this.#begin(lane);
    this.#ready.clear();
  }

  #begin(lane: Lane): void {
    const most = Math.floor(MAX_MESSAGE_BYTES / this.#recordBytes);
    let count = Math.min(lane.waiting.length, POSITIONS_PER_MESSAGE, Math.max(1, most));
    while (count > 0 && !lane.inFlight) {
      const data = this.#encoded(lane, count);
      if (data !== undefined) {
        const number = ++this.#numbers;
        const id = `${this.#writer}-${number}`;
        const begunMs = performance.now();
        const entries = lane.waiting.splice(0, count);
        const behind = this.#options.newest();
        lane.inFlight = { id, number, data, entries, begunMs, behind, resendAtMs: 0, lastError: 'no answer' };
        this.#recordBytes = Math.max(16, this.#recordBytes * 0.9 + (data.byteLength / count) * 0.1);
        this.#send(lane, lane.inFlight);
      } else {
        // By halves to the record that is too large or cannot be encoded; it is refused, and the others go.
        count = count > 1 ? Math.ceil(count / 2) : Math.min(1, lane.waiting.length);
      }
    }
  }

  /** Undefined: not as one message. A record that can be in none is refused. */
  #encoded(lane: Lane, count: number): Uint8Array | undefined {
    const limit = Math.min(
      MAX_MESSAGE_BYTES,
      (this.#options.link.connection.info?.max_payload ?? MAX_MESSAGE_BYTES) - HEAD_BYTES,
    );
    try {
      const data = encodeMessage(lane.waiting, count);
      if (data.byteLength <= limit) return data;
      if (count === 1) throw new ErrorWithCode('LOG_RECORD_TOO_LARGE', tooLarge(data, limit), { retryable: false });
    } catch (error) {
      if (count === 1) this.#refuse(lane.waiting.splice(0, 1), error);
    }
    return undefined;
  }

  #send(lane: Lane, message: InFlight): void {
    const { link, stream, subjectOf, ackTimeoutMs } = this.#options;
    if (!link.connected) {
      message.resendAtMs = Number.POSITIVE_INFINITY;
      message.lastError = link.trouble ?? 'not connected';
      return;
    }
    message.resendAtMs = performance.now() + ackTimeoutMs;
    const fields = headers();
    fields.set('Nats-Msg-Id', message.id);
    // Another stream on these subjects must not take it.
    fields.set('Nats-Expected-Stream', stream);
    try {
      link.connection.publish(subjectOf(lane.shard), message.data, {
        headers: fields,
        reply: `${this.#inbox}.${lane.shard}.${message.number}`,
      });
    } catch (error) {
      message.lastError = messageOf(error);
      message.resendAtMs = performance.now() + RETRY_PAUSE_MS;
    }
  }

  #answered(answer: Msg): void {
    const [number, shard] = answer.subject.split('.').reverse();
    const lane = this.#lanes[Number(shard)];
    const message = lane?.inFlight;
    // Of a message that was answered before, or given up.
    if (!lane || !message || message.number !== Number(number)) return;
    const told = answerOf(answer);
    if (told.kind === 'stored' && told.sequence > message.behind) {
      this.#stored(lane, message, told.sequence);
    } else if (told.kind === 'stored') {
      // Whoever follows the stream has been past that place, and would never see it.
      this.#giveUp(lane, wentBack(told.sequence - 1, message.behind));
    } else if (told.kind === 'later') {
      message.lastError = told.reason;
      message.resendAtMs = performance.now() + RETRY_PAUSE_MS;
    } else {
      this.#giveUp(lane, new ErrorWithCode('LOG_WRITE_FAILED', `The telemetry log refuses: ${told.reason}`));
    }
  }

  #stored(lane: Lane, { entries }: InFlight, sequence: number): void {
    lane.inFlight = undefined;
    this.#options.stored(sequence, entries.length);
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index];
      if (!entry) continue;
      const { append, first } = entry;
      if (first) append.position = positionOf(sequence, index, entries.length);
      if (--append.remaining === 0) append.resolve(append.position);
    }
    this.#done(entries.length);
    if (lane.waiting.length > 0) {
      this.#ready.add(lane);
      this.#flushSoon();
    }
  }

  #retryDue(): void {
    const nowMs = performance.now();
    for (const lane of this.#lanes) {
      const message = lane.inFlight;
      if (!message) continue;
      if (nowMs - message.begunMs > this.#options.giveUpMs) {
        const text = `The telemetry log did not acknowledge within ${this.#options.giveUpMs} ms: ${message.lastError}`;
        this.#giveUp(lane, new ErrorWithCode('LOG_TIMEOUT', text));
      } else if (message.resendAtMs <= nowMs) {
        this.#send(lane, message);
      }
    }
  }

  #giveUp(lane: Lane, cause: ErrorWithCode): void {
    const entries = [...(lane.inFlight?.entries ?? []), ...lane.waiting];
    lane.inFlight = undefined;
    lane.waiting = [];
    this.#refuse(entries, new StoreFailure('telemetry log', cause));
  }

  #refuse(entries: readonly Waiting[], error: unknown): void {
    for (const { append } of entries) append.reject(error);
    this.#done(entries.length);
  }

  #done(records: number): void {
    this.#waitingRecords -= records;
    if (this.#waitingRecords === 0) this.#drained?.();
  }
}

const Answer = z.union([
  z.object({
    error: z.object({ code: z.number(), err_code: z.number().optional(), description: z.string().default('') }),
  }),
  z.object({ seq: z.number() }),
]);

type Told =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'later'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

function answerOf(answer: Msg): Told {
  // Nobody listens on the subject: the stream is being brought up, or it is gone.
  if (answer.headers?.code === 503) return { kind: 'later', reason: 'the stream does not answer (503)' };
  let parsed: z.infer<typeof Answer>;
  try {
    parsed = Answer.parse(answer.json());
  } catch (error) {
    return { kind: 'later', reason: `an answer that is none of JetStream: ${messageOf(error)}` };
  }
  if ('seq' in parsed) return { kind: 'stored', sequence: parsed.seq };
  const { code, err_code, description } = parsed.error;
  const reason = `${description} (${err_code ?? code})`;
  // 5xx: no leader, no room, not ready; the same message may go through in a moment.
  return code >= 500 ? { kind: 'later', reason } : { kind: 'refused', reason };
}

/** A server that lost what it had acknowledged gives out sequences again that its readers are past. */
export function wentBack(last: number, known: number): ErrorWithCode {
  const text = `the stream on NATS has ended at ${last} and had been at ${known} before: the server has lost acknowledged records. Delete the stream and restart to go on without them`;
  return new ErrorWithCode('LOG_BEHIND', text, { retryable: false });
}

function tooLarge(data: Uint8Array, limit: number): string {
  return `one observation of ${data.byteLength} bytes is more than the telemetry log takes, ${limit}`;
}
