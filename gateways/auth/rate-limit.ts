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

  #waitMs(left: number): number {
    return Math.ceil(((1 - left) * 60_000) / this.#perMinute);
  }

  #refilled(key: string, nowMs: number): { left: number; atMs: number } {
    const bucket = this.#buckets.get(key) ?? { left: this.#perMinute, atMs: nowMs };
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.left = Math.min(this.#perMinute, bucket.left + (elapsedMs * this.#perMinute) / 60_000);
    bucket.atMs = nowMs;
    // Whoever was silent for the longest time comes first, and is the one to be forgotten.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#capacity) {
      const silent = this.#buckets.keys().next();
      if (!silent.done) this.#buckets.delete(silent.value);
    }
    return bucket;
  }
}
