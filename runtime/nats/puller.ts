import { AckPolicy, createInbox, DeliverPolicy, type Msg, nanos, ReplayPolicy, type Subscription } from 'nats';
import { z } from 'zod';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { NatsLink } from './connection.ts';

export interface PullerOptions {
  readonly link: NatsLink;
  readonly stream: string;
  /** First sequence that is wanted. */
  readonly from: number;
  /** In the order of the stream. @param pending messages of the stream behind this one */
  readonly message: (sequence: number, data: Uint8Array, pending: number) => void;
  /** What was asked for has come, or there is no more now: it can be asked again. */
  readonly answered: () => void;
  /** It delivers no more; another one has to be started after the last message. */
  readonly ended: (reason: string) => void;
}

export interface Asked {
  readonly messages: number;
  readonly bytes: number;
  /** Wait for messages to come, instead of an answer at once that there are none. */
  readonly wait: boolean;
}

const API = '$JS.API';
const HEARTBEAT_MS = 5000;
const EXPIRES_MS = 30_000;
const ANSWER_WITHIN_MS = 5000;
/** The server forgets a consumer that nobody asks. */
const INACTIVE_MS = 60_000;

const Created = z.object({ name: z.string(), num_pending: z.number() });

/**
 * Reads a stream from a sequence on through a consumer of its own that lives in the server's memory, batch by batch as it is
 * asked. The server numbers what it delivers: whatever does not fit, a gap, a repetition, silence, ends the puller, and the
 * owner starts another one from the message that it had last. So nothing of the consumer has to survive anything.
 */
export class Puller {
  readonly #options: PullerOptions;
  readonly #inbox = createInbox();
  readonly #answers: Subscription;
  readonly #watch: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #name = '';
  #pending = 0;
  #delivered = 0;
  #asked = 0;
  #left = 0;
  #messages = 0;
  #wait = false;
  #heardMs = 0;
  #closed = false;

  private constructor(options: PullerOptions) {
    this.#options = options;
    this.#answers = options.link.connection.subscribe(`${this.#inbox}.*`, {
      callback: (_error, message) => this.#receive(message),
    });
    this.#watch = setInterval(() => this.#listen(), HEARTBEAT_MS / 2).unref();
    this.#unsubscribe = options.link.onChange(({ state }) => {
      if (state !== 'connected') this.#end('the connection to NATS was lost');
    });
  }

  static async start(options: PullerOptions): Promise<Puller> {
    const { link, stream, from } = options;
    const puller = new Puller(options);
    try {
      const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_WITHIN_MS });
      const consumer = await manager.consumers.add(stream, {
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: from,
        ack_policy: AckPolicy.None,
        replay_policy: ReplayPolicy.Instant,
        inactive_threshold: nanos(INACTIVE_MS),
        mem_storage: true,
        num_replicas: 1,
      });
      const { name, num_pending } = Created.parse(consumer);
      puller.#name = name;
      puller.#pending = num_pending;
      return puller;
    } catch (error) {
      puller.close();
      throw error;
    }
  }

  /** Messages of the stream that it has not delivered yet, as of when it was started. */
  get pendingAtStart(): number {
    return this.#pending;
  }

  /** It has ended, or was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** One request at a time. */
  ask({ messages, bytes, wait }: Asked): void {
    if (this.#closed) return;
    const { connection } = this.#options.link;
    this.#asked++;
    this.#left = this.#messages = messages;
    this.#wait = wait;
    this.#heardMs = performance.now();
    const request = {
      batch: messages,
      max_bytes: bytes,
      ...(wait ? { expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) } : { no_wait: true }),
    };
    try {
      connection.publish(`${API}.CONSUMER.MSG.NEXT.${this.#options.stream}.${this.#name}`, JSON.stringify(request), {
        reply: `${this.#inbox}.${this.#asked}`,
      });
    } catch (error) {
      this.#end(messageOf(error));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    this.#unsubscribe();
    const { link, stream } = this.#options;
    if (link.connection.isClosed()) return;
    this.#answers.unsubscribe();
    // If this is lost, the server forgets the consumer by itself.
    if (this.#name !== '' && link.connected) link.connection.publish(`${API}.CONSUMER.DELETE.${stream}.${this.#name}`);
  }

  #receive(message: Msg): void {
    if (this.#closed) return;
    this.#heardMs = performance.now();
    const status = message.headers?.code ?? 0;
    if (status !== 0) {
      this.#told(status, message);
      return;
    }
    const place = message.reply === undefined ? undefined : placeOf(message.reply);
    if (!place) return;
    if (place.delivery !== this.#delivered + 1) {
      this.#end(`message ${place.delivery} of the consumer came after ${this.#delivered}`);
      return;
    }
    this.#delivered = place.delivery;
    this.#left--;
    this.#options.message(place.sequence, message.data, place.pending);
    if (this.#closed) return;
    // The end of the stream for whoever does not wait.
    if (this.#left === 0 || (!this.#wait && place.pending === 0)) this.#answeredOnce();
  }

  #told(status: number, message: Msg): void {
    // A sign of life.
    if (status === 100) return;
    if (status === 503) {
      this.#end('the consumer has gone');
      return;
    }
    // Of a request that was answered already.
    if (!message.subject.endsWith(`.${this.#asked}`) || this.#left === 0) return;
    const text = message.headers?.description ?? '';
    // 404 no messages, 408 time is up, 409 the batch has its bytes: ask again. Any other 409 is the end of the consumer.
    const full = /max_?bytes|batch completed/i.test(text) && this.#left < this.#messages;
    if (status === 404 || status === 408 || full) this.#answeredOnce();
    else this.#end(`${text} (${status})`);
  }

  #answeredOnce(): void {
    this.#left = 0;
    this.#options.answered();
  }

  #listen(): void {
    if (this.#left === 0) return;
    const allowedMs = this.#wait ? 2 * HEARTBEAT_MS + 1000 : ANSWER_WITHIN_MS;
    if (performance.now() - this.#heardMs > allowedMs)
      this.#end(`no sign of life for ${Math.round(allowedMs / 1000)} s`);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#options.ended(reason);
  }
}

/**
 * Where a message stands, from the subject for its acknowledgement:
 * `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<delivery>.<time>.<pending>`, with two more words before the stream and one
 * behind since JetStream has domains.
 */
function placeOf(
  reply: string,
): { readonly sequence: number; readonly delivery: number; readonly pending: number } | undefined {
  const words = reply.split('.');
  if (words[0] !== '$JS' || words[1] !== 'ACK') return undefined;
  const at = words.length === 9 ? 5 : 7;
  const [sequence, delivery, pending] = [Number(words[at]), Number(words[at + 1]), Number(words[at + 3])];
  return [sequence, delivery, pending].every(Number.isSafeInteger) ? { sequence, delivery, pending } : undefined;
}

/** A read that the log did not answer. */
export function unread(reason: string, cause?: unknown): ErrorWithCode {
  return new ErrorWithCode('LOG_READ_FAILED', `The telemetry log cannot be read: ${reason}`, { cause });
}
