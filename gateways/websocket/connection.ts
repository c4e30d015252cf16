import type { WebSocket } from 'uWebSockets.js';
import type { Interest } from '../../runtime/live-bus.ts';
import type { Identity } from '../auth/authenticator.ts';
import { RateLimit } from '../auth/rate-limit.ts';
import { utf8 } from '../utf8.ts';
import type { EventFeed } from './event-lane.ts';
import type { Outlet } from './outlet.ts';
import { MAX_FRAMES_PER_MINUTE } from './push-contract.ts';
import type { ValueFeed } from './value-lane.ts';

/** More waiting than this and a client counts as congested: lanes leave it alone until it has drained. */
export const CONGESTED_BYTES = 64 * 1024;
/** A client that goes on asking while it does not read its answers. */
const DEAF_BYTES = 1024 * 1024;
/** A congested client whose socket takes nothing for so many heartbeats is gone. */
const STALLED_BEATS = 30;

/** What a socket is opened with; uWebSockets.js carries it along. */
export interface SocketData {
  readonly identity: Identity;
  readonly address: string;
  connection: Connection | undefined;
}

/** What is used of a WebSocket. */
export type Socket = Pick<WebSocket<SocketData>, 'getUserData' | 'getBufferedAmount' | 'send' | 'end' | 'close'>;

/** A subscription of this client: a walk of its own for a snapshot of alarms, a feed of values or a feed of events. */
export interface ActiveSubscription {
  /** What of other nodes it looks at, for as long as it lasts. */
  readonly interest: Interest;
  values?: ValueFeed;
  events?: EventFeed;
  /** Snapshot that has to be out before the events begin. */
  snapshot?: { step(outlet: Outlet): 'done' | 'congested' | 'more' } | undefined;
}

/** One client: numbers its frames, knows when it is congested, holds its subscriptions. */
export class Connection implements Outlet {
  readonly identity: Identity;
  readonly address: string;
  readonly subscriptions = new Map<string, ActiveSubscription>();
  /** Subscriptions that wait until what they are about is shown, each of its own attempt. */
  readonly awaited = new Map<string, symbol>();
  commandsInFlight = 0;
  errors = 0;
  frames = 0;
  readonly #rate = new RateLimit(MAX_FRAMES_PER_MINUTE);
  readonly #ws: Socket;
  #seq = 0;
  #closed = false;
  #pumpQueued = false;
  #lastServed: string | undefined;
  #stalledBeats = 0;
  #lastBuffered = 0;

  constructor(ws: Socket) {
    this.#ws = ws;
    const data = ws.getUserData();
    this.identity = data.identity;
    this.address = data.address;
  }

  get tokenId(): string {
    return this.identity.tokenId;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get congested(): boolean {
    return this.#closed || this.#ws.getBufferedAmount() > CONGESTED_BYTES;
  }

  get deaf(): boolean {
    return !this.#closed && this.#ws.getBufferedAmount() > DEAF_BYTES;
  }

  /** Counts a frame that came in. */
  exceedsRate(nowMs: number): boolean {
    return this.#rate.take('frames', nowMs) > 0;
  }

  frame(head: string, body?: Uint8Array): void {
    if (this.#closed) return;
    this.frames++;
    const start = `{"seq":${++this.#seq},${head}`;
    if (body === undefined) this.#ws.send(utf8(`${start}}`));
    else this.#ws.send(joined(start, body));
  }

  /** A frame of plain members; small. */
  json(members: object): void {
    this.frame(JSON.stringify(members).slice(1, -1));
  }

  /**
   * Goes on with whatever waits: snapshots first, then the events after them. It begins with the subscription after the one
   * that was served last, so that those in front cannot keep the others waiting for ever.
   */
  pump(): void {
    for (const [sub, subscription] of this.#inTurn()) {
      if (this.congested) return;
      this.#lastServed = sub;
      subscription.values?.pump();
      if (subscription.snapshot !== undefined) {
        const outcome = subscription.snapshot.step(this);
        if (outcome === 'more') this.#pumpSoon();
        if (outcome !== 'done') continue;
        subscription.snapshot = undefined;
      }
      subscription.events?.pump();
    }
  }

  #inTurn(): [string, ActiveSubscription][] {
    const all = [...this.subscriptions];
    const next = all.findIndex(([sub]) => sub === this.#lastServed) + 1;
    return [...all.slice(next), ...all.slice(0, next)];
  }

  unsubscribe(sub: string): boolean {
    const subscription = this.subscriptions.get(sub);
    subscription?.interest.release();
    subscription?.values?.close();
    subscription?.events?.close();
    const wasAwaited = this.awaited.delete(sub);
    return this.subscriptions.delete(sub) || wasAwaited;
  }

  /** Called each heartbeat. False: the socket has taken nothing for a long time. */
  isAlive(): boolean {
    const buffered = this.#ws.getBufferedAmount();
    this.#stalledBeats = buffered > 0 && buffered >= this.#lastBuffered ? this.#stalledBeats + 1 : 0;
    this.#lastBuffered = buffered;
    return this.#stalledBeats < STALLED_BEATS;
  }

  /** With a close frame, for whoever still reads. */
  end(code: number, reason: string): void {
    if (!this.#closed) this.#ws.end(code, reason);
  }

  /** Without any: its buffer is full anyway. */
  drop(): void {
    if (!this.#closed) this.#ws.close();
  }

  /** The socket is gone: nothing may touch it any more. */
  gone(): void {
    this.#closed = true;
    this.awaited.clear();
    for (const sub of [...this.subscriptions.keys()]) this.unsubscribe(sub);
  }

  #pumpSoon(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    setImmediate(() => {
      this.#pumpQueued = false;
      this.pump();
    });
  }
}

let scratch = Buffer.allocUnsafe(256 * 1024);

/** The frame in a buffer that is used again for the next one: the socket copies what it cannot write at once. */
function joined(start: string, body: Uint8Array): Uint8Array {
  const most = start.length * 3 + body.length + 1;
  if (scratch.length < most) scratch = Buffer.allocUnsafe(most * 2);
  const length = scratch.write(start);
  scratch.set(body, length);
  scratch[length + body.length] = 0x7d;
  return scratch.subarray(0, length + body.length + 1);
}
