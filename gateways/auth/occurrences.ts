/** Something that happened so often since. */
export interface Counted<T> {
  /** As it was the last time. */
  readonly sample: T;
  readonly times: number;
  readonly sinceMs: number;
}

/**
 * Tells the first of a kind from its repetitions, so that what comes a thousand times is written down twice: when it begins,
 * and how often it came after that. A window of time has room for so many kinds; what is beyond them is counted as one.
 */
export class Occurrences<T> {
  readonly #windowMs: number;
  readonly #room: number;
  /** By kind: how often it came again. */
  readonly #kinds = new Map<string, Counted<T> | undefined>();
  #omitted: Counted<T> | undefined;
  #beganMs = 0;

  constructor(bounds: { readonly windowMs: number; readonly kinds: number }) {
    this.#windowMs = bounds.windowMs;
    this.#room = bounds.kinds;
  }

  /** True for the first of a kind in this window, which is to be written down now; anything else is counted. */
  isFirst(kind: string, sample: T, nowMs: number): boolean {
    if (this.#kinds.size === 0) this.#beganMs = nowMs;
    if (this.#kinds.has(kind)) {
      this.#kinds.set(kind, again(this.#kinds.get(kind), sample, nowMs));
      return false;
    }
    if (this.#kinds.size >= this.#room) {
      this.#omitted = again(this.#omitted, sample, nowMs);
      return false;
    }
    this.#kinds.set(kind, undefined);
    return true;
  }

  isOver(nowMs: number): boolean {
    return this.#kinds.size > 0 && nowMs - this.#beganMs >= this.#windowMs;
  }

  /** Ends the window: what came again in it, and what there was no room for. */
  end(): { readonly repeated: readonly Counted<T>[]; readonly omitted: Counted<T> | undefined } {
    const repeated = [...this.#kinds.values()].filter((counted) => counted !== undefined);
    const omitted = this.#omitted;
    this.#kinds.clear();
    this.#omitted = undefined;
    return { repeated, omitted };
  }
}

function again<T>(counted: Counted<T> | undefined, sample: T, nowMs: number): Counted<T> {
  return { sample, times: (counted?.times ?? 0) + 1, sinceMs: counted?.sinceMs ?? nowMs };
}
