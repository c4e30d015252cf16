import type { Clock, World } from './world.ts';

/**
 * The events of a process, life after life: each waits while the process stands still, and is nothing to the next life. Asleep
 * with its machine, the monotonic clock stands still too.
 */
export class Life {
  /** Died, or never started. */
  ended = true;
  readonly #world: World;
  readonly #clock: Clock;
  #number = 0;
  #paused = false;
  #backlog: (() => void)[] = [];

  constructor(world: World, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
  }

  get number(): number {
    return this.#number;
  }

  get paused(): boolean {
    return this.#paused;
  }

  begin(): void {
    this.#number += 1;
    this.ended = false;
  }

  end(): void {
    this.#number += 1;
    this.ended = true;
    this.#paused = false;
    this.#backlog = [];
  }

  pause(ms: number, asleep: boolean): void {
    if (this.#paused || this.ended) return;
    this.#paused = true;
    const number = this.#number;
    this.#world.in(ms, () => {
      if (number !== this.#number) return;
      if (asleep) this.#clock.slept(ms);
      this.#paused = false;
      const backlog = this.#backlog;
      this.#backlog = [];
      for (const run of backlog) if (number === this.#number) run();
    });
  }

  /** Now, or when the process goes on. */
  event(run: () => void): void {
    if (this.ended) return;
    if (!this.#paused) {
      run();
      return;
    }
    // Which of the waiting events comes first after a stop is anybody's guess.
    const { random } = this.#world;
    if (random.chance(0.2)) this.#backlog.splice(random.below(this.#backlog.length + 1), 0, run);
    else this.#backlog.push(run);
  }

  /** After some time, in this life alone. */
  in(ms: number, run: () => void): void {
    const number = this.#number;
    this.#world.in(ms, () => {
      if (number === this.#number) this.event(run);
    });
  }
}
