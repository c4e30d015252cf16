import type { Column } from './column.ts';
import type { Strip } from './strip.ts';

/**
 * A chunk: the rows of a strip as bytes, by column, so that one point is read without the others. Little-endian, every
 * part at a multiple of 8:
 *
 *     u8 version, u8 kind of times, u16 points, u32 rows, f64 first instant
 *     u32 offset of each point
 *     instants: u32 ms after the first, or f64
 *     per point: u8 kind, u8 power of ten, u16 0, u32 bytes of texts (0: none), u32 1 with tags, u32 0, values, tags, texts
 *
 * Measured values have few decimals: 20.37 is the integer 2037 and a power of ten, and reads back as the same double.
 * That makes two or four bytes of eight for the price of one comparison a value.
 */
const VERSION = 1;
const TIMES_U32 = 0;
const TIMES_F64 = 1;
const CONSTANT = 0;
const INT16 = 1;
const INT32 = 2;
const DOUBLE = 3;
const MAX_POWER = 3;
const POINT_HEAD = 16;

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };
let scratch = new ArrayBuffer(64 * 1024);

/** The bytes lie in a buffer that the next call writes over. */
export function encodeChunk(strip: Strip): Uint8Array {
  const { rows, points } = strip;
  const times = strip.times();
  let at = pad(16 + 4 * points.length);
  reserve(at + rows * 8);
  let view = new DataView(scratch);
  const base = strip.startMs;
  const timesKind = fitU32(times, base) ? TIMES_U32 : TIMES_F64;
  view.setUint8(0, VERSION);
  view.setUint8(1, timesKind);
  view.setUint16(2, points.length, true);
  view.setUint32(4, rows, true);
  view.setFloat64(8, base, true);
  if (timesKind === TIMES_U32) {
    const target = new Uint32Array(scratch, at, rows);
    for (let row = 0; row < rows; row++) target[row] = (times[row] ?? 0) - base;
    at += pad(rows * 4);
  } else {
    new Float64Array(scratch, at, rows).set(times);
    at += rows * 8;
  }
  for (let point = 0; point < points.length; point++) {
    const column = strip.column(point, times);
    const texts = column.texts && utf8.encode.encode(JSON.stringify([...column.texts]));
    reserve(at + POINT_HEAD + rows * 8 + pad(rows) + pad(texts?.byteLength ?? 0));
    view = new DataView(scratch);
    view.setUint32(16 + 4 * point, at, true);
    at = writeColumn(view, at, column, texts);
  }
  return new Uint8Array(scratch, 0, at);
}

function writeColumn(view: DataView, start: number, column: Column, texts: Uint8Array | null): number {
  const { size, numbers, tags } = column;
  const { kind, power } = encodingOf(numbers, size);
  view.setUint8(start, kind);
  view.setUint8(start + 1, power);
  view.setUint16(start + 2, 0, true);
  view.setUint32(start + 4, texts?.byteLength ?? 0, true);
  view.setUint32(start + 8, tags ? 1 : 0, true);
  view.setUint32(start + 12, 0, true);
  let at = start + POINT_HEAD;
  if (kind === CONSTANT) view.setFloat64(at, numbers[0] ?? 0, true);
  else if (kind === DOUBLE) new Float64Array(view.buffer, at, size).set(numbers);
  else {
    const target = kind === INT16 ? new Int16Array(view.buffer, at, size) : new Int32Array(view.buffer, at, size);
    const scale = 10 ** power;
    for (let row = 0; row < size; row++) target[row] = Math.round((numbers[row] ?? 0) * scale);
  }
  at += bytesOf(kind, size);
  if (tags) {
    new Uint8Array(view.buffer, at, size).set(tags);
    at += pad(size);
  }
  if (texts) {
    new Uint8Array(view.buffer, at, texts.byteLength).set(texts);
    at += pad(texts.byteLength);
  }
  return at;
}

