import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { RateLimit } from './rate-limit.ts';

/** How far the centre has what a lane carries. */
export interface Place {
  readonly position: number;
}

export interface Batch {
  readonly bytes: number;
  /** When the first and the last of it were written here, by our own clock. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** More waits behind it. */
  readonly full: boolean;
}

/** What waits here for the centre. */
export interface Backlog {
  /** Records, or events. */
  readonly left: number;
  /** When the oldest of it was written, by our own clock; null: nothing waits. */
  readonly oldestMs: number | null;
}

/** One ordered history that is kept here and copied to the centre. */
export interface Lane<At extends Place, Of extends Batch> {
  /** How far the centre was when it was last kept here; undefined: nobody knows. What it says itself counts more. */
  recall(): Promise<number | undefined>;
  /** Keeps that for the next start. */
  remember(position: number): Promise<void>;
  /** What comes after a position, found without the centre. */
  backlog(afterPosition: number): Promise<Backlog>;
  /** Asks the centre how far it is. */
  learn(): Promise<At>;
  /** What comes after a position, as much as goes in one message; undefined at the end. */
  read(afterPosition: number): Promise<Of | undefined>;
  /**
   * Resolves when the centre has the batch for good, with where it is then. Stores nothing and rejects where the centre is
   * not at `at`: then it has something already, or lacks something.
   * @param late kept back by a cut: history, from which nothing live may follow
   */
  send(at: At, batch: Of, late: boolean): Promise<At>;
}

export interface ForwarderOptions {
  /** Of what comes late; what is live passes freely. */
  readonly limit: RateLimit;
  /** Of a lane that gives way to this one: what goes late here is taken from that, too, and not waited for. */
  readonly alsoFrom?: RateLimit;
  readonly now?: () => number;
  readonly random?: () => number;
  /** A batch whose newest part is older is late. Default 10,000. */
  readonly lateAfterMs?: number;
  /** Shortest time between two batches that are not full, so that live data gathers. Default 100. */
  readonly gatherMs?: number;
  readonly minPauseMs?: number;
  readonly maxPauseMs?: number;
}

export interface Forwarding {
  readonly state: 'unlinked' | 'learning' | 'catching_up' | 'live' | 'failing';
  /** The centre has everything up to here, as it said last; undefined while that is not known. */
  readonly position: number | undefined;
  /** How many the centre lacks, as of a second ago; undefined while that is not known. */
  readonly left: number | undefined;
  /** When the oldest of what the centre lacks was written; null: it lacks nothing; undefined: nobody knows. */
  readonly oldestMs: number | null | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

const DEFAULTS = { lateAfterMs: 10_000, gatherMs: 100, minPauseMs: 250, maxPauseMs: 15_000 };
/** Where trying again cannot help by itself, somebody may have mended it meanwhile. */
const HOPELESS_PAUSE_MS = 60_000;
/** Somebody may have forgotten to say that there is more. */
const LOOK_EVERY_MS = 1000;
const STOP_WITHIN_MS = 1000;
/** What the centre has moves ten times a second, and is kept for a start without it, of which some seconds are enough. */
const REMEMBER_EVERY_MS = 30_000;

/**
 * Carries a lane to the centre in order, each part once, over any number of cuts. One batch is on its way at a time. Whatever
 * becomes of it that is not a clear yes, an error, silence, a cut, the centre is asked anew where it is: only it knows what
 * has arrived, so there is nothing here to remember and to get wrong.
 */
export class Forwarder<At extends Place, Of extends Batch> {
  readonly #lane: Lane<At, Of>;
  readonly #options: Required<Omit<ForwarderOptions, 'alsoFrom'>> & Pick<ForwarderOptions, 'alsoFrom'>;
  readonly #running: Promise<void>;
  readonly #lookTimer: NodeJS.Timeout;
  #at: At | undefined;
  #known: number | undefined;
  #left: number | undefined;
  #oldestMs: number | null | undefined;
  /** When something was added that the last reading may not have seen. */
  #addedMs: number | null = null;
  #remembered: number | undefined;
  #rememberedMs = Number.NEGATIVE_INFINITY;
  #looking = false;
  #error: Forwarding['error'];
  #linked = false;
  #catchingUp = false;
  #stopped = false;
  #grown = false;
  #wake: (() => void) | undefined;
  /** Wakes only for the link and the end, not for more to send. */
  #interrupt: (() => void) | undefined;

  constructor(lane: Lane<At, Of>, options: ForwarderOptions) {
    this.#lane = lane;
    this.#options = { ...DEFAULTS, now: Date.now, random: Math.random, ...options };
    this.#running = this.#run();
    this.#lookTimer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    void this.#look();
  }

