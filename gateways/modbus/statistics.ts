import type { DriverCode } from '../driver-codes.ts';

/** Figures of one link for its report: latency and readings of the last minute, errors and overruns since the start. */
export class LinkStatistics {
  readonly errors: Record<string, number> = {};
  cycleOverruns = 0;
  requests = 0;
  lastReadingAtMs: number | null = null;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({
    number: -1,
    readings: 0,
    latency: new Uint32Array(BUCKETS),
  }));
  readonly #startedAtMs: number;

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
  }

  request(latencyMs: number, nowMs: number): void {
    this.requests++;
    const { latency } = this.#slot(nowMs);
    const bucket = bucketOf(latencyMs);
    latency[bucket] = (latency[bucket] ?? 0) + 1;
  }

  readings(count: number, nowMs: number): void {
    this.#slot(nowMs).readings += count;
    this.lastReadingAtMs = nowMs;
  }

  error(code: DriverCode | `write_${DriverCode}`): void {
    this.errors[code] = (this.errors[code] ?? 0) + 1;
  }

  /** Of the answered requests of the last minute; null when there were none. Right to within 6 %. */
  latencyMs(nowMs: number): { p50: number; p99: number } | null {
    const sum = new Uint32Array(BUCKETS);
    let count = 0;
    for (const slot of this.#live(nowMs)) {
      for (let i = 0; i < BUCKETS; i++) {
        const n = slot.latency[i] ?? 0;
        sum[i] = (sum[i] ?? 0) + n;
        count += n;
      }
    }
    return count === 0 ? null : { p50: percentile(sum, count, 0.5), p99: percentile(sum, count, 0.99) };
  }

  readingsPerSecond(nowMs: number): number {
    let readings = 0;
    for (const slot of this.#live(nowMs)) readings += slot.readings;
    const current = Math.floor(nowMs / SLOT_MS);
    const windowStartMs = Math.max(this.#startedAtMs, (current - SLOTS + 1) * SLOT_MS);
    return Math.round((readings * 10_000) / Math.max(1000, nowMs - windowStartMs)) / 10;
  }

  #slot(nowMs: number): Slot {
    const number = Math.floor(nowMs / SLOT_MS);
    const slot = this.#slots[number % SLOTS];
    if (slot === undefined) throw new Error('a slot is missing');
    if (slot.number !== number) {
      slot.number = number;
      slot.readings = 0;
      slot.latency.fill(0);
    }
    return slot;
  }

  #live(nowMs: number): Slot[] {
    const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS;
    return this.#slots.filter((slot) => slot.number > oldest);
  }
}

interface Slot {
  number: number;
  readings: number;
  readonly latency: Uint32Array;
}

const SLOT_MS = 10_000;
const SLOTS = 6;
/** Six buckets an octave from 0.05 ms up: the last begins beyond 100 s. */
const BUCKETS = 128;
const BUCKETS_PER_OCTAVE = 6;
const LOWEST_MS = 0.05;

function bucketOf(latencyMs: number): number {
  const bucket = Math.ceil(Math.log2(Math.max(latencyMs, LOWEST_MS) / LOWEST_MS) * BUCKETS_PER_OCTAVE);
  return Math.min(bucket, BUCKETS - 1);
}

function percentile(buckets: Uint32Array, count: number, share: number): number {
  const rank = Math.ceil(count * share);
  let seen = 0;
  for (let i = 0; i < BUCKETS; i++) {
    seen += buckets[i] ?? 0;
    if (seen >= rank) return Math.round(LOWEST_MS * 2 ** ((i - 0.5) / BUCKETS_PER_OCTAVE) * 100) / 100;
  }
  return 0;
}