/** The smallest form that gives back every number exactly. */
function encodingOf(numbers: Float64Array, size: number): { kind: number; power: number } {
  const first = numbers[0] ?? 0;
  let constant = true;
  for (let row = 1; row < size && constant; row++) constant = numbers[row] === first;
  if (constant) return { kind: CONSTANT, power: 0 };
  for (let power = 0; power <= MAX_POWER; power++) {
    const largest = largestScaled(numbers, size, 10 ** power);
    if (largest <= 0x7fff) return { kind: INT16, power };
    if (largest <= 0x7fffffff) return { kind: INT32, power };
  }
  return { kind: DOUBLE, power: 0 };
}

/** The largest integer that the scaled numbers need, or infinity when one of them would not come back exactly. */
function largestScaled(numbers: Float64Array, size: number, scale: number): number {
  let largest = 0;
  for (let row = 0; row < size; row++) {
    const number = numbers[row] ?? 0;
    const scaled = Math.round(number * scale);
    if (scaled / scale !== number) return Number.POSITIVE_INFINITY;
    if (scaled > largest) largest = scaled;
    else if (-scaled > largest) largest = -scaled;
  }
  return largest;
}

/** The samples of one point of a chunk. */
export function decodeColumn(bytes: ArrayBuffer, point: number): Column {
  const view = new DataView(bytes);
  const version = view.getUint8(0);
  if (version !== VERSION) throw new TypeError(`a chunk of version ${version} cannot be read`);
  const points = view.getUint16(2, true);
  const size = view.getUint32(4, true);
  if (point >= points) throw new RangeError(`the chunk has ${points} points, there is no point ${point}`);
  const start = view.getUint32(16 + 4 * point, true);
  const kind = view.getUint8(start);
  const textBytes = view.getUint32(start + 4, true);
  const tagged = view.getUint32(start + 8, true) === 1;
  let at = start + POINT_HEAD;
  const numbers = readNumbers(view, at, kind, 10 ** view.getUint8(start + 1), size);
  at += bytesOf(kind, size);
  const tags = tagged ? new Uint8Array(bytes, at, size) : null;
  if (tagged) at += pad(size);
  const texts = textBytes > 0 ? readTexts(new Uint8Array(bytes, at, textBytes)) : null;
  return { size, times: readTimes(view, points, size), numbers, tags, texts };
}

function readTimes(view: DataView, points: number, size: number): Float64Array {
  const at = pad(16 + 4 * points);
  if (view.getUint8(1) === TIMES_F64) return new Float64Array(view.buffer, at, size);
  const base = view.getFloat64(8, true);
  const offsets = new Uint32Array(view.buffer, at, size);
  const times = new Float64Array(size);
  for (let row = 0; row < size; row++) times[row] = base + (offsets[row] ?? 0);
  return times;
}

function readNumbers(view: DataView, at: number, kind: number, scale: number, size: number): Float64Array {
  if (kind === DOUBLE) return new Float64Array(view.buffer, at, size);
  if (kind === CONSTANT) return new Float64Array(size).fill(view.getFloat64(at, true));
  const stored = kind === INT16 ? new Int16Array(view.buffer, at, size) : new Int32Array(view.buffer, at, size);
  const numbers = new Float64Array(size);
  for (let row = 0; row < size; row++) numbers[row] = (stored[row] ?? 0) / scale;
  return numbers;
}

function readTexts(bytes: Uint8Array): Map<number, string> {
  const pairs: unknown = JSON.parse(utf8.decode.decode(bytes));
  const texts = new Map<number, string>();
  if (!Array.isArray(pairs)) return texts;
  for (const pair of pairs) {
    if (Array.isArray(pair) && typeof pair[0] === 'number' && typeof pair[1] === 'string') texts.set(pair[0], pair[1]);
  }
  return texts;
}

function bytesOf(kind: number, size: number): number {
  if (kind === CONSTANT) return 8;
  return pad(size * (kind === INT16 ? 2 : kind === INT32 ? 4 : 8));
}

function fitU32(times: Float64Array, base: number): boolean {
  for (const time of times) {
    const offset = time - base;
    if (offset !== offset >>> 0) return false;
  }
  return true;
}

function pad(bytes: number): number {
  return (bytes + 7) & ~7;
}

function reserve(bytes: number): void {
  if (bytes <= scratch.byteLength) return;
  const larger = new ArrayBuffer(Math.max(bytes, scratch.byteLength * 2));
  new Uint8Array(larger).set(new Uint8Array(scratch));
  scratch = larger;
}
