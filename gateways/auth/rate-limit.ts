/** One token bucket per key, in bounded memory: `perMinute` on average, and as many at once. */
export class RateLimit {
  readonly #perMinute: number;
  readonly #capacity: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(perMinute: number, capacity = 10_000) {
    this.#perMinute = perMinute;
    this.#capacity = capacity;
  }

  /** Takes one. 0 when there was one, else the milliseconds until there will be. */
  take(key: string, nowMs: number): number {
    const bucket = this.#refilled(key, nowMs);
    if (bucket.left < 1) return this.#waitMs(bucket.left);
    bucket.left -= 1;
    return 0;
  }

  /** As `take`, without taking. */
  waitMs(key: string, nowMs: number): number {
    if (!this.#buckets.has(key)) return 0;
    const bucket = this.#refilled(key, nowMs);
    return bucket.left < 1 ? this.#waitMs(bucket.left) : 0;
  }

  #waitMs(left: number): number {
    return Math.ceil(((1 - left) * 60_000) / this.#perMinute);
  }

  #refilled(key: string, nowMs: number): { left: number; atMs: number } {
    const known = this.#buckets.get(key);
    if (known) {
      const elapsedMs = Math.max(0, nowMs - known.atMs);
      known.left = Math.min(this.#perMinute, known.left + (elapsedMs * this.#perMinute) / 60_000);
      known.atMs = nowMs;
      return known;
    }
    if (this.#buckets.size >= this.#capacity) this.#forget(nowMs);
    const bucket = { left: this.#perMinute, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** Whoever was silent for a minute has a full bucket and need not be remembered; else the oldest has to go. */
  #forget(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) if (nowMs - bucket.atMs >= 60_000) this.#buckets.delete(key);
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size < this.#capacity) break;
      this.#buckets.delete(key);
    }
  }
}
