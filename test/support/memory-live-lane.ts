import type { Group } from '../../runtime/live-bus.ts';
import { EVERY_GROUP, type LaneState, type LiveLane } from '../../runtime/live-lane.ts';

/** What carries the frames of several nodes in one process, later and in order, as a network does. */
export class MemoryLaneHub {
  readonly lanes = new Set<MemoryLiveLane>();
  /** Of frames that were published: whether they arrive. */
  passes: (group: Group, frame: Uint8Array, from: MemoryLiveLane) => boolean = () => true;
  /** How long the next frame is on its way; undefined for as short as can be. */
  delayMs: (() => number) | undefined;
  published = 0;
  bytes = 0;

  lane(): MemoryLiveLane {
    const lane = new MemoryLiveLane(this);
    this.lanes.add(lane);
    return lane;
  }
}

export class MemoryLiveLane implements LiveLane {
  maxFrameBytes = 64 * 1024;
  /** Cut off: nothing comes in and nothing goes out. */
  isCut = false;
  isFull = false;
  readonly #hub: MemoryLaneHub;
  readonly #takers = new Map<Group, Set<(frame: Uint8Array) => void>>();
  readonly #listeners = new Set<() => void>();
  readonly #lastArrivalMs = new WeakMap<MemoryLiveLane, number>();

  constructor(hub: MemoryLaneHub) {
    this.#hub = hub;
  }

  get open(): boolean {
    return !this.isCut && !this.isFull;
  }

  get state(): LaneState {
    return { connected: !this.isCut, detail: this.isCut ? 'cut off' : 'in memory' };
  }

  get following(): Group[] {
    return [...this.#takers.keys()].sort();
  }

  publish(group: Group, frame: Uint8Array): void {
    if (this.isCut) return;
    this.#hub.published++;
    this.#hub.bytes += frame.byteLength;
    if (!this.#hub.passes(group, frame, this)) return;
    for (const lane of this.#hub.lanes) if (lane !== this) this.#carry(lane, () => lane.#take(group, frame));
  }

  /** None overtakes another from the same to the same. */
  #carry(to: MemoryLiveLane, arrives: () => void): void {
    const { delayMs } = this.#hub;
    if (delayMs === undefined) {
      setImmediate(arrives);
      return;
    }
    const nowMs = performance.now();
    const arrivesMs = Math.max(nowMs + delayMs(), this.#lastArrivalMs.get(to) ?? 0);
    this.#lastArrivalMs.set(to, arrivesMs);
    setTimeout(arrives, arrivesMs - nowMs);
  }

  follow(group: Group, take: (frame: Uint8Array) => void): () => void {
    const takers = this.#takers.get(group) ?? new Set();
    this.#takers.set(group, takers.add(take));
    return () => {
      takers.delete(take);
      if (takers.size === 0) this.#takers.delete(group);
    };
  }

  onOpen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  opened(): void {
    this.isCut = false;
    this.isFull = false;
    for (const listener of this.#listeners) listener();
  }

  async close(): Promise<void> {
    this.#hub.lanes.delete(this);
  }

  #take(group: Group, frame: Uint8Array): void {
    if (this.isCut) return;
    for (const name of [group, EVERY_GROUP]) for (const take of [...(this.#takers.get(name) ?? [])]) take(frame);
  }
}
