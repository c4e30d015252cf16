import type { DriverCode } from '../driver-codes.ts';
import type { Operation } from './client.ts';
import { type Answer, NOT_CONNECTED, PROTOCOL_ERROR, provesAlive } from './failure.ts';

/**
 * The requests of one physical link. Each unit has a lane of its own and one request in flight; lanes with work take turns, so
 * that a unit gets its share whatever the others do, and lanes with a write go first.
 *
 * A unit that let its last request time out is suspect: suspect units together hold at most half of the link's places, so that
 * however many are dead, the healthy ones keep the rest. On a serial bus there is one place, and a dead unit costs its time-out.
 */
export class RequestQueue {
  readonly #options: QueueOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #writable: Lane[] = [];
  readonly #readable: Lane[] = [];
  #link: Link | null = null;
  #inFlight = 0;
  #suspectsInFlight = 0;
  #nextSendAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Requests that wait or are in flight. */
  get depth(): number {
    let depth = this.#inFlight;
    for (const lane of this.#lanes.values()) depth += lane.writes.length + lane.reads.length;
    return depth;
  }

  attach(link: Link): void {
    this.#link = link;
    for (const lane of this.#lanes.values()) lane.suspect = false;
    this.#pump();
  }

  /** Everything that waits fails at once: nothing is kept for the next connection. */
  detach(): void {
    this.#link = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writable.length = 0;
    this.#readable.length = 0;
    for (const lane of this.#lanes.values()) {
      lane.listed = null;
      const waiting = [...lane.writes.splice(0), ...lane.reads.splice(0)];
      for (const job of waiting) job.done(NOT_CONNECTED);
    }
  }

  read(unit: number, job: Omit<Job, 'attempt'>): void {
    this.#enqueue(unit, 'reads', { ...job, attempt: 0 });
  }

  write(unit: number, job: Omit<Job, 'attempt'>): void {
    this.#enqueue(unit, 'writes', { ...job, attempt: 0 });
  }

  #enqueue(unit: number, kind: 'reads' | 'writes', job: Job): void {
    if (this.#link === null) {
      queueMicrotask(() => job.done(NOT_CONNECTED));
      return;
    }
    const lane = this.#lane(unit);
    if (lane[kind].length >= this.#options.laneCapacity) {
      queueMicrotask(() => job.done({ ok: false, kind: 'cancelled', code: 'queue_full' }));
      return;
    }
    lane[kind].push(job);
    this.#list(lane);
    this.#pump();
  }

  #lane(unit: number): Lane {
    let lane = this.#lanes.get(unit);
    if (lane === undefined) {
      lane = { unit, writes: [], reads: [], busy: false, suspect: false, listed: null };
      this.#lanes.set(unit, lane);
    }
    return lane;
  }

  /** Puts a lane with work at the end of its list. */
  #list(lane: Lane): void {
    if (lane.busy) return;
    const list = lane.writes.length > 0 ? this.#writable : lane.reads.length > 0 ? this.#readable : null;
    if (list === null || lane.listed === list) return;
    if (lane.listed !== null) lane.listed.splice(lane.listed.indexOf(lane), 1);
    list.push(lane);
    lane.listed = list;
  }

  #pump(): void {
    while (this.#link !== null && this.#inFlight < this.#options.maxInFlight) {
      const lane = this.#take(this.#writable) ?? this.#take(this.#readable);
      if (lane === null) return;
      const waitMs = this.#nextSendAtMs - performance.now();
      if (waitMs > 0) {
        // Back to the front: it has lost no turn.
        const list = lane.writes.length > 0 ? this.#writable : this.#readable;
        list.unshift(lane);
        lane.listed = list;
        this.#pumpLater(waitMs);
        return;
      }
      this.#send(this.#link, lane);
    }
  }

  #take(list: Lane[]): Lane | null {
    const suspectsMay = this.#suspectsInFlight < Math.max(1, this.#options.maxInFlight >> 1);
    for (let i = 0; i < list.length; i++) {
      const lane = list[i];
      if (lane === undefined || (lane.suspect && !suspectsMay)) continue;
      list.splice(i, 1);
      lane.listed = null;
      return lane;
    }
    return null;
  }

  #send(link: Link, lane: Lane): void {
    const kind = lane.writes.length > 0 ? 'writes' : 'reads';
    const job = lane[kind].shift();
    if (job === undefined) return;
    const refusal = job.refuse?.() ?? null;
    if (refusal !== null) {
      this.#list(lane);
      queueMicrotask(() => job.done({ ok: false, kind: 'cancelled', code: refusal }));
      return;
    }
    const wasSuspect = lane.suspect;
    const sentAtMs = performance.now();
    lane.busy = true;
    this.#inFlight++;
    if (wasSuspect) this.#suspectsInFlight++;
    link.send(lane.unit, job.operation, (answer) => {
      lane.busy = false;
      this.#inFlight--;
      if (wasSuspect) this.#suspectsInFlight--;
      this.#pause(answer);
      this.#options.onAnswer?.(answer, performance.now() - sentAtMs);
      this.#settle(lane, kind, job, answer);
      this.#list(lane);
      this.#pump();
    });
  }

  #settle(lane: Lane, kind: 'reads' | 'writes', job: Job, answer: Answer): void {
    const silent = !answer.ok && (answer.kind === 'timeout' || answer === PROTOCOL_ERROR);
    if (silent) {
      // A unit that is suspect already gets no further attempts: it is to cost one time-out, not three.
      const again = job.attempt < job.retries && !lane.suspect && this.#link !== null;
      if (again) {
        lane[kind].push({ ...job, attempt: job.attempt + 1 });
        return;
      }
      lane.suspect = true;
    } else if (provesAlive(answer)) {
      lane.suspect = false;
    }
    job.done(answer);
  }

  #pause(answer: Answer): void {
    const { sendIntervalMs, pauseAfterTimeoutMs } = this.#options;
    const pauseMs = answer.ok || answer.kind === 'exception' ? sendIntervalMs : sendIntervalMs + pauseAfterTimeoutMs;
    if (pauseMs > 0) this.#nextSendAtMs = performance.now() + pauseMs;
  }

  #pumpLater(waitMs: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, Math.ceil(waitMs));
  }
}

export interface QueueOptions {
  /** 1 on a serial bus, and wherever a pause between requests is wanted. */
  readonly maxInFlight: number;
  readonly sendIntervalMs: number;
  /** A late answer gets so long to pass before the bus is used again; serial only. */
  readonly pauseAfterTimeoutMs: number;
  /** Reads and writes each that may wait in a lane; one more fails with `queue_full`. */
  readonly laneCapacity: number;
  readonly onAnswer?: (answer: Answer, latencyMs: number) => void;
}

export interface Link {
  send(unit: number, operation: Operation, done: (answer: Answer) => void): void;
}

export interface Job {
  readonly operation: Operation;
  /** Further attempts after a time-out. Writes get none: they may have been carried out. */
  readonly retries: number;
  readonly attempt: number;
  /** Asked right before sending: a code drops the request unsent. */
  readonly refuse?: () => DriverCode | null;
  /** Once, with the answer to the last attempt. */
  readonly done: (answer: Answer) => void;
}

interface Lane {
  readonly unit: number;
  readonly writes: Job[];
  readonly reads: Job[];
  busy: boolean;
  suspect: boolean;
  /** The list it stands in, if any. */
  listed: Lane[] | null;
}