  get status(): Forwarding {
    const state = !this.#linked
      ? 'unlinked'
      : this.#error !== undefined
        ? 'failing'
        : this.#at === undefined
          ? 'learning'
          : this.#catchingUp
            ? 'catching_up'
            : 'live';
    return { state, position: this.#known, left: this.#left, oldestMs: this.#oldestMs, error: this.#error };
  }

  /** Something was added to what it carries. */
  grown(): void {
    this.#grown = true;
    this.#addedMs ??= this.#options.now();
    if (this.#oldestMs === null) this.#oldestMs = this.#addedMs;
    this.#wake?.();
  }

  link(up: boolean): void {
    if (this.#linked === up) return;
    this.#linked = up;
    // What was on its way when the link was cut is known to the centre alone.
    this.#at = undefined;
    this.#error = undefined;
    this.#interrupt?.();
    this.#wake?.();
    if (!up) void this.#remember();
  }

  /** The centre has come back: what waits for its next attempt does not wait any longer. */
  retry(): void {
    this.#interrupt?.();
  }

  /** A batch that is on its way is waited for, but not for long: what became of it the next start learns as after a cut. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#lookTimer);
    this.#interrupt?.();
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_WITHIN_MS);
    });
    await Promise.race([this.#running.then(() => this.#remember()), patience]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    let attempts = 0;
    while (!this.#stopped) {
      if (!this.#linked) {
        await this.#rest(LOOK_EVERY_MS);
        continue;
      }
      try {
        await this.#step();
        attempts = 0;
        this.#error = undefined;
      } catch (error) {
        this.#at = undefined;
        if (!this.#linked) continue;
        this.#error = { code: codeOf(error) ?? 'UPLINK_FAILED', message: messageOf(error) };
        await this.#pause(this.#pauseAfter(error, attempts++));
      }
    }
  }

  async #step(): Promise<void> {
    const lane = this.#lane;
    const { limit, alsoFrom, now, lateAfterMs, gatherMs } = this.#options;
    const at = this.#at ?? (await lane.learn());
    if (!this.#linked) return;
    this.#at = at;
    this.#known = at.position;
    this.#grown = false;
    this.#addedMs = null;
    const batch = await lane.read(at.position);
    if (batch === undefined) {
      this.#emptied();
      this.#catchingUp = false;
      await this.#rest(LOOK_EVERY_MS);
      return;
    }
    this.#oldestMs = batch.oldestMs;
    const late = now() - batch.newestMs > lateAfterMs;
    this.#catchingUp = late;
    if (late) {
      // What is live meanwhile does not wait behind it: it goes another way.
      for (let waitMs = limit.waitMs(now()); waitMs > 0 && this.#at === at; waitMs = limit.waitMs(now()))
        await this.#pause(waitMs);
    }
    if (this.#at !== at || this.#stopped) return;
    const stored = await lane.send(at, batch, late);
    if (late) {
      limit.take(batch.bytes, now());
      alsoFrom?.take(batch.bytes, now());
    }
    if (this.#left !== undefined) this.#left = Math.max(0, this.#left - (stored.position - at.position));
    this.#known = stored.position;
    if (batch.full) this.#oldestMs = batch.newestMs;
    else this.#emptied();
    // The link was cut and is there again: where the centre is may be further on by now.
    if (this.#at === at) this.#at = stored;
    if (!batch.full && !late) await this.#pause(gatherMs);
  }

  /** The centre has all that was there when it was read. */
  #emptied(): void {
    this.#oldestMs = this.#addedMs;
    if (this.#addedMs === null) this.#left = 0;
  }

  /** How much waits, also while the centre cannot be asked: from where it was when it was last heard of. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      if (this.#known === undefined) {
        const recalled = await this.#lane.recall();
        this.#known ??= recalled;
      }
      const after = this.#known;
      if (after !== undefined && (this.#oldestMs !== null || this.#left !== 0)) {
        const { left, oldestMs } = await this.#lane.backlog(after);
        this.#left = Math.max(0, left - ((this.#known ?? after) - after));
        if (this.#known === after) this.#oldestMs = oldestMs ?? this.#addedMs;
      }
      if (this.#options.now() - this.#rememberedMs >= REMEMBER_EVERY_MS) await this.#remember();
    } catch {
      // The store is away: said by its own part of the health, and looked at again in a second.
    }
    this.#looking = false;
  }

  async #remember(): Promise<void> {
    const position = this.#known;
    if (position === undefined || position === this.#remembered) return;
    this.#rememberedMs = this.#options.now();
    try {
      await this.#lane.remember(position);
      this.#remembered = position;
    } catch {
      // An older one stands there: then more seems to be missing than is, until the centre says.
    }
  }

  #pauseAfter(error: unknown, attempts: number): number {
    const { minPauseMs, maxPauseMs, random } = this.#options;
    if (error instanceof ErrorWithCode && !error.retryable) return HOPELESS_PAUSE_MS;
    return Math.min(maxPauseMs, minPauseMs * 2 ** attempts) * (0.5 + random() / 2);
  }

  /** Until there is something to do, or so long. */
  #rest(ms: number): Promise<void> {
    if (this.#grown && this.#linked) return Promise.resolve();
    return this.#wait(ms, (end) => {
      this.#wake = end;
    });
  }

  /** So long, unless the link changes or all ends. */
  #pause(ms: number): Promise<void> {
    return this.#wait(ms, (end) => {
      this.#interrupt = end;
    });
  }

  #wait(ms: number, offer: (end: () => void) => void): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = this.#interrupt = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      offer(end);
    });
  }
}
