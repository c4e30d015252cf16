import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';
import { Packr, pack, Unpackr, unpack } from 'msgpackr';
import { EntityId } from '../ids.ts';
import type { LogRecord, PositionedRecord } from '../log.ts';
import { POSITIONS_PER_MESSAGE, positionOf } from './positions.ts';

/**
 * One message of the stream: a version byte, the length of the head (32 bit, big endian), the head, and the observations in
 * blocks. The head names the sources and says, block by block, whose it is, how many observations it has and how many bytes.
 * A block holds records of one source that follow each other, and is complete in itself: whoever does not want the source
 * skips its bytes, and a burst of one device writes the names of its points once (see `runtime/batch-codec.ts`).
 *
 * Another version byte, and what follows is all of that compressed (RFC 1951): messages that have come a long way.
 */
const VERSION = 1;
const COMPRESSED = 2;
/** Far above what any message has: nothing that is made to swell gets further. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;
const PREFIX_BYTES = 5;
const NUMBERS_PER_BLOCK = 3;

const options = { useRecords: true, structuredClone: true };
const packr = new Packr(options);
const unpackr = new Unpackr(options);

export function encodeMessage(records: readonly LogRecord[], count: number): Uint8Array {
  const sources: string[] = [];
  const indexOf = new Map<string, number>();
  const layout: number[] = [];
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for (let from = 0; from < count; ) {
    const source = records[from]?.source ?? '';
    const observations: unknown[] = [];
    let to = from;
    for (; to < count && records[to]?.source === source; to++) observations.push(records[to]?.observation);
    let index = indexOf.get(source);
    if (index === undefined) {
      index = sources.push(source) - 1;
      indexOf.set(source, index);
    }
    const block = packr.encode(observations);
    layout.push(index, to - from, block.byteLength);
    blocks.push(block);
    bytes += block.byteLength;
    from = to;
  }
  const head = pack([sources, layout]);
  const message = new Uint8Array(PREFIX_BYTES + head.byteLength + bytes);
  message[0] = VERSION;
  new DataView(message.buffer).setUint32(1, head.byteLength);
  message.set(head, PREFIX_BYTES);
  let at = PREFIX_BYTES + head.byteLength;
  for (const block of blocks) {
    message.set(block, at);
    at += block.byteLength;
  }
  return message;
}

const deflate = promisify(deflateRaw);

/** A message for a narrow way; `decodeMessage` takes both. */
export async function compressMessage(message: Uint8Array): Promise<Uint8Array> {
  const body = await deflate(message);
  const compressed = new Uint8Array(1 + body.byteLength);
  compressed[0] = COMPRESSED;
  compressed.set(body, 1);
  return compressed.byteLength < message.byteLength ? compressed : message;
}

/** The records of wanted sources, with their positions, and how many there are with those that were skipped. */
export function decodeMessage(
  data: Uint8Array,
  sequence: number,
  wants: (source: EntityId) => boolean,
): { readonly records: PositionedRecord[]; readonly count: number } {
  const message = data[0] === COMPRESSED ? inflated(data) : data;
  const { sources, layout, bodyAt, count } = headOf(message);
  const wanted = sources.map(wants);
  const records: PositionedRecord[] = [];
  let index = 0;
  let at = bodyAt;
  for (let block = 0; block < layout.length; block += NUMBERS_PER_BLOCK) {
    const which = layout[block] ?? 0;
    const size = layout[block + 1] ?? 0;
    const end = at + (layout[block + 2] ?? 0);
    const source = sources[which];
    if (source !== undefined && wanted[which]) {
      const observations: unknown = unpackr.decode(message.subarray(at, end));
      if (!Array.isArray(observations) || observations.length !== size)
        throw damaged('a block is not what its head says');
      for (const observation of observations) {
        records.push({ position: positionOf(sequence, index++, count), source, observation });
      }
    } else {
      index += size;
    }
    at = end;
  }
  return { records, count };
}

function inflated(data: Uint8Array): Uint8Array {
  return inflateRawSync(data.subarray(1), { maxOutputLength: MAX_INFLATED_BYTES });
}

interface Head {
  readonly sources: readonly EntityId[];
  readonly layout: readonly number[];
  readonly bodyAt: number;
  readonly count: number;
}

function headOf(data: Uint8Array): Head {
  if (data.byteLength < PREFIX_BYTES || data[0] !== VERSION) throw damaged('it is of no version that is known here');
  const bodyAt = PREFIX_BYTES + new DataView(data.buffer, data.byteOffset).getUint32(1);
  if (bodyAt > data.byteLength) throw damaged('it is cut off');
  const head: unknown = unpack(data.subarray(PREFIX_BYTES, bodyAt));
  const [names, layout]: unknown[] = Array.isArray(head) ? head : [];
  if (!Array.isArray(names) || !isLayout(layout)) throw damaged('it has no head');
  let count = 0;
  let end = bodyAt;
  for (let block = 0; block < layout.length; block += NUMBERS_PER_BLOCK) {
    count += layout[block + 1] ?? 0;
    end += layout[block + 2] ?? 0;
  }
  if (end !== data.byteLength || count > POSITIONS_PER_MESSAGE) throw damaged('head and body differ');
  // None at all is what an owner begins with.
  if (count === 0 && layout.length > 0) throw damaged('a block without a record');
  return { sources: names.map(entityIdOf), layout, bodyAt, count };
}

function isLayout(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length % NUMBERS_PER_BLOCK === 0 &&
    value.every((number) => Number.isSafeInteger(number) && number >= 0)
  );
}

function damaged(why: string): TypeError {
  return new TypeError(`a message of the telemetry log cannot be read: ${why}`);
}

/** The same names come in every message; a plant does not have so many of them. */
const MAX_KNOWN = 100_000;
const known = new Map<unknown, EntityId>();

function entityIdOf(name: unknown): EntityId {
  const seen = known.get(name);
  if (seen !== undefined) return seen;
  const id = EntityId.parse(name);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, id);
  return id;
}
