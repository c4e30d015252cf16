import type { PointValue, Quality } from '../../actors/frame.ts';

/**
 * Samples of one series. A number stands in `numbers`; what is not a plain GOOD number is told by its tag: the quality in
 * the two lower bits, the type above them. Most series never need tags.
 */
export interface Column {
  readonly size: number;
  readonly times: Float64Array;
  readonly numbers: Float64Array;
  readonly tags: Uint8Array | null;
  /** Texts by index. */
  readonly texts: ReadonlyMap<number, string> | null;
}

const NUMBER = 0;
const TRUE = 1;
const FALSE = 2;
const NULL = 3;
const TEXT = 4;

export const QUALITIES: readonly Quality[] = ['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD'];
export const BAD = 3;

export function qualityCode(quality: Quality | undefined): number {
  if (quality === undefined || quality === 'GOOD') return 0;
  return quality === 'SUSPECT' ? 1 : quality === 'UNCERTAIN' ? 2 : BAD;
}

export function tagOf(value: PointValue, quality: number): number {
  if (typeof value === 'number') return quality;
  const type = typeof value === 'string' ? TEXT : value === true ? TRUE : value === false ? FALSE : NULL;
  return (type << 2) | quality;
}

export function qualityOf(column: Column, index: number): number {
  return column.tags === null ? 0 : (column.tags[index] ?? 0) & 3;
}

export function isNumber(column: Column, index: number): boolean {
  return column.tags === null || (column.tags[index] ?? 0) >> 2 === NUMBER;
}

export function isText(tag: number): boolean {
  return tag >> 2 === TEXT;
}

export function pointValueOf(column: Column, index: number): PointValue {
  const type = column.tags === null ? NUMBER : (column.tags[index] ?? 0) >> 2;
  if (type === NUMBER) return column.numbers[index] ?? null;
  if (type === TEXT) return column.texts?.get(index) ?? null;
  return type === NULL ? null : type === TRUE;
}

/**
 * One column in the order of time out of several, given in the order in which they arrived. Of two samples of one instant
 * the one that arrived last stays: a delivery repeated changes nothing, a correction counts.
 */
export function merge(columns: readonly Column[]): Column {
  const [only] = columns;
  if (only && columns.length === 1 && isRising(only.times, only.size)) return only;
  const all = concatenate(columns);
  const order = new Uint32Array(all.size);
  for (let index = 0; index < all.size; index++) order[index] = index;
  order.sort((a, b) => (all.times[a] ?? 0) - (all.times[b] ?? 0) || a - b);
  let kept = 0;
  for (let index = 0; index < all.size; index++) {
    const current = order[index] ?? 0;
    const next = order[index + 1];
    if (next !== undefined && all.times[next] === all.times[current]) continue;
    order[kept++] = current;
  }
  return pick(all, order, kept);
}

function isRising(times: Float64Array, size: number): boolean {
  for (let index = 1; index < size; index++) if ((times[index] ?? 0) <= (times[index - 1] ?? 0)) return false;
  return true;
}

function concatenate(columns: readonly Column[]): Column {
  let size = 0;
  for (const column of columns) size += column.size;
  const times = new Float64Array(size);
  const numbers = new Float64Array(size);
  const tags = columns.some((column) => column.tags !== null) ? new Uint8Array(size) : null;
  const texts = new Map<number, string>();
  let at = 0;
  for (const column of columns) {
    times.set(column.times.subarray(0, column.size), at);
    numbers.set(column.numbers.subarray(0, column.size), at);
    if (column.tags) tags?.set(column.tags.subarray(0, column.size), at);
    if (column.texts) for (const [index, text] of column.texts) texts.set(at + index, text);
    at += column.size;
  }
  return { size, times, numbers, tags, texts };
}

function pick(from: Column, order: Uint32Array, size: number): Column {
  const times = new Float64Array(size);
  const numbers = new Float64Array(size);
  const tags = from.tags && new Uint8Array(size);
  const texts = new Map<number, string>();
  for (let index = 0; index < size; index++) {
    const source = order[index] ?? 0;
    times[index] = from.times[source] ?? 0;
    numbers[index] = from.numbers[source] ?? 0;
    if (tags && from.tags) tags[index] = from.tags[source] ?? 0;
    const text = from.texts?.get(source);
    if (text !== undefined) texts.set(index, text);
  }
  return { size, times, numbers, tags, texts };
}
