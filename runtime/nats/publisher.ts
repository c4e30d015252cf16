import { createInbox, headers, type Msg, type Subscription } from 'nats';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { LogClaim, LogRecord } from '../log.ts';
import { type Epoch, SHARD_COUNT, shardOf } from '../ownership.ts';
import { StoreFailure } from '../store-failure.ts';
import type { NatsLink } from './connection.ts';
import { fenced, LogFence, markOwned, ownerOf } from './log-fence.ts';
import { encodeMessage } from './message-codec.ts';
import { POSITIONS_PER_MESSAGE, positionOf } from './positions.ts';
import { answerOf } from './publish-answer.ts';
import { pauseAfter } from './round-pause.ts';

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
  /** Most that a round of messages waits for after the one before it, see `pauseAfter`. */
  readonly maxFlushPauseMs: number;
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
  readonly index: number;
  readonly shard: number;
  waiting: Waiting[];
  inFlight: InFlight | undefined;
  /** The claim under which it is written; none for records of writers that claim nothing. */
  claim: Claimed | undefined;
}

interface Claimed {
  readonly epoch: Epoch;
  /** Of the journal whose epoch it is. */
  readonly identity: string;
  readonly owner: string;
  /** The last message of the subject, as it is known here; undefined until the fence stands. */
  after: number | undefined;
}

