import { ErrorWithCode } from './errors.ts';
import type { Group } from './live-bus.ts';
import type { Peer } from './live-peer.ts';

interface Waiting {
  readonly groups: readonly Group[];
  resolve(): void;
  reject(error: ErrorWithCode): void;
  readonly timer: NodeJS.Timeout;
}

/** Those who wait until everything that some groups have is shown. */
export class LiveWaits {
  readonly #awaited: () => readonly Peer[];
  readonly #timeoutMs: number;
  readonly #waiting = new Set<Waiting>();
  /** Whoever is there has had the time to be heard. */
  #heardAll = false;

  /**
   * @param options.awaited the nodes of which it has to be known what they show
   * @param options.timeoutMs bound of each wait
   */
  constructor(options: { awaited: () => readonly Peer[]; timeoutMs: number }) {
    this.#awaited = options.awaited;
    this.#timeoutMs = options.timeoutMs;
  }

  heardAll(): void {
    this.#heardAll = true;
    this.settle();
  }

  isShown(groups: readonly Group[]): boolean {
    return this.#heardAll && this.#missing(groups).length === 0;
  }

  /** Rejects with LIVE_VIEWS_MISSING where a node does not say in time what it shows, or this one stops. */
  shown(groups: readonly Group[]): Promise<void> {
    const shown = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(waiting), this.#timeoutMs);
      const waiting: Waiting = { groups, resolve, reject, timer };
      this.#waiting.add(waiting);
    });
    // Whoever only looks, and does not wait, is not to end the process.
    shown.catch(() => undefined);
    return shown;
  }

  /** Some node has said what it shows, or is not waited for any more. */
  settle(): void {
    for (const waiting of [...this.#waiting]) {
      if (!this.isShown(waiting.groups)) continue;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.resolve();
    }
  }

  close(): void {
    for (const { timer, reject } of this.#waiting) {
      clearTimeout(timer);
      reject(new ErrorWithCode('LIVE_VIEWS_MISSING', 'this node is stopping'));
    }
    this.#waiting.clear();
  }

  /** Nodes of which it is not known yet what they show of these groups. */
  #missing(groups: readonly Group[]): string[] {
    return this.#awaited()
      .filter((peer) => groups.some((group) => !peer.hasRead(group)))
      .map(({ node }) => node);
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    const nodes = this.#missing(waiting.groups).join(', ');
    waiting.reject(
      new ErrorWithCode('LIVE_VIEWS_MISSING', `${nodes} did not say within ${this.#timeoutMs} ms what they show`),
    );
  }
}
