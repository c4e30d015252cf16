import { messageOf } from '../errors.ts';
import type { LogConsumer, LogFeed, PositionedRecord } from '../log.ts';
import type { NatsLink } from './connection.ts';
import { decodeMessage } from './message-codec.ts';
import { lastPositionOf, sequenceAfter } from './positions.ts';
import { Puller, unread } from './puller.ts';

export interface FeedOptions {
  readonly link: NatsLink;
  readonly stream: string;
  readonly after: number;
  readonly consumer: LogConsumer;
  /** Newest sequence of the stream, asked of the server. */
  readonly newest: () => Promise<number>;
  /** Of what came: the newest sequence that the stream has, and how many records a message had. */
  readonly seen: (newest: number, records: number) => void;
  /** Newest sequence that is known. */
  readonly known: () => number;
  /** A message that cannot be read is left out. */
  readonly damaged: (sequence: number, error: unknown) => void;
  /** Messages that the limits of the stream dropped before they were read here. */
  readonly missed: (messages: number) => void;
  readonly stopped: () => void;
}

/** Held undecoded at most, while the consumer has paused. */
const BATCH = { messages: 256, bytes: 4 * 1024 * 1024, wait: true } as const;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

interface Held {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/**
 * Follows the stream from a position on, over any number of pullers: when one ends, the next begins after the last message
 * that was handed on. It asks for a batch when it has handed on the one before, so what a slow consumer does not take
 * stays in the stream.
 */
export class Feed implements LogFeed {
  readonly #options: FeedOptions;
  readonly #unsubscribe: () => void;
  readonly #consumer: LogConsumer;
  #position: number;
  /** Sequence of the next message. */
  #next: number;
  #puller: Puller | undefined;
  #attaching = false;
  #attempts = 0;
  #again: NodeJS.Timeout | undefined;
  #held: Held[] = [];
  #mayAsk = false;
  #paused = false;
  #draining = false;
  #stopped = false;
  #interrupted = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#consumer = options.consumer;
    this.#position = options.after;
    this.#next = sequenceAfter(options.after);
    this.#unsubscribe = options.link.onChange(({ state }) => {
      if (state === 'connected') this.#attachSoon(0);
    });
    this.#attachSoon(0);
  }

  get position(): number {
    return this.#position;
  }

  get end(): number {
    return Math.max(this.#position, lastPositionOf(this.#options.known()));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#drain();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#unsubscribe();
    this.#puller?.close();
    this.#puller = undefined;
    this.#held = [];
    this.#options.stopped();
  }

  #attachSoon(pauseMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#attach(), pauseMs);
  }

  async #attach(): Promise<void> {
    const { link, stream, newest } = this.#options;
    // A new connection starts it again.
    if (this.#stopped || this.#attaching || this.#puller || !link.connected) return;
    this.#attaching = true;
    try {
      // Asked before: when then nothing is pending, there is nothing up to here that could still come.
      const last = await newest();
      const from = (this.#held.at(-1)?.sequence ?? this.#next - 1) + 1;
      const puller = await Puller.start({
        link,
        stream,
        from,
        message: (sequence, data, pending) => this.#receive(sequence, data, pending),
        answered: () => this.#ask(),
        ended: (reason) => this.#ended(reason),
      });
      if (this.#stopped) {
        puller.close();
        return;
      }
      if (puller.closed) throw unread('the connection was lost meanwhile');
      this.#puller = puller;
      this.#attempts = 0;
      this.#options.seen(last, 0);
      if (puller.pendingAtStart === 0 && this.#held.length === 0) this.#moveTo(last);
      this.#tell(undefined);
      this.#ask();
    } catch (error) {
      this.#tell(`The telemetry log cannot be followed: ${messageOf(error)}`);
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.#attempts++);
      this.#attachSoon(pauseMs * (0.5 + Math.random() / 2));
    } finally {
      this.#attaching = false;
    }
  }

  #ended(reason: string): void {
    this.#puller = undefined;
    this.#tell(this.#options.link.trouble ?? `The telemetry log is not heard: ${reason}`);
    this.#attachSoon(MIN_PAUSE_MS);
  }

  #ask(): void {
    this.#mayAsk = true;
    if (this.#paused || this.#held.length > 0) return;
    this.#mayAsk = false;
    this.#puller?.ask(BATCH);
  }

  #receive(sequence: number, data: Uint8Array, pending: number): void {
    this.#options.seen(sequence + pending, 0);
    if (this.#paused || this.#held.length > 0) this.#held.push({ sequence, data });
    else this.#handOn(sequence, data);
  }

  #drain(): void {
    // A consumer may pause and resume from within `take`.
    if (this.#draining) return;
    this.#draining = true;
    let done = 0;
    for (; done < this.#held.length && !this.#paused && !this.#stopped; done++) {
      const message = this.#held[done];
      if (message) this.#handOn(message.sequence, message.data);
    }
    this.#held.splice(0, done);
    this.#draining = false;
    if (this.#mayAsk) this.#ask();
  }

  #handOn(sequence: number, data: Uint8Array): void {
    const { consumer, damaged, missed, seen } = this.#options;
    // The first one may come late on purpose: what was dropped before the consumer was made is not missed.
    if (sequence > this.#next && this.#next > 1) missed(sequence - this.#next);
    let records: readonly PositionedRecord[] = [];
    try {
      const decoded = decodeMessage(data, sequence, (source) => consumer.wants(source));
      seen(sequence, decoded.count);
      records = decoded.records;
    } catch (error) {
      damaged(sequence, error);
    }
    // It may begin in the middle of its first message.
    const from = records.findIndex(({ position }) => position > this.#position);
    if (from >= 0) consumer.take(from === 0 ? records : records.slice(from));
    this.#moveTo(sequence);
  }

  #moveTo(sequence: number): void {
    this.#next = Math.max(this.#next, sequence + 1);
    this.#position = Math.max(this.#position, lastPositionOf(sequence));
  }

  #tell(reason: string | undefined): void {
    if (this.#stopped || (reason === undefined && !this.#interrupted)) return;
    this.#interrupted = reason !== undefined;
    this.#consumer.interrupted?.(reason);
  }
}
