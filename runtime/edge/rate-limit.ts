import { RecentBytes } from './recent-bytes.ts';

/**
 * A bucket of bytes that fills at a steady rate. What is more than is in it is let through all the same and owed: so a message
 * that is larger than the bucket passes too, and the mean rate holds.
 */
export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #bytes: number;
  #atMs: number | undefined;
  readonly #recent = new RecentBytes();

  /** @param burstBytes how much may pass at once after a rest; one second's worth when left out */
  constructor(bytesPerSecond: number, burstBytes: number = bytesPerSecond) {
    if (!(bytesPerSecond > 0 && burstBytes > 0)) throw new RangeError('a rate is above zero');
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = burstBytes;
    this.#bytes = burstBytes;
  }

  /** Time to wait before something may pass, in ms; 0: now. Nothing is taken. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#bytes > 0 ? 0 : Math.ceil(((1 - this.#bytes) / this.#bytesPerSecond) * 1000);
  }

  take(bytes: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#bytes -= bytes;
    this.#recent.add(bytes, nowMs);
  }

  /** What passed in the last ten seconds, in bytes a second. */
  recent(nowMs: number): number {
    return this.#recent.perSecond(nowMs);
  }

  #fill(nowMs: number): void {
    // A clock that was set back gives nothing, and takes nothing away.
    const passedMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#atMs = nowMs;
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + (passedMs * this.#bytesPerSecond) / 1000);
  }
}
