import type { Frame } from '../../actors/frame.ts';
import { type Column, isText, qualityCode, tagOf } from './column.ts';

/** More points than these are spread over several strips, so that reading one of them never reads hundreds. */
export const MAX_POINTS = 16;
const FIRST_ROWS = 4;

/**
 * Some series of one entity that are sampled together, in memory: a table with a row a scan. The instant is kept once for
 * all points. One array a strip, not one a series: with 100,000 series the arrays themselves would cost more than what is
 * in them.
 */
export class Strip {
  readonly entity: string;
  readonly points: readonly string[];
  readonly #width: number;
  #rows = 0;
  /** Instant and values of a row, one after the other. */
  #cells: Float64Array;
  #tags: Uint8Array | null = null;
  #texts: Map<number, string> | null = null;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(entity: string, points: readonly string[]) {
    this.entity = entity;
    this.points = points;
    this.#width = points.length + 1;
    this.#cells = new Float64Array(FIRST_ROWS * this.#width);
  }

  get rows(): number {
    return this.#rows;
  }

  get startMs(): number {
    return this.#startMs;
  }

  get endMs(): number {
    return this.#endMs;
  }

  /** Takes the readings of a frame from `offset` on, as many as the strip has points. */
  push(timeMs: number, frame: Frame, offset: number): void {
    const width = this.#width;
    const row = this.#rows++;
    if (this.#rows * width > this.#cells.length) this.#grow();
    const start = row * width;
    const cells = this.#cells;
    cells[start] = timeMs;
    if (timeMs < this.#startMs) this.#startMs = timeMs;
    if (timeMs > this.#endMs) this.#endMs = timeMs;
    const { values, quality } = frame;
    for (let column = 0; column < width - 1; column++) {
      const value = values[offset + column] ?? null;
      if (typeof value === 'number') cells[start + 1 + column] = value;
      if (quality !== null || typeof value !== 'number') {
        const tag = tagOf(value, qualityCode(quality?.[offset + column]));
        if (tag !== 0 || this.#tags !== null) this.#tag(row, column, tag, value);
      }
    }
  }

  #tag(row: number, column: number, tag: number, value: unknown): void {
    const slot = row * this.#width + column + 1;
    this.#tags ??= new Uint8Array(this.#cells.length);
    this.#tags[slot] = tag;
    if (typeof value === 'string') {
      this.#texts ??= new Map();
      this.#texts.set(slot, value);
    }
  }

  #grow(): void {
    const cells = new Float64Array(this.#cells.length * 2);
    cells.set(this.#cells);
    this.#cells = cells;
    if (this.#tags === null) return;
    const tags = new Uint8Array(cells.length);
    tags.set(this.#tags);
    this.#tags = tags;
  }

  times(): Float64Array {
    const times = new Float64Array(this.#rows);
    for (let row = 0; row < this.#rows; row++) times[row] = this.#cells[row * this.#width] ?? 0;
    return times;
  }

  /** The samples of one point; `times` may be shared by all of them. */
  column(point: number, times: Float64Array): Column {
    const numbers = new Float64Array(this.#rows);
    for (let row = 0, slot = point + 1; row < this.#rows; row++, slot += this.#width)
      numbers[row] = this.#cells[slot] ?? 0;
    const tags = this.#tags && this.#columnTags(point, this.#tags);
    return { size: this.#rows, times, numbers, tags, texts: tags && this.#columnTexts(point, tags) };
  }

  #columnTags(point: number, all: Uint8Array): Uint8Array | null {
    const tags = new Uint8Array(this.#rows);
    let any = false;
    for (let row = 0, slot = point + 1; row < this.#rows; row++, slot += this.#width) {
      const tag = all[slot] ?? 0;
      tags[row] = tag;
      if (tag !== 0) any = true;
    }
    return any ? tags : null;
  }

  #columnTexts(point: number, tags: Uint8Array): Map<number, string> | null {
    if (this.#texts === null) return null;
    const texts = new Map<number, string>();
    for (let row = 0; row < this.#rows; row++) {
      const text = isText(tags[row] ?? 0) ? this.#texts.get(row * this.#width + point + 1) : undefined;
      if (text !== undefined) texts.set(row, text);
    }
    return texts.size > 0 ? texts : null;
  }
}
