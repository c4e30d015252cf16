import type { Recovering } from './entity/host.ts';
import { ErrorWithCode } from './errors.ts';
import type { Journal, Restored } from './journal.ts';

/** Entities whose snapshots and events are read together: some hundred kilobytes, and a few milliseconds of a database. */
const ENTITIES_A_READ = 256;
/** One is on its way while the one before is worked on. More would only fill memory, and keep appends waiting. */
const READS_AT_ONCE = 2;

/** One that is being built, and whether somebody waits for it by now. */
type Risen = Pick<Recovering, 'id' | 'isAwaited'>;

interface Waiting {
  readonly entity: Risen;
  resolve(restored: Restored): void;
  reject(error: unknown): void;
}

/**
 * What the journal has of entities that are being built, read for many at a time: a node that takes over thousands asks the
 * database some dozens of times, and of the answers no more is in memory than a few reads bring. Those for whom somebody
 * waits when a read begins are in it before the others.
 */
export class SharedRestore {
  readonly #journal: Pick<Journal, 'restore'>;
  #waiting: Waiting[] = [];
  #reads = 0;
  #unanswered = 0;
  #scheduled = false;
  #calm: { left: number; readonly promise: Promise<void>; resolve(): void } | undefined;

  constructor(journal: Pick<Journal, 'restore'>) {
    this.#journal = journal;
  }

  restore(entity: Risen): Promise<Restored> {
    this.#unanswered++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entity, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Whoever else asks in this turn of the event loop is of the same read.
      setImmediate(() => {
        this.#scheduled = false;
        this.#readOn();
      });
    });
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

  #readOn(): void {
    while (this.#waiting.length > 0 && this.#reads < READS_AT_ONCE) {
      this.#reads++;
      void this.#read(this.#next()).finally(() => {
        this.#reads--;
        this.#readOn();
      });
    }
  }

  /** In the order of their coming, but for those who are awaited. */
  #next(): Waiting[] {
    const awaited = this.#waiting.filter(({ entity }) => entity.isAwaited);
    if (awaited.length > 0) this.#waiting = [...awaited, ...this.#waiting.filter(({ entity }) => !entity.isAwaited)];
    return this.#waiting.splice(0, ENTITIES_A_READ);
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
