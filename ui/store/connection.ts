import type { ClientFrame, Item, ServerFrame, WireEvent } from '../../gateways/websocket/protocol.ts';
import { backoffMs } from './backoff.ts';
import type { ServerClock } from './clock.ts';
import { frameText, parseFrame } from './frames.ts';
import { Signal } from './signal.ts';

/** With a heartbeat each second: so long without any frame and the page is blind. The banner must stand within 3 s. */
const BLIND_AFTER_MS = 2500;
/** So long and the socket itself is given up. */
const DEAD_AFTER_MS = 6000;
const HELLO_TIMEOUT_MS = 5000;
const WATCH_INTERVAL_MS = 200;
const COMMAND_TIMEOUT_MS = 15_000;
/** What is on its way to another node is there within a few seconds. */
const ASK_AGAIN_MS = 1000;

export type Hello = Extract<ServerFrame, { op: 'hello' }>;
export type Heartbeat = Extract<ServerFrame, { op: 'heartbeat' }>;
type SubscribeFrame = Extract<ClientFrame, { op: 'subscribe' }>;

export type Link =
  /** Not a word from the server yet; `overdue` once that takes too long to be a start. */
  | { readonly kind: 'connecting'; readonly overdue: boolean }
  | { readonly kind: 'live' }
  /** `lastHeardMs` is the server's time; `retryAtMs` is this page's monotonic time, null while an attempt is under way. */
  | {
      readonly kind: 'lost';
      readonly lastHeardMs: number;
      readonly lostAtMonotonicMs: number;
      readonly retryAtMs: number | null;
    }
  /** No valid session: the page asks for a token. */
  | { readonly kind: 'denied' };

export type Outcome =
  | { readonly ok: true; readonly result: unknown; readonly repeated: boolean }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly field?: string };

export interface Interest {
  readonly topic: SubscribeFrame['topic'];
  readonly filter?: Partial<SubscribeFrame['filter']>;
  readonly fields?: string[];
  readonly onSnapshot: (items: readonly unknown[], token: string) => void;
  readonly onDelta?: (items: readonly Item[]) => void;
  readonly onEvents?: (events: readonly WireEvent[]) => void;
  /** The server has another journal than the one whose events were taken so far; a snapshot of it follows. */
  readonly onOtherJournal?: () => void;
  readonly onError?: (code: string, message: string) => void;
}

interface Subscription extends Interest {
  readonly sub: string;
  /** Parts of a snapshot that is not complete yet. */
  parts: unknown[];
  /** Of the last event taken, or of the snapshot. */
  token: string | undefined;
}

interface Pending {
  readonly text: string;
  readonly settle: (outcome: Outcome) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export interface ConnectionHost {
  readonly url: string;
  readonly clock: ServerClock;
  /** Asked when the server closes before it said hello: a refused session is not worth another attempt. */
  readonly sessionValid: () => Promise<boolean | 'unknown'>;
  /** Pause before the next attempt to connect, in ms, from how many failed before it. */
  readonly pauseMs?: (attempt: number) => number;
}

/**
 * The one WebSocket of the page. It reconnects for ever with back-off, subscribes again with the token of the last event each
 * subscription has, sends commands that had no answer again under the same id, and notices within 2.5 s when the server falls
 * silent on a socket that still looks open.
 */
export class Connection {
  readonly link = new Signal<Link>({ kind: 'connecting', overdue: false });
  readonly hello = new Signal<Hello | null>(null);
  readonly heartbeat = new Signal<Heartbeat | null>(null);
  readonly #host: ConnectionHost;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #pending = new Map<string, Pending>();
  #socket: WebSocket | null = null;
  #attempt = 0;
  #nextSub = 1;
  #lastSeq: number | null = null;
  #lastFrameMonotonicMs = 0;
  #openedMonotonicMs = 0;
  readonly #startedMonotonicMs = performance.now();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(host: ConnectionHost) {
    this.#host = host;
  }