/**
 * Writes records into the stream. A shard has one message on its way at a time, so that the order within a source holds
 * also when a message has to be sent again, and all shards together have at most so many; what comes meanwhile goes along
 * with the next one. A message keeps its id until it is acknowledged or given up: the stream stores it once, however often
 * it is sent. When one is given up, so is what waits behind it: nothing may overtake it.
 *
 * Records that come under a claim go to the subject of the shard that is claimed, each message behind the one before it and
 * no other; records without one to the subject of their source's own shard.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Those of claims first, and behind them as many of records without one. */
  readonly #lanes: readonly Lane[] = Array.from({ length: 2 * SHARD_COUNT }, (_, index) => ({
    index,
    shard: index % SHARD_COUNT,
    waiting: [],
    inFlight: undefined,
    claim: undefined,
  }));
  readonly #fence: LogFence;
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
  #nextFlushMs = 0;
  #recordBytes = 256;
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { connection } = options.link;
    this.#fence = new LogFence({ ...options, answerTimeoutMs: options.ackTimeoutMs });
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

  /** See `TelemetryLog.claim`. */
  async claim(claim: LogClaim): Promise<void> {
    const { shard, epoch } = claim;
    const lane = this.#lanes[shard];
    if (!lane) throw new RangeError(`there is no shard ${shard}`);
    const { identity } = claim.journal;
    if (lane.claim?.identity === identity) {
      if (lane.claim.epoch > epoch) throw fenced(shard, epoch, `epoch ${lane.claim.epoch} is written from here`);
      // A recovery that begins again: the fence stands, and what was brought up before may be writing.
      if (lane.claim.epoch === epoch && lane.claim.after !== undefined) return;
    }
    this.#giveUp(lane, fenced(shard, lane.claim?.epoch, `it is taken under epoch ${epoch}`));
    const claimed: Claimed = { epoch, identity, owner: ownerOf(claim), after: undefined };
    lane.claim = claimed;
    const sequence = await this.#fence.raise(claim);
    if (lane.claim !== claimed) throw fenced(shard, epoch, 'it was taken again meanwhile');
    claimed.after = sequence;
    this.#options.stored(sequence, 0);
  }

  append(records: readonly LogRecord[]): Promise<number> {
    if (this.#closed) return Promise.reject(new ErrorWithCode('STORE_CLOSED', 'the telemetry log is closed'));
    const refusal = this.#unclaimed(records);
    if (refusal) return Promise.reject(refusal);
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
        const lane = this.#lanes[record.under?.shard ?? SHARD_COUNT + shardOf(record.source)];
        if (!lane) continue;
        lane.waiting.push({ source: record.source, observation: record.observation, append, first: index === 0 });
        if (!lane.inFlight) this.#ready.add(lane);
      }
      this.#flushSoon();
    });
  }

  #unclaimed(records: readonly LogRecord[]): ErrorWithCode | undefined {
    for (const { under } of records) {
      if (under === undefined) continue;
      const claim = this.#lanes[under.shard]?.claim;
      if (claim?.epoch !== under.epoch) return fenced(under.shard, under.epoch, 'it is not claimed under it here');
      if (claim.after === undefined) return fenced(under.shard, under.epoch, 'its fence does not stand yet');
    }
    return undefined;
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
    const pauseMs = this.#nextFlushMs - performance.now();
    // What arrives in this turn of the event loop goes along. A timer would take a millisecond, however short it is.
    if (pauseMs < 0.5) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), pauseMs);
  }

  #flush(): void {
    this.#flushing = false;
    this.#nextFlushMs = performance.now() + pauseAfter(this.#ready.size, this.#options.maxFlushPauseMs);
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
    if (lane.claim) markOwned(fields, lane.claim.owner, lane.claim.after ?? 0);
    try {
      link.connection.publish(subjectOf(lane.shard), message.data, {
        headers: fields,
        reply: `${this.#inbox}.${lane.index}.${message.number}`,
      });
    } catch (error) {
      message.lastError = messageOf(error);
      message.resendAtMs = performance.now() + RETRY_PAUSE_MS;
    }
  }

  #answered(answer: Msg): void {
    const [number, index] = answer.subject.split('.').reverse();
    const lane = this.#lanes[Number(index)];
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
    } else if (told.kind === 'conflict' && lane.claim !== undefined) {
      message.resendAtMs = Number.POSITIVE_INFINITY;
      void this.#lookWhoWrote(lane, message);
    } else {
      this.#giveUp(lane, new ErrorWithCode('LOG_WRITE_FAILED', `The telemetry log refuses: ${told.reason}`));
    }
  }

  /**
   * The subject ends otherwise than this writer knows: by a message of its own whose answer never came, or since its last one
   * was let go of with age. By that of another owner, and it is over.
   *
   * A message of its own that it does not know was given up. Whoever has read the log since may have done so before it came
   * through, and may send the same once more: that is refused, so that the log is read again.
   */
  async #lookWhoWrote(lane: Lane, message: InFlight): Promise<void> {
    const { claim } = lane;
    try {
      const end = await this.#fence.last(lane.shard);
      if (lane.inFlight !== message || claim === undefined || lane.claim !== claim) return;
      if (end.id === message.id) this.#stored(lane, message, end.sequence);
      else if (end.owner === claim.owner && end.sequence > (claim.after ?? 0)) {
        claim.after = end.sequence;
        this.#giveUp(
          lane,
          new ErrorWithCode('LOG_WRITE_FAILED', 'what was given up before has come through after all'),
        );
      } else if (end.owner === undefined || end.owner === claim.owner) {
        claim.after = end.sequence;
        this.#send(lane, message);
      } else {
        lane.claim = undefined;
        this.#giveUp(lane, fenced(lane.shard, claim.epoch, 'another owner writes it'));
      }
    } catch (error) {
      message.lastError = messageOf(error);
      message.resendAtMs = performance.now() + RETRY_PAUSE_MS;
    }
  }

  #stored(lane: Lane, { entries }: InFlight, sequence: number): void {
    lane.inFlight = undefined;
    if (lane.claim) lane.claim.after = sequence;
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

/** A server that lost what it had acknowledged gives out sequences again that its readers are past. */
export function wentBack(last: number, known: number): ErrorWithCode {
  const text = `the stream on NATS has ended at ${last} and had been at ${known} before: the server has lost acknowledged records. Delete the stream and restart to go on without them`;
  return new ErrorWithCode('LOG_BEHIND', text, { retryable: false });
}

function tooLarge(data: Uint8Array, limit: number): string {
  return `one observation of ${data.byteLength} bytes is more than the telemetry log takes, ${limit}`;
}
