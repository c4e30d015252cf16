import { AckPolicy, DeliverPolicy } from 'nats';
import { z } from 'zod';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { LogClaim, LogConsumer, LogFeed, LogRecord, PositionedRecord, TelemetryLog } from '../log.ts';
import { StoreFailure } from '../store-failure.ts';
import type { NatsLink } from './connection.ts';
import { Feed } from './feed.ts';
import { firstPositionOf, lastPositionOf, POSITIONS_PER_MESSAGE, sequenceAfter } from './positions.ts';
import { Publisher, wentBack } from './publisher.ts';
import { unread } from './puller.ts';
import { Reader } from './reader.ts';
import { ensureStream, managerOf, type StreamOptions, streamNameOf, subjectOf } from './stream.ts';

export interface NatsLogOptions extends Omit<StreamOptions, 'duplicateWindowMs'> {
  readonly link: NatsLink;
  /** Records that wait for their acknowledgement; beyond it `append` rejects with LOG_FULL. Default 100,000. */
  readonly maxWaiting?: number;
  /** Default 4. */
  readonly maxFlushPauseMs?: number;
  /** Default 5,000. */
  readonly ackTimeoutMs?: number;
  /** Default 30,000; the stream knows ids of messages four times as long. */
  readonly giveUpMs?: number;
  /** Something that was in the stream does not reach its consumers here: for people to see. */
  readonly lost?: (reason: string, details: object) => void;
}

const DEFAULTS = { maxWaiting: 100_000, maxFlushPauseMs: 4, ackTimeoutMs: 5000, giveUpMs: 30_000 };
const DUPLICATE_WINDOW_FACTOR = 4;
/** Passes over the log that go on at the same time. */
const KEPT_READERS = 4;

const State = z.object({
  created: z.string(),
  state: z.object({ first_seq: z.number(), last_seq: z.number(), messages: z.number() }),
});
type State = z.infer<typeof State>;

/**
 * The telemetry log on one JetStream stream, which any number of processes write and follow. A message is a batch of records
 * of one shard; positions are those of `positions.ts`.
 */
export class NatsLog implements TelemetryLog {
  /** The stream, and when it was made: one that was deleted and made again is another log. */
  readonly id: string;
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #publisher: Publisher;
  readonly #lost: (reason: string, details: object) => void;
  readonly #feeds = new Set<Feed>();
  readonly #listeners = new Set<(end: number) => void>();
  #readers: Reader[] = [];
  #newest: number;
  /** Records in a message, as a running mean. */
  #size = 1;
  #wentBack: ErrorWithCode | undefined;
  #closed = false;

