/** A batch takes milliseconds; what has waited for so long will wait on. Well below the time after which a device counts as silent. */
const OVERDUE_MS = 500;
const LOOK_EVERY_MS = 250;
const TELL_AGAIN_MS = 1000;

export interface LogWatchOptions {
  /** Why the log takes nothing, as the node knows it; undefined while it takes what it is given. */
  readonly refusal: () => string | undefined;
  /** Since when it is away, null: it takes readings again. While it is away said again each second, for whoever came meanwhile. */
  readonly told: (awaySinceMs: number | null) => void;
  readonly now?: () => number;
}

/**
 * Whether the readings of this node get into the log. While they do not, a driver stops to ask, or its sources keep what they have:
 * that nothing comes in then says nothing about the devices.
 */
export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #now: () => number;
  /** When each append was begun that has no answer yet, the oldest first. */
  readonly #waiting = new Map<symbol, number>();
  #awaySinceMs: number | null = null;
  #toldMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get awaySinceMs(): number | null {
    return this.#awaySinceMs;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** An append is on its way; gives it back. */
  track(stored: Promise<void>): Promise<void> {
    const append = Symbol('append');
    this.#waiting.set(append, this.#now());
    stored.then(
      () => this.#waiting.delete(append),
      () => {
        const sinceMs = this.#waiting.get(append);
        this.#waiting.delete(append);
        // What the node says of the log is the last word on it: an append may be refused for its own sake, too.
        if (this.#options.refusal() !== undefined) this.#becomeAway(sinceMs ?? this.#now());
      },
    );
    return stored;
  }

  look(): void {
    const [oldestMs] = this.#waiting.values();
    const isOverdue = oldestMs !== undefined && this.#now() - oldestMs >= OVERDUE_MS;
    if (isOverdue) this.#becomeAway(oldestMs);
    else if (this.#awaySinceMs !== null && this.#options.refusal() === undefined) {
      this.#awaySinceMs = null;
      this.#options.told(null);
    }
    if (this.#awaySinceMs !== null && this.#now() - this.#toldMs >= TELL_AGAIN_MS) this.#tell();
  }

  #becomeAway(sinceMs: number): void {
    if (this.#awaySinceMs !== null) return;
    this.#awaySinceMs = sinceMs;
    this.#tell();
  }

  #tell(): void {
    this.#toldMs = this.#now();
    this.#options.told(this.#awaySinceMs);
  }
}
