import type { DriverHost } from '../driver.ts';
import type { DeviceFrame } from './frames.ts';

const RETRY_MS = 250;

interface Waiting {
  readonly entry: DeviceFrame;
  readonly done: () => void;
}

/**
 * Hands frames to the log, in order per device, and offers those again that it could not take. It is bounded by its caller:
 * the publisher grants the server a new publish request only while few notifications wait here, so that a slow log fills the
 * server's queues, where items of queue size 1 keep the newest value and longer queues tell an overflow by its bit.
 */
export class Intake {
  readonly #host: Pick<DriverHost, 'ingest'>;
  readonly #blocked = new Map<string, Waiting[]>();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  pending = 0;
  refused = 0;

  constructor(host: Pick<DriverHost, 'ingest'>) {
    this.#host = host;
  }

  /** Resolves once the log has all of them. */
  async offer(frames: readonly DeviceFrame[]): Promise<void> {
    await Promise.all(frames.map((entry) => this.#offerOne(entry)));
  }

  /** What the log has not taken by then is given up; the server still has what was not acknowledged. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const waiting of this.#blocked.values()) for (const { done } of waiting) done();
    this.#blocked.clear();
  }

  #offerOne(entry: DeviceFrame): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.pending += 1;
    return new Promise<void>((resolve) => {
      const waiting = {
        entry,
        done: () => {
          this.pending -= 1;
          resolve();
        },
      };
      const before = this.#blocked.get(entry.device);
      if (before === undefined) this.#ingest(waiting);
      else before.push(waiting);
    });
  }

  #ingest(waiting: Waiting): void {
    this.#host.ingest(waiting.entry.device, waiting.entry.frame).then(waiting.done, () => {
      this.refused += 1;
      if (this.#stopped) {
        waiting.done();
        return;
      }
      const blocked = this.#blocked.get(waiting.entry.device) ?? [];
      insertInOrder(blocked, waiting);
      this.#blocked.set(waiting.entry.device, blocked);
      this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS);
    });
  }

  #retry(): void {
    this.#timer = null;
    const blocked = [...this.#blocked.values()];
    this.#blocked.clear();
    for (const waiting of blocked) for (const each of waiting) this.#ingest(each);
  }
}

/** Several calls may have been under way when the log began to refuse; the frames go back in the order of their arrival. */
function insertInOrder(blocked: Waiting[], waiting: Waiting): void {
  const timeMs = waiting.entry.frame.gatewayTimeMs;
  let at = blocked.length;
  while (at > 0 && (blocked[at - 1]?.entry.frame.gatewayTimeMs ?? 0) > timeMs) at -= 1;
  blocked.splice(at, 0, waiting);
}
