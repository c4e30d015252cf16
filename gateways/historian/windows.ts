import type { WindowRow } from '../../runtime/historian.ts';
import { BAD, type Column, isNumber, qualityOf } from './column.ts';

/**
 * Tumbling windows over samples that come in the order of time. One window is in memory at a time, with all of its numbers,
 * so that percentiles are exact. A window without a number that is not BAD has nothing to say and is left out.
 */
export class Windows {
  readonly #windowMs: number;
  readonly #limit: number;
  readonly rows: WindowRow[] = [];
  #startMs = Number.NaN;
  #numbers = new Float64Array(256);
  #count = 0;
  readonly #quality = [0, 0, 0, 0];

  constructor(windowMs: number, limit: number) {
    this.#windowMs = windowMs;
    this.#limit = limit;
  }

  /** True when no more rows are wanted. */
  get full(): boolean {
    return this.rows.length >= this.#limit;
  }

  add(column: Column, from: number, to: number): void {
    for (let index = from; index < to && !this.full; index++) {
      const timeMs = column.times[index] ?? 0;
      const startMs = Math.floor(timeMs / this.#windowMs) * this.#windowMs;
      if (startMs !== this.#startMs) {
        this.finish();
        if (this.full) return;
        this.#startMs = startMs;
      }
      const quality = qualityOf(column, index);
      this.#quality[quality] = (this.#quality[quality] ?? 0) + 1;
      const number = column.numbers[index] ?? Number.NaN;
      if (quality !== BAD && isNumber(column, index) && Number.isFinite(number)) this.#push(number);
    }
  }

  #push(number: number): void {
    if (this.#count === this.#numbers.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#count++] = number;
  }

  /** Closes the window that is open. */
  finish(): void {
    const numbers = this.#numbers.subarray(0, this.#count);
    if (this.#count > 0 && !this.full) {
      const [good = 0, suspect = 0, uncertain = 0, bad = 0] = this.#quality;
      const pctGood = (100 * good) / (good + suspect + uncertain + bad);
      const quality = { good, suspect, uncertain, bad, pctGood };
      this.rows.push({ startMs: this.#startMs, endMs: this.#startMs + this.#windowMs, ...aggregate(numbers), quality });
    }
    this.#count = 0;
    this.#quality.fill(0);
  }
}

type Aggregates = Omit<WindowRow, 'startMs' | 'endMs' | 'quality'>;

/** Sorts the numbers, which are at least one. `stddev` is that of a sample (n - 1), as in SQL, and 0 for a single number. */
function aggregate(numbers: Float64Array): Aggregates {
  const count = numbers.length;
  const first = numbers[0] ?? 0;
  const last = numbers[count - 1] ?? 0;
  let sum = 0;
  for (const number of numbers) sum += number;
  const avg = sum / count;
  // In a second pass: the sum of squares alone loses all digits where values are large and vary little.
  let squares = 0;
  for (const number of numbers) squares += (number - avg) ** 2;
  numbers.sort();
  return {
    count,
    min: numbers[0] ?? 0,
    max: numbers[count - 1] ?? 0,
    avg,
    sum,
    stddev: count > 1 ? Math.sqrt(squares / (count - 1)) : 0,
    first,
    last,
    p50: percentile(numbers, 0.5),
    p95: percentile(numbers, 0.95),
    p99: percentile(numbers, 0.99),
  };
}

/** Between the two nearest samples, as SQL's `percentile_cont`. */
function percentile(sorted: Float64Array, fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
