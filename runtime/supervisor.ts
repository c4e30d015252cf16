import type { Supervision } from './actor-kind.ts';

/** What to do about a crash: wait and start again, or leave it stopped until somebody restarts it. */
export type Verdict = { readonly kind: 'restart'; readonly afterMs: number } | { readonly kind: 'stop' };

/**
 * The crashes of one entity. Each has a budget of its own: a neighbour's crashes do not use it up. Pure but for its own
 * memory; time and randomness are passed in.
 */
export class CrashBudget {
  readonly #supervision: Supervision;
  #crashes: number[] = [];

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  /** @param jitter between 0 and 1 */
  crashed(nowMs: number, jitter: number): Verdict {
    const { withinMs, maxRestarts } = this.#supervision;
    this.#crashes = this.#crashes.filter((at) => at > nowMs - withinMs);
    this.#crashes.push(nowMs);
    if (this.#crashes.length > maxRestarts) return { kind: 'stop' };
    return { kind: 'restart', afterMs: backoffMs(this.#supervision, this.#crashes.length - 1, jitter) };
  }

  /** Somebody restarted it by hand, and answers for it. */
  renew(): void {
    this.#crashes = [];
  }

  get recent(): number {
    return this.#crashes.length;
  }
}

/** An entity that ran for so long was not called in vain: what comes then is another outage. */
const CALM_MS = 10_000;

/**
 * How long an entity waits for a store that did not answer. There is no budget: a store that is away for a day is no fault of
 * the entity. It is called as soon as the store answers others, and then comes back at once; only where it was called in
 * vain does it take its time, so that what the store refuses from it alone does not become a busy loop.
 */
export class OutageBackoff {
  readonly #supervision: Supervision;
  #failures = 0;
  #vain = 0;
  #lastMs = 0;
  #upMs: number | undefined;

  constructor(supervision: Supervision) {
    this.#supervision = supervision;
  }

  /** The store did not answer. Returns after which time to try again, whoever says what. */
  failedMs(nowMs: number, jitter: number): number {
    const isLater = nowMs - this.#lastMs > 2 * this.#supervision.maxBackoffMs;
    const hasRun = this.#upMs !== undefined && nowMs - this.#upMs >= CALM_MS;
    if (isLater || hasRun) this.over();
    this.#lastMs = nowMs;
    this.#upMs = undefined;
    return backoffMs(this.#supervision, this.#failures++, jitter);
  }

  /** The store answers others. Returns after which time to try again because of that. */
  calledMs(jitter: number): number {
    const vain = this.#vain++;
    return vain === 0 ? 0 : backoffMs(this.#supervision, vain - 1, jitter);
  }

  /** It runs again. Whether the store takes anything from it is not known yet. */
  up(nowMs: number): void {
    this.#upMs = nowMs;
  }

  /** It got an answer. */
  over(): void {
    this.#failures = 0;
    this.#vain = 0;
  }
}

function backoffMs({ minBackoffMs, maxBackoffMs }: Supervision, before: number, jitter: number): number {
  return Math.min(maxBackoffMs, minBackoffMs * 2 ** before) * (0.5 + jitter / 2);
}
