import { messageOf } from './errors.ts';

const MIN_PROBE_PAUSE_MS = 250;
const MAX_PROBE_PAUSE_MS = 5000;
/** Without a failure for so long, the next one is the first again. */
const CALM_MS = 60_000;
/** Whoever waited comes back in groups: a store that has just come up must not be flooded. */
const RESUMED_AT_ONCE = 64;
const GROUP_PAUSE_MS = 50;

export interface StoreWatchOptions {
  /** Does what the store failed to do, with something that harms nothing. `failure`: what it said last. */
  readonly probe: (failure: unknown) => Promise<unknown>;
  /** Once when it goes away and once when it is back. */
  readonly changed: (failure: string | undefined) => void;
  readonly now?: () => number;
}

/**
 * Whether a store answers, and who waits for it to do so. While it does not, it is tried again by itself, so that it is known
 * to be back also where nobody has anything to ask of it.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  readonly #now: () => number;
  readonly #waiting = new Set<() => void>();
  #failure: string | undefined;
  #cause: unknown;
  #sinceMs = 0;
  #failedMs = 0;
  #probes = 0;
  #probing: NodeJS.Timeout | undefined;
  #resuming: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What went wrong last, and since when something does; undefined while it answers. */
  get failure(): { readonly reason: string; readonly sinceMs: number; readonly cause: unknown } | undefined {
    if (this.#failure === undefined) return undefined;
    return { reason: this.#failure, sinceMs: this.#sinceMs, cause: this.#cause };
  }

  failed(error: unknown): void {
    if (this.#closed) return;
    const nowMs = this.#now();
    if (nowMs - this.#failedMs > CALM_MS) this.#probes = 0;
    this.#failedMs = nowMs;
    const isNew = this.#failure === undefined;
    if (isNew) this.#sinceMs = nowMs;
    this.#failure = messageOf(error);
    this.#cause = error;
    if (isNew) this.#options.changed(this.#failure);
    clearTimeout(this.#resuming);
    this.#resuming = undefined;
    this.#probeLater();
  }

  answered(): void {
    if (this.#failure === undefined) return;
    this.#failure = this.#cause = undefined;
    clearTimeout(this.#probing);
    this.#probing = undefined;
    this.#options.changed(undefined);
    this.#resume();
  }

  /** Calls back once when the store answers again. Returns how to wait no longer. */
  wait(resume: () => void): () => void {
    this.#waiting.add(resume);
    return () => void this.#waiting.delete(resume);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#probing);
    clearTimeout(this.#resuming);
    this.#waiting.clear();
  }

  #probeLater(): void {
    if (this.#probing !== undefined) return;
    const pauseMs = Math.min(MAX_PROBE_PAUSE_MS, MIN_PROBE_PAUSE_MS * 2 ** this.#probes++);
    this.#probing = setTimeout(() => void this.#probe(), pauseMs * (0.5 + Math.random() / 2)).unref();
  }

  async #probe(): Promise<void> {
    try {
      await this.#options.probe(this.#cause);
      if (!this.#closed) this.answered();
    } catch (error) {
      this.#probing = undefined;
      this.failed(error);
    }
  }

  #resume(): void {
    this.#resuming = undefined;
    let resumed = 0;
    for (const resume of this.#waiting) {
      if (++resumed > RESUMED_AT_ONCE) {
        this.#resuming = setTimeout(() => this.#resume(), GROUP_PAUSE_MS);
        return;
      }
      this.#waiting.delete(resume);
      resume();
    }
  }
}
