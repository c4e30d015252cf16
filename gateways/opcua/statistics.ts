import type { DriverCode } from '../driver-codes.ts';

const WINDOW_MS = 60_000;
const RATE_WINDOW_MS = 10_000;
const MAX_LATENCIES = 256;

/** What a link counts for its report. */
export class Statistics {
  readonly errors: Record<string, number> = {};
  readonly counters: Record<string, number> = {};
  lastError: { readonly code: DriverCode; readonly message: string; readonly atMs: number } | null = null;
  lastReadingAtMs: number | null = null;
  readonly #latencies: { atMs: number; ms: number }[] = [];
  readonly #batches: { atMs: number; readings: number }[] = [];

  error(code: DriverCode, message: string, atMs: number): void {
    this.errors[code] = (this.errors[code] ?? 0) + 1;
    this.lastError = { code, message, atMs };
  }

  count(name: string, by = 1): void {
    this.counters[name] = (this.counters[name] ?? 0) + by;
  }

  latency(ms: number, atMs: number): void {
    this.#latencies.push({ atMs, ms });
    if (this.#latencies.length > MAX_LATENCIES) this.#latencies.shift();
  }

  readings(count: number, atMs: number): void {
    if (count === 0) return;
    this.lastReadingAtMs = atMs;
    const last = this.#batches[this.#batches.length - 1];
    // One entry a second at most: the window stays small however fast the server publishes.
    if (last !== undefined && atMs - last.atMs < 1000) last.readings += count;
    else this.#batches.push({ atMs, readings: count });
  }

  latencyMs(nowMs: number): { p50: number; p99: number } | null {
    const recent = this.#latencies.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS).map(({ ms }) => ms);
    if (recent.length === 0) return null;
    recent.sort((a, b) => a - b);
    const at = (share: number): number => recent[Math.min(recent.length - 1, Math.floor(recent.length * share))] ?? 0;
    return { p50: round(at(0.5)), p99: round(at(0.99)) };
  }

  readingsPerSecond(nowMs: number): number {
    while (nowMs - (this.#batches[0]?.atMs ?? nowMs) > RATE_WINDOW_MS) this.#batches.shift();
    const total = this.#batches.reduce((sum, { readings }) => sum + readings, 0);
    return round(total / (RATE_WINDOW_MS / 1000));
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
