/** Notes of one kind that are told apart; of more the oldest is forgotten. */
const MOST_KINDS = 100;

/**
 * Lets the first note of a kind through, and then one in a while, which says how many were left out: what is tried several times
 * a second fails as often, for as long as an outage lasts.
 */
export class RareNotes {
  readonly #everyMs: number;
  readonly #nowMs: () => number;
  readonly #told = new Map<string, { readonly atMs: number; leftOut: number }>();

  constructor(everyMs = 60_000, nowMs: () => number = () => performance.now()) {
    this.#everyMs = everyMs;
    this.#nowMs = nowMs;
  }

  /** How many of the kind were left out since the last one that was told; undefined: leave this one out as well. */
  admit(kind: string): number | undefined {
    const nowMs = this.#nowMs();
    const told = this.#told.get(kind);
    if (told !== undefined && nowMs - told.atMs < this.#everyMs) {
      told.leftOut++;
      return undefined;
    }
    this.#told.delete(kind);
    this.#told.set(kind, { atMs: nowMs, leftOut: 0 });
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size > MOST_KINDS) this.#told.delete(oldest);
    return told?.leftOut ?? 0;
  }
}
