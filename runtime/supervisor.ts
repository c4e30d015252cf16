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
    const { withinMs, maxRestarts, minBackoffMs, maxBackoffMs } = this.#supervision;
    this.#crashes = this.#crashes.filter((at) => at > nowMs - withinMs);
    this.#crashes.push(nowMs);
    if (this.#crashes.length > maxRestarts) return { kind: 'stop' };
    const backoffMs = Math.min(maxBackoffMs, minBackoffMs * 2 ** (this.#crashes.length - 1));
    return { kind: 'restart', afterMs: backoffMs * (0.5 + jitter / 2) };
  }

  get recent(): number {
    return this.#crashes.length;
  }
}
