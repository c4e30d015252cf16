import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { pack, unpack } from 'msgpackr';
import { ErrorCode, type Msg } from 'nats';
import { z } from 'zod';
import { type CellLink, CORE } from '../edge/cell-link.ts';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { LinkState } from '../link.ts';
import { NatsLink, type NatsSettings } from './connection.ts';

export interface NatsCellLinkOptions extends Omit<NatsSettings, 'startTimeoutMs' | 'inboxPrefix'> {
  readonly cell: string;
  /** Subjects begin with it. */
  readonly prefix: string;
}

const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
const LISTEN_AGAIN_MS = 10_000;
const TOO_LARGE = 'LINK_MESSAGE_TOO_LARGE';
const COMPRESS_FROM_BYTES = 1024;
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
const PLAIN = 0;
const COMPRESSED = 1;

const Answer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), retryable: z.boolean() }),
]);

type Serve = (body: unknown, from: string) => unknown;

/**
 * Messages between cells over one NATS connection that is made from here: `<prefix>.cells.<to>.<from>.<ask|tell>.<what>`. Who
 * sends stands in the subject, so that the permissions of a NATS user hold an edge to its own name. A server that is not there
 * keeps nobody from starting: it is tried for ever, with a pause that grows to half a minute.
 */
export class NatsCellLink implements CellLink {
  readonly cell: string;
  readonly #options: NatsCellLinkOptions;
  readonly #serving = new Map<string, Serve>();
  readonly #listeners = new Set<(state: LinkState) => void>();
  readonly #connected: (link: NatsLink) => void;
  /** Subjects that its user may not listen to, and how to try it again. */
  readonly #denied = new Map<string, () => void>();
  #state: LinkState = { connected: false, detail: 'not started', sinceMs: Date.now() };
  #link: NatsLink | undefined;
  #again: NodeJS.Timeout | undefined;
  #listening: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param connected called once, with the connection that all else over it may use */
  constructor(options: NatsCellLinkOptions, connected: (link: NatsLink) => void = () => undefined) {
    this.cell = options.cell;
    this.#options = options;
    this.#connected = connected;
  }

