import type { ConnectionReport } from '../driver.ts';
import type { DriverCode } from '../driver-codes.ts';

const LATENCY_SAMPLES = 600;
const LATENCY_WINDOW_MS = 60_000;

/** Counters of one connection, for its report. */
export class Statistics {
  readonly errors: Record<string, number> = {};
  readings = 0;
  messages = 0;
  lastReadingAtMs: number | null = null;
  #readingsBefore = 0;
  #beforeMs = 0;
  #perSecond = 0;
  readonly #latencies: { readonly atMs: number; readonly tookMs: number }[] = [];

  count(code: DriverCode): void {
    this.errors[code] = (this.errors[code] ?? 0) + 1;
  }

  /** From the arrival of a message until the log had it. */
  latency(atMs: number, tookMs: number): void {
    this.#latencies.push({ atMs, tookMs });
    if (this.#latencies.length > LATENCY_SAMPLES) this.#latencies.shift();
  }

  /** Called once a report, since the rate is that since the last one. */
  summary(nowMs: number): Pick<ConnectionReport, 'errors' | 'readingsPerSecond' | 'lastReadingAtMs' | 'latencyMs'> {
    const elapsedMs = nowMs - this.#beforeMs;
    if (elapsedMs >= 500) {
      this.#perSecond = this.#beforeMs === 0 ? 0 : ((this.readings - this.#readingsBefore) * 1000) / elapsedMs;
      this.#readingsBefore = this.readings;
      this.#beforeMs = nowMs;
    }
    const recent = this.#latencies
      .filter((sample) => sample.atMs > nowMs - LATENCY_WINDOW_MS)
      .map((sample) => sample.tookMs)
      .sort((a, b) => a - b);
    const at = (fraction: number) => recent[Math.floor(fraction * (recent.length - 1))] ?? 0;
    return {
      errors: { ...this.errors },
      readingsPerSecond: Math.round(this.#perSecond * 10) / 10,
      lastReadingAtMs: this.lastReadingAtMs,
      ...(recent.length > 0 && { latencyMs: { p50: at(0.5), p99: at(0.99) } }),
    };
  }
}