  private constructor(options: NatsLogOptions, { created, state }: State) {
    const { link, prefix } = options;
    this.#link = link;
    this.#stream = streamNameOf(prefix);
    this.id = `${this.#stream} ${created}`;
    this.#newest = state.last_seq;
    this.#lost = options.lost ?? (() => undefined);
    this.#publisher = new Publisher({
      ...DEFAULTS,
      ...options,
      stream: this.#stream,
      subjectOf: (shard) => subjectOf(prefix, shard),
      newest: () => this.#newest,
      stored: (sequence, records) => this.#seen(sequence, records),
    });
  }

  /** Makes the stream where there is none. Fails with what `ensureStream` fails with. */
  static async open(options: NatsLogOptions): Promise<NatsLog> {
    const duplicateWindowMs = (options.giveUpMs ?? DEFAULTS.giveUpMs) * DUPLICATE_WINDOW_FACTOR;
    return new NatsLog(options, State.parse(await ensureStream(options.link, { ...options, duplicateWindowMs })));
  }

  append(records: readonly LogRecord[]): Promise<number> {
    if (this.#wentBack) return Promise.reject(new StoreFailure('telemetry log', this.#wentBack));
    if (records.length === 0) return this.end().then((end) => end + 1);
    return this.#publisher.append(records);
  }

  async claim(claim: LogClaim): Promise<void> {
    if (this.#wentBack) throw new StoreFailure('telemetry log', this.#wentBack);
    await this.#publisher.claim(claim);
  }

  async read(afterPosition: number, limit: number): Promise<PositionedRecord[]> {
    if (this.#closed) throw new ErrorWithCode('STORE_CLOSED', 'the telemetry log is closed');
    let kept = this.#readers.find((reader) => reader.position === afterPosition);
    if (kept) this.#readers = this.#readers.filter((reader) => reader !== kept);
    if (!kept?.usable) kept = undefined;
    const reader = kept ?? (await this.#open(afterPosition));
    try {
      const records = await reader.read(limit);
      this.#keep(reader);
      return records;
    } catch (error) {
      reader.close();
      // The server has forgotten its consumer.
      if (kept && this.#link.connected) return this.read(afterPosition, limit);
      throw error;
    }
  }

  async end(): Promise<number> {
    return lastPositionOf((await this.#state()).state.last_seq);
  }

  async begin(): Promise<number> {
    const { first_seq, messages } = (await this.#state()).state;
    return messages === 0 ? lastPositionOf(first_seq - 1) + 1 : firstPositionOf(first_seq);
  }

  /** The newest message always stays. Where others consume the log too, the limits of the stream are what lets go of it. */
  async trim({ beforePosition, olderThanMs }: Parameters<TelemetryLog['trim']>[0]): Promise<void> {
    const { last_seq } = (await this.#state()).state;
    const keepFrom = Math.min(
      Math.floor(beforePosition / POSITIONS_PER_MESSAGE),
      last_seq,
      await this.#firstSince(olderThanMs, last_seq),
    );
    if (keepFrom <= 1) return;
    const manager = await managerOf(this.#link);
    await manager.streams.purge(this.#stream, { seq: keepFrom });
  }

  recordsBetween(afterPosition: number, upToPosition: number): number {
    return Math.round(Math.max(0, (upToPosition - afterPosition) / POSITIONS_PER_MESSAGE) * this.#size);
  }

  follow(afterPosition: number, consumer: LogConsumer): LogFeed {
    const feed = new Feed({
      link: this.#link,
      stream: this.#stream,
      after: afterPosition,
      consumer,
      newest: async () => (await this.#state()).state.last_seq,
      seen: (newest, records) => this.#seen(newest, records),
      known: () => this.#newest,
      damaged: (sequence, error) => this.#damaged(sequence, error),
      missed: (messages) =>
        this.#lost('messages of the telemetry log were dropped by its limits before they were read', { messages }),
      stopped: () => this.#feeds.delete(feed),
    });
    this.#feeds.add(feed);
    return feed;
  }

  /** Called with the newest position when it is known to have risen. Returns the unsubscribe. */
  onAppended(listener: (end: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Positions go on after this one at least: for a stream that was lost while others remember how far it went. Fails with
   * LOG_BEHIND where the stream has messages, but not so far: it is that of another plant, or an old copy.
   */
  async skipTo(position: number): Promise<void> {
    const { last_seq, messages } = (await this.#state()).state;
    if (lastPositionOf(last_seq) >= position) return;
    if (messages > 0) {
      const text = `the stream ${this.#stream} ends at position ${lastPositionOf(last_seq)}, and this plant has decided on what was at ${position}: it is not the stream that this plant wrote. Delete the stream to begin a new one, or set NATS_STREAM_PREFIX`;
      throw new ErrorWithCode('LOG_BEHIND', text, { retryable: false });
    }
    const manager = await managerOf(this.#link);
    await manager.streams.purge(this.#stream, { seq: sequenceAfter(position) + 1 });
    this.#newest = (await this.#state()).state.last_seq;
  }

  /** Where it is, to be shown. */
  get shown(): string {
    return `NATS, ${this.#link.servers}, stream ${this.#stream}`;
  }

  /** Records that wait for their acknowledgement. */
  get waiting(): number {
    return this.#publisher.waiting;
  }

  /** Also closes the link. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const feed of [...this.#feeds]) feed.stop();
    for (const reader of this.#readers) reader.close();
    await this.#publisher.close();
    await this.#link.close();
  }

  async #state(): Promise<State> {
    if (this.#closed) throw new ErrorWithCode('STORE_CLOSED', 'the telemetry log is closed');
    if (!this.#link.connected) throw unread(this.#link.trouble ?? 'not connected');
    const known = this.#newest;
    let info: State;
    try {
      const manager = await this.#link.connection.jetstreamManager({ checkAPI: false });
      info = State.parse(await manager.streams.info(this.#stream));
    } catch (error) {
      throw unread(messageOf(error), error);
    }
    // For good: what comes now takes places that consumers are past.
    if (info.state.last_seq < known) this.#wentBack ??= wentBack(info.state.last_seq, known);
    if (this.#wentBack) throw this.#wentBack;
    this.#newest = Math.max(this.#newest, info.state.last_seq);
    return info;
  }

  async #open(after: number): Promise<Reader> {
    if (!this.#link.connected) throw unread(this.#link.trouble ?? 'not connected');
    try {
      const damaged = (sequence: number, error: unknown) => this.#damaged(sequence, error);
      return await Reader.open({ link: this.#link, stream: this.#stream, after, damaged });
    } catch (error) {
      throw unread(messageOf(error), error);
    }
  }

  #keep(reader: Reader): void {
    if (this.#closed) {
      reader.close();
      return;
    }
    this.#readers.push(reader);
    if (this.#readers.length > KEPT_READERS) this.#readers.shift()?.close();
  }

  /** Sequence of the first message from an instant on; behind the newest where all are older. */
  async #firstSince(timeMs: number, last: number): Promise<number> {
    const manager = await managerOf(this.#link);
    const consumer = await manager.consumers.add(this.#stream, {
      deliver_policy: DeliverPolicy.StartTime,
      opt_start_time: new Date(timeMs).toISOString(),
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
    });
    await manager.consumers.delete(this.#stream, consumer.name);
    return consumer.num_pending === 0 ? last + 1 : consumer.delivered.stream_seq + 1;
  }

  #seen(sequence: number, records: number): void {
    if (sequence > this.#newest) {
      this.#newest = sequence;
      for (const listener of this.#listeners) listener(lastPositionOf(sequence));
    }
    if (records > 0) this.#size += (records - this.#size) / 64;
  }

  #damaged(sequence: number, error: unknown): void {
    this.#lost('a message of the telemetry log cannot be read and is left out', { sequence, reason: messageOf(error) });
  }
}
