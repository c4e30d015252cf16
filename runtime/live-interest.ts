import type { Group } from './live-bus.ts';
import { EVERY_GROUP } from './live-lane.ts';

/**
 * Which groups somebody looks at, counted. Who looks away is followed on for a while: a wall that reconnects, or a page that is
 * changed, finds everything at hand.
 */
export class LiveInterest {
  readonly #counts = new Map<Group, number>();
  readonly #lingering = new Map<Group, NodeJS.Timeout>();
  readonly #lingerMs: number;
  readonly #changed: () => void;

  /** @param changed the groups are others now */
  constructor(options: { lingerMs: number; changed: () => void }) {
    this.#lingerMs = options.lingerMs;
    this.#changed = options.changed;
  }

  /** What is to be followed: `*` alone covers all. */
  get groups(): ReadonlySet<Group> {
    return this.#counts.has(EVERY_GROUP) ? new Set([EVERY_GROUP]) : new Set(this.#counts.keys());
  }

  covers(group: Group): boolean {
    return this.#counts.has(EVERY_GROUP) || this.#counts.has(group);
  }

  /** Returns the release; released twice, it counts once. */
  add(groups: readonly Group[]): () => void {
    let isNew = false;
    for (const group of groups) {
      const count = this.#counts.get(group);
      isNew ||= count === undefined;
      this.#counts.set(group, (count ?? 0) + 1);
      clearTimeout(this.#lingering.get(group));
      this.#lingering.delete(group);
    }
    if (isNew) this.#changed();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      for (const group of groups) this.#release(group);
    };
  }

  close(): void {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#lingering.clear();
    this.#counts.clear();
  }

  #release(group: Group): void {
    const count = this.#counts.get(group);
    if (count === undefined) return;
    this.#counts.set(group, count - 1);
    if (count > 1) return;
    const timer = setTimeout(() => {
      this.#lingering.delete(group);
      this.#counts.delete(group);
      this.#changed();
    }, this.#lingerMs);
    timer.unref();
    this.#lingering.set(group, timer);
  }
}
