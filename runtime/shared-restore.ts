import type { Recovering } from './entity/host.ts';
import { ErrorWithCode } from './errors.ts';
import type { Journal, Restored } from './journal.ts';

/**
 * Entities whose snapshots and events are read together: a few milliseconds of a database, and of this process, in which what
 * is sent to those who live already does not come through.
 */
const ENTITIES_A_READ = 128;
/** One is on its way while the one before is worked on. More would only fill memory, and keep appends waiting. */
const READS_AT_ONCE = 2;
/** How often whoever waits for something more urgent looks whether it is over, and for how long at most. */
const LOOK_MS = 10;
const YIELDS_MS = 2000;

/** One that is being built, and whether somebody waits for it by now. */
type Risen = Pick<Recovering, 'id' | 'isAwaited'>;

interface Waiting {
  readonly entity: Risen;
  resolve(restored: Restored): void;
  reject(error: unknown): void;
}

/**
 * What the journal has of entities that are being built, read for many at a time: a node that takes over thousands asks the
 * database some eighty times, and of the answers no more is in memory than a few reads bring. Those for whom somebody waits
 * when a read begins are in it before the others, and wait for nothing else.
 */
export class SharedRestore {
  readonly #journal: Pick<Journal, 'restore'>;
  readonly #yields: () => boolean;
  readonly #awaited: Waiting[] = [];
  #others: Waiting[] = [];
  #othersSinceMs = 0;
  #moreAreAwaited = false;
  #reads = 0;
  #awaitedReads = 0;
  #unanswered = 0;
  #scheduled = false;
  #looking: NodeJS.Timeout | undefined;
  #calm: { left: number; readonly promise: Promise<void>; resolve(): void } | undefined;

  /** @param yields something more urgent goes on than to build those for whom nobody waits */
  constructor(journal: Pick<Journal, 'restore'>, yields: () => boolean = () => false) {
    this.#journal = journal;
    this.#yields = yields;
  }

  restore(entity: Risen): Promise<Restored> {
    this.#unanswered++;
    return new Promise((resolve, reject) => {
      if (this.#others.length === 0) this.#othersSinceMs = performance.now();
      (entity.isAwaited ? this.#awaited : this.#others).push({ entity, resolve, reject });
      this.#soon();
    });
  }

  /** Somebody began to wait for an entity that is being built. */
  awaited(): void {
    if (this.#others.length === 0) return;
    this.#moreAreAwaited = true;
    this.#soon();
  }

  /** Resolves when as many were answered as are waiting now: whoever was asked for together can then go on together. */
  calm(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    if (this.#calm === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#calm = { left: this.#unanswered, promise, resolve };
    }
    return this.#calm.promise;
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Whoever else asks in this turn of the event loop is of the same read.
    setImmediate(() => {
      this.#scheduled = false;
      this.#readOn();
    });
  }

  #readOn(): void {
    while (this.#reads < READS_AT_ONCE) {
      const group = this.#next();
      if (group.length === 0) return;
      const isAwaited = group[0]?.entity.isAwaited === true;
      this.#reads++;
      if (isAwaited) this.#awaitedReads++;
      void this.#read(group).finally(() => {
        this.#reads--;
        if (isAwaited) this.#awaitedReads--;
        this.#readOn();
      });
    }
  }

  /** In the order of their coming, but for those who are awaited. */
  #next(): Waiting[] {
    if (this.#moreAreAwaited) {
      this.#moreAreAwaited = false;
      this.#awaited.push(...this.#others.filter(({ entity }) => entity.isAwaited));
      this.#others = this.#others.filter(({ entity }) => !entity.isAwaited);
    }
    const group = this.#awaited.splice(0, ENTITIES_A_READ);
    if (this.#mayReadOthers()) group.push(...this.#others.splice(0, ENTITIES_A_READ - group.length));
    return group;
  }

  #mayReadOthers(): boolean {
    if (this.#others.length === 0) return true;
    const isUrgent = this.#awaitedReads > 0 || this.#awaited.length > 0 || this.#yields();
    if (!isUrgent || performance.now() - this.#othersSinceMs >= YIELDS_MS) return true;
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#readOn();
    }, LOOK_MS);
    return false;
  }

  async #read(group: readonly Waiting[]): Promise<void> {
    try {
      const restored = await this.#journal.restore(group.map(({ entity }) => entity.id));
      for (const { entity, resolve } of group) resolve(restored.get(entity.id) ?? { snapshot: undefined, events: [] });
      this.#answered(group.length);
    } catch (error) {
      if (group.length > 1 && !isAway(error)) {
        // A row that cannot be read is the affair of its entity alone.
        for (const one of group) await this.#read([one]);
        return;
      }
      for (const { reject } of group) reject(error);
      this.#answered(group.length);
    }
  }

  #answered(count: number): void {
    this.#unanswered -= count;
    if (this.#calm === undefined) return;
    this.#calm.left -= count;
    if (this.#calm.left > 0) return;
    this.#calm.resolve();
    this.#calm = undefined;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ErrorWithCode && error.retryable;
}