  get state(): LinkState {
    if (this.#denied.size === 0) return this.#state;
    const subjects = [...this.#denied.keys()].join(', ');
    return { ...this.#state, trouble: `NATS does not let its user listen to ${subjects}: no command comes through` };
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Begins to connect and returns at once. */
  async start(): Promise<void> {
    void this.#connect(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#again);
    clearTimeout(this.#listening);
    await this.#link?.close();
    this.#become(false, 'stopped');
  }

  /** Before `start`. */
  serve(what: string, answer: Serve): void {
    this.#serving.set(what, answer);
  }

  async request(cell: string, what: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const link = this.#link;
    if (!link?.connected) throw new ErrorWithCode('NODE_UNREACHABLE', this.#state.detail);
    let message: Msg;
    try {
      message = await link.connection.request(this.#subject(cell, 'ask', what), encode(body), { timeout: timeoutMs });
    } catch (error) {
      // Nobody listens there: it certainly did not arrive.
      if (codeOf(error) === ErrorCode.NoResponders)
        throw new ErrorWithCode('NODE_UNREACHABLE', `no node of the cell ${cell} is linked`, { cause: error });
      if (codeOf(error) === ErrorCode.MaxPayloadExceeded)
        throw new ErrorWithCode(TOO_LARGE, `what ${cell} is asked is larger than NATS takes`, { cause: error });
      throw new ErrorWithCode('LINK_TIMEOUT', `no answer from the cell ${cell}: ${messageOf(error)}`, { cause: error });
    }
    const answer = Answer.parse(decode(message.data));
    if (answer.ok) return answer.value;
    throw new ErrorWithCode(answer.code, answer.message, { retryable: answer.retryable });
  }

  tell(cell: string, what: string, body: unknown): void {
    if (!this.#link?.connected) return;
    try {
      this.#link.connection.publish(this.#subject(cell, 'tell', what), encode(body));
    } catch {
      // Lost, as anything that is told may be.
    }
  }

  #subject(to: string, how: 'ask' | 'tell', what: string): string {
    return `${this.#options.prefix}.cells.${to}.${this.cell}.${how}.${what}`;
  }

  async #connect(attempt: number): Promise<void> {
    // Of its own for each edge, so that permissions keep one from hearing what another is answered.
    const inboxPrefix = this.cell === CORE ? undefined : `_INBOX.${this.cell}`;
    const settings = { ...this.#options, inboxPrefix, startTimeoutMs: 0 };
    try {
      const link = await NatsLink.open(settings);
      if (this.#stopped) {
        await link.close();
        return;
      }
      this.#link = link;
      this.#subscribe(link);
      link.onChange(({ state }) => {
        this.#become(state === 'connected', link.trouble ?? link.servers);
        if (state === 'connected') this.#listenAgain(link);
      });
      this.#connected(link);
      this.#become(true, link.servers);
    } catch (error) {
      if (this.#stopped) return;
      this.#become(false, messageOf(error));
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
      this.#again = setTimeout(() => void this.#connect(attempt + 1), pauseMs);
    }
  }

  #subscribe(link: NatsLink): void {
    const mine = `${this.#options.prefix}.cells.${this.cell}.*`;
    this.#listen(link, `${mine}.ask.*`, this.cell, (message) => void this.#answer(message));
    this.#listen(link, `${mine}.tell.*`, undefined, (message) => void this.#take(message).catch(() => undefined));
  }

  #listen(link: NatsLink, subject: string, queue: string | undefined, take: (message: Msg) => void): void {
    link.connection.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error === null) take(message);
        // The client has given the subscription up, and would not ask for it anew by itself.
        else if (codeOf(error) === ErrorCode.PermissionsViolation) {
          this.#denied.set(subject, () => this.#listen(link, subject, queue, take));
          clearTimeout(this.#listening);
          if (!this.#stopped) this.#listening = setTimeout(() => this.#listenAgain(link), LISTEN_AGAIN_MS);
        }
      },
    });
  }

  /** What was not allowed before may be allowed by now, over the same connection or another. */
  #listenAgain(link: NatsLink): void {
    const again = [...this.#denied.values()];
    this.#denied.clear();
    if (link.connected) for (const listen of again) listen();
  }

  async #answer(message: Msg): Promise<void> {
    let answer: z.infer<typeof Answer>;
    try {
      answer = { ok: true, value: (await this.#take(message)) ?? null };
    } catch (error) {
      const retryable = error instanceof ErrorWithCode ? error.retryable : true;
      answer = { ok: false, code: codeOf(error) ?? 'FAILED', message: messageOf(error), retryable };
    }
    if (!this.#link?.connected) return;
    // Nobody waits for this promise: what it rejected with would end the process.
    try {
      message.respond(encode(answer));
    } catch (error) {
      // Closed meanwhile: an answer may be lost like anything else.
      if (codeOf(error) !== ErrorCode.MaxPayloadExceeded) return;
      const text = `what ${this.cell} answers is larger than NATS takes`;
      message.respond(encode({ ok: false, code: TOO_LARGE, message: text, retryable: true } satisfies typeof answer));
    }
  }

  async #take({ subject, data }: Msg): Promise<unknown> {
    const words = subject.split('.');
    const [what = '', , from = ''] = words.reverse();
    const serve = this.#serving.get(what);
    if (!serve) throw new ErrorWithCode('NOT_SERVED', `this cell does not answer ${what}`);
    return serve(decode(data), from);
  }

  #become(connected: boolean, detail: string): void {
    const changed = connected !== this.#state.connected;
    this.#state = { connected, detail, sinceMs: changed ? Date.now() : this.#state.sinceMs };
    if (changed) for (const listener of this.#listeners) listener(this.#state);
  }
}

function encode(body: unknown): Uint8Array {
  const packed = pack(body ?? null);
  const compress = packed.byteLength >= COMPRESS_FROM_BYTES;
  const content = compress ? deflateRawSync(packed, { level: 1 }) : packed;
  const message = new Uint8Array(1 + content.byteLength);
  message[0] = compress ? COMPRESSED : PLAIN;
  message.set(content, 1);
  return message;
}

function decode(message: Uint8Array): unknown {
  const content = message.subarray(1);
  return unpack(message[0] === COMPRESSED ? inflateRawSync(content, { maxOutputLength: MAX_INFLATED_BYTES }) : content);
}
