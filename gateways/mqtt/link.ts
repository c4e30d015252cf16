import type { ConnectionReport } from '../driver.ts';
import { type Failure, SecretMissing } from './failure.ts';
import type { Session, SessionEvents } from './session.ts';

export type LinkState = Extract<ConnectionReport['state'], 'stopped' | 'connecting' | 'connected' | 'waiting'>;

export interface LinkOptions {
  readonly reconnect: { readonly minMs: number; readonly maxMs: number };
  /** Throws when the settings cannot be used now: counted as a failed attempt, since files and secrets may come later. */
  readonly createSession: (events: SessionEvents) => Session;
  readonly onChange: () => void;
  readonly onFailure: (failure: Failure) => void;
  readonly random?: () => number;
}

/** Up for so long, or having stored something, and the next loss begins with the shortest pause again. */
const STABLE_MS = 5000;

/** Keeps one session going: opens it, and after a loss opens the next one, after a pause that grows to a cap. */
export class Link {
  readonly #options: LinkOptions;
  #state: LinkState = 'stopped';
  #session: Session | null = null;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #nextAttemptAtMs: number | undefined;
  #lastError: ConnectionReport['lastError'];
  #sessions = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get status(): Pick<ConnectionReport, 'state' | 'queueDepth' | 'lastError' | 'nextAttemptAtMs' | 'facts'> {
    const trouble = this.#state === 'connected' ? (this.#session?.trouble ?? null) : null;
    if (trouble !== null) return { ...this.#plainStatus, state: 'waiting', lastError: trouble };
    return this.#plainStatus;
  }

  get #plainStatus(): Link['status'] {
    return {
      state: this.#state,
      queueDepth: this.#session?.inFlight ?? 0,
      facts: { ...this.#session?.facts, sessions: this.#sessions },
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      ...(this.#nextAttemptAtMs !== undefined && { nextAttemptAtMs: this.#nextAttemptAtMs }),
    };
  }

  start(): void {
    if (this.#state === 'stopped') this.#open();
  }

  async stop(): Promise<void> {
    this.#become('stopped');
    const session = this.#session;
    await session?.close();
    if (this.#session === session) this.#session = null;
  }

  #open(): void {
    this.#become('connecting');
    let session: Session | null = null;
    const current = () => session !== null && session === this.#session && this.#state !== 'stopped';
    const events: SessionEvents = {
      up: () => {
        if (!current()) return;
        this.#sessions++;
        this.#become('connected');
        this.#timer = setTimeout(() => {
          this.#failures = 0;
        }, STABLE_MS);
        this.#timer.unref();
      },
      stored: () => {
        this.#failures = 0;
      },
      lost: (failure) => {
        if (current()) this.#lose(failure);
      },
    };
    try {
      session = this.#options.createSession(events);
    } catch (error) {
      const code = error instanceof SecretMissing ? 'secret_missing' : 'bad_settings';
      this.#lose({ code, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#session = session;
    session.open();
  }

  #lose(failure: Failure): void {
    this.#session = null;
    this.#failures++;
    this.#lastError = { code: failure.code, message: failure.message, atMs: Date.now() };
    const { reconnect, random = Math.random } = this.#options;
    const pauseMs = backoffMs(this.#failures, reconnect, random());
    this.#nextAttemptAtMs = Date.now() + pauseMs;
    this.#become('waiting');
    this.#options.onFailure(failure);
    this.#timer = setTimeout(() => this.#open(), pauseMs);
  }

  #become(state: LinkState): void {
    clearTimeout(this.#timer);
    this.#state = state;
    if (state !== 'waiting') this.#nextAttemptAtMs = undefined;
    this.#options.onChange();
  }
}

/** Doubles up to the cap; the upper half is drawn by lot, so that many links that fell together do not rise together. */
export function backoffMs(
  failures: number,
  bounds: { readonly minMs: number; readonly maxMs: number },
  lot: number,
): number {
  const ceilingMs = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceilingMs * (0.5 + lot / 2));
}