  start(): void {
    this.#watch ??= setInterval(() => this.#checkSilence(), WATCH_INTERVAL_MS);
    this.#open();
  }

  close(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    this.#watch = undefined;
    this.#abandon();
  }

  /** Returns the unsubscribe. */
  subscribe(interest: Interest): () => void {
    const sub = String(this.#nextSub++);
    const subscription: Subscription = { ...interest, sub, parts: [], token: undefined };
    this.#subscriptions.set(sub, subscription);
    this.#sendSubscribe(subscription);
    return () => {
      this.#subscriptions.delete(sub);
      this.#send({ op: 'unsubscribe', sub });
    };
  }

  /**
   * Never rejects; without a link it is refused at once, never kept for later.
   *
   * @param id the same for a repeat, which learns what became of the first
   */
  command(entity: string, command: Record<string, unknown>, id = newCommandId()): Promise<Outcome> {
    if (this.link.value.kind !== 'live') {
      return Promise.resolve({ ok: false, code: 'NO_LINK', message: 'No connection to the server. Nothing was sent.' });
    }
    const text = frameText({ op: 'command', id, entity, command });
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(outcome);
      };
      const timer = setTimeout(
        () =>
          settle({ ok: false, code: 'NO_ANSWER', message: 'No answer in 15 s. It may have been carried out: check.' }),
        COMMAND_TIMEOUT_MS,
      );
      this.#pending.set(id, { text, settle, timer });
      this.#socket?.send(text);
    });
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (this.link.value.kind === 'lost') this.link.value = { ...this.link.value, retryAtMs: null };
    const socket = new WebSocket(this.#host.url);
    this.#socket = socket;
    this.#lastSeq = null;
    this.#openedMonotonicMs = performance.now();
    this.#lastFrameMonotonicMs = this.#openedMonotonicMs;
    socket.onmessage = (message) => {
      if (socket === this.#socket && typeof message.data === 'string') this.#take(message.data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) void this.#closed();
    };
  }

  async #closed(): Promise<void> {
    const refused = this.#lastSeq === null;
    this.#abandon();
    this.#lose();
    if (refused && (await this.#host.sessionValid()) === false) {
      this.link.value = { kind: 'denied' };
      return;
    }
    const { pauseMs = backoffMs } = this.#host;
    const delay = pauseMs(this.#attempt++);
    if (this.link.value.kind === 'lost') {
      this.link.value = { ...this.link.value, retryAtMs: performance.now() + delay };
    }
    clearTimeout(this.#retry);
    if (this.#watch !== undefined) this.#retry = setTimeout(() => this.#open(), delay);
  }

  #take(text: string): void {
    const frame = parseFrame(text);
    if (frame === null || (this.#lastSeq === null ? frame.op !== 'hello' : frame.seq !== this.#lastSeq + 1)) {
      // A hole in the sequence means that something was lost: only a new snapshot makes the page true again.
      void this.#closed();
      return;
    }
    this.#lastSeq = frame.seq;
    this.#lastFrameMonotonicMs = performance.now();
    if (this.link.value.kind === 'lost' && this.hello.value !== null && frame.op !== 'hello') this.#recover();
    this.#dispatch(frame);
  }

  #dispatch(frame: ServerFrame): void {
    switch (frame.op) {
      case 'hello':
        this.#welcome(frame);
        return;
      case 'heartbeat':
        this.#host.clock.sample(frame.timeMs);
        this.heartbeat.value = frame;
        return;
      case 'reply': {
        const { op: _op, seq: _seq, id, ...outcome } = frame;
        this.#pending.get(id)?.settle(outcome);
        return;
      }
      case 'snapshot':
        this.#takeSnapshot(frame);
        return;
      case 'delta':
        this.#subscriptions.get(frame.sub)?.onDelta?.(frame.items);
        return;
      case 'event': {
        const subscription = this.#subscriptions.get(frame.sub);
        const last = frame.events.at(-1);
        if (subscription === undefined || last === undefined) return;
        subscription.token = last.token;
        subscription.onEvents?.(frame.events);
        return;
      }
      case 'error':
        this.#refused(frame);
        return;
      case 'pong':
        return;
    }
  }

  #refused(frame: Extract<ServerFrame, { op: 'error' }>): void {
    const subscription = frame.sub === undefined ? undefined : this.#subscriptions.get(frame.sub);
    if (subscription === undefined) return;
    if (frame.code === 'BAD_RESUME' && subscription.token !== undefined) {
      // Another journal than before (a restored or a new server): begin anew.
      subscription.token = undefined;
      subscription.onOtherJournal?.();
      this.#sendSubscribe(subscription);
    } else if (frame.code === 'UNAVAILABLE') {
      // On its way from one node to another: what is on the page stays, and is asked for again.
      subscription.onError?.(frame.code, frame.message);
      setTimeout(() => {
        if (this.#subscriptions.get(subscription.sub) === subscription) this.#sendSubscribe(subscription);
      }, ASK_AGAIN_MS);
    } else subscription.onError?.(frame.code, frame.message);
  }

  #welcome(frame: Hello): void {
    this.#attempt = 0;
    this.#host.clock.restart(frame.timeMs);
    this.hello.value = frame;
    this.link.value = { kind: 'live' };
    for (const subscription of this.#subscriptions.values()) this.#sendSubscribe(subscription);
    for (const pending of this.#pending.values()) this.#socket?.send(pending.text);
  }

  #takeSnapshot(frame: Extract<ServerFrame, { op: 'snapshot' }>): void {
    const subscription = this.#subscriptions.get(frame.sub);
    if (subscription === undefined) return;
    subscription.parts.push(...frame.items);
    if (frame.more) return;
    const items = subscription.parts;
    subscription.parts = [];
    // While resuming, the repeated events come after the snapshot and move the token on by themselves.
    subscription.token ??= frame.token;
    subscription.onSnapshot(items, frame.token);
  }

  #sendSubscribe(subscription: Subscription): void {
    subscription.parts = [];
    const { sub, topic, fields, token } = subscription;
    const resumes = topic === 'alarms' || topic === 'events';
    this.#send({
      op: 'subscribe',
      sub,
      topic,
      filter: subscription.filter ?? {},
      ...(fields === undefined ? {} : { fields }),
      ...(resumes && token !== undefined ? { resume: token } : {}),
    });
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#lastSeq !== null) this.#socket.send(frameText(frame));
  }

  #checkSilence(): void {
    const now = performance.now();
    const silentMs = now - this.#lastFrameMonotonicMs;
    const link = this.link.value;
    if (link.kind === 'live' && silentMs > BLIND_AFTER_MS) this.#lose();
    if (link.kind === 'connecting' && !link.overdue && now - this.#startedMonotonicMs > BLIND_AFTER_MS) {
      this.link.value = { kind: 'connecting', overdue: true };
    }
    if (this.#socket === null) return;
    const helloOverdue = this.#lastSeq === null && now - this.#openedMonotonicMs > HELLO_TIMEOUT_MS;
    if (helloOverdue || silentMs > DEAD_AFTER_MS) void this.#closed();
  }

  #lose(): void {
    if (this.link.value.kind !== 'live') return;
    const lastHeardMs = this.#host.clock.at(this.#lastFrameMonotonicMs);
    this.#host.clock.stop(lastHeardMs);
    this.link.value = {
      kind: 'lost',
      lastHeardMs,
      lostAtMonotonicMs: this.#lastFrameMonotonicMs,
      retryAtMs: null,
    };
  }

  /** The same socket speaks again: TCP kept the order, so nothing is missing. */
  #recover(): void {
    this.#host.clock.resume();
    this.link.value = { kind: 'live' };
  }

  #abandon(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** Random and never repeated; `crypto.randomUUID` is missing on pages that came over plain HTTP from another host. */
export function newCommandId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `wall-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
