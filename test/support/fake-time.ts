import { mock } from 'node:test';

/** Kept from before anything is replaced: promises settle while it is waited for. */
const realImmediate = setImmediate;
const EPOCH_MS = Date.UTC(2026, 0, 1);

class Due {
  atMs: number;
  order: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;

  constructor(atMs: number, order: number, everyMs: number | undefined, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.everyMs = everyMs;
    this.run = run;
  }

  // Nothing here keeps the process alive, or lets it end.
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/**
 * The timers and clocks of this process, going on only where a test says so: how fast the machine is decides nothing, and a seed
 * gives the same run each time. What is due at the same time runs in the order in which it was asked for, and after each of it
 * promises settle. Node's own mock of timers keeps no order, and lets none settle in between.
 */
export class FakeTime {
  #elapsedMs = 0;
  #order = 0;
  readonly #due = new Set<Due>();

  /** From now on; nothing that waits for the real time may be on its way. */
  static begin(): FakeTime {
    const time = new FakeTime();
    const after = (run: () => void, ms: number | undefined, everyMs?: number) => time.#add(run, ms ?? 0, everyMs);
    const clear = (due: unknown) => void time.#due.delete(due as Due);
    const replaced = {
      setTimeout: (run: () => void, ms?: number) => after(run, Math.max(1, ms ?? 1)),
      setInterval: (run: () => void, ms?: number) => after(run, Math.max(1, ms ?? 1), Math.max(1, ms ?? 1)),
      setImmediate: (run: () => void) => after(run, 0),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    };
    for (const [name, implementation] of Object.entries(replaced))
      mock.method(globalThis, name as keyof typeof replaced, implementation as never);
    mock.method(Date, 'now', () => EPOCH_MS + Math.floor(time.#elapsedMs));
    mock.method(performance, 'now', () => time.#elapsedMs);
    return time;
  }

  /** Milliseconds since it began. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settled();
    while (await this.#step(endMs));
    this.#elapsedMs = endMs;
  }

  /** Lets time pass until a condition holds; fails with its name after the bound. */
  async until(what: string, holds: () => boolean, withinMs = 10_000): Promise<void> {
    const endMs = this.#elapsedMs + withinMs;
    await settled();
    while (!holds()) if (!(await this.#step(endMs))) throw new Error(`not within ${withinMs} ms: ${what}`);
  }

  /** Lets time pass until a promise is settled; fails as it does. */
  async settle<Value>(what: string, promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const over = () => {
      isSettled = true;
    };
    promise.then(over, over);
    await this.until(what, () => isSettled);
    return promise;
  }

  end(): void {
    mock.restoreAll();
  }

  #add(run: () => void, ms: number, everyMs: number | undefined): Due {
    const due = new Due(this.#elapsedMs + ms, this.#order++, everyMs, run);
    this.#due.add(due);
    return due;
  }

  /** Runs what is due next; false where nothing is before the end. */
  async #step(endMs: number): Promise<boolean> {
    let next: Due | undefined;
    for (const due of this.#due) if (next === undefined || isBefore(due, next)) next = due;
    if (next === undefined || next.atMs > endMs) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
    if (next.everyMs === undefined) this.#due.delete(next);
    else {
      next.atMs += next.everyMs;
      next.order = this.#order++;
    }
    next.run();
    await settled();
    return true;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function settled(): Promise<void> {
  return new Promise((resolve) => void realImmediate(resolve));
}
