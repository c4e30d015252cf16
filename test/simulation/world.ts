import type { Instant } from '../../runtime/cluster/instant.ts';
import { Random } from './random.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** True time, and what is going to happen: a heap of events. Nothing else in a simulation has a clock of its own making. */
export class World {
  readonly random: Random;
  nowMs = 0;
  steps = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  in(delayMs: number, run: () => void): void {
    const event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    const heap = this.#heap;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = event;
  }

  /** Runs the next event; false when there is none before the given time. */
  step(untilMs: number): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > untilMs) return false;
    const last = heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    this.nowMs = first.atMs;
    this.steps += 1;
    first.run();
    return true;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        child += 1;
        below = right;
      }
      if (isBefore(event, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The two clocks of a machine: they drift together, the monotonic one stands still while the machine is suspended, the wall clock can be set. */
export class Clock {
  readonly #world: World;
  readonly #rate: number;
  readonly #bootedMs: number;
  #sleptMs = 0;
  #setMs: number;

  constructor(world: World, drift: number) {
    this.#world = world;
    this.#rate = 1 + world.random.between(-drift, drift);
    this.#bootedMs = world.random.between(0, 1e6);
    this.#setMs = world.random.between(-5000, 5000);
  }

  read(): Instant {
    const runMs = this.#bootedMs + this.#world.nowMs * this.#rate;
    return { monoMs: runMs - this.#sleptMs, wallMs: 1.8e12 + runMs + this.#setMs };
  }

  slept(ms: number): void {
    this.#sleptMs += ms * this.#rate;
  }

  setBy(ms: number): void {
    this.#setMs += ms;
  }
}
