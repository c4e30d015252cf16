import type { PointValue, Quality } from '../../actors/frame.ts';
import type { ByteOrder, ModbusPoint } from '../../topology/schema/modbus.ts';
import type { ReadingCode, WriteCode } from '../driver-codes.ts';

/**
 * Registers and bits to engineering values and back: pure, one compiled codec a point.
 *
 * Byte order: the specification sends each register high byte first and says nothing on values of several registers. `order`
 * names what the device does, ABCD being big-endian throughout; for 64 bits the same two swaps apply (CDAB: registers reversed,
 * GHEFCDAB; BADC: bytes of each register swapped; DCBA: both). A single register and a string follow the specification unless
 * the point itself (not the device) names an order that swaps the bytes of a register.
 *
 * 64-bit integers beyond 2^53 do not fit a number: a point of type number gets the nearest one and is UNCERTAIN with reason
 * `precision_lost`; a point of type string gets all digits, unscaled.
 */
export interface PointCodec {
  readonly area: ModbusPoint['area'];
  /** As on the wire, counted from zero. */
  readonly address: number;
  /** Registers, or bits in the areas coil and discrete. */
  readonly count: number;
  /** Reads from the data of a reply, `offset` addresses after its start, into `target`, which is reused: this is the hot path. */
  decode(data: Uint8Array, offset: number, target: Decoded): void;
  encode(value: PointValue): Encoded;
}

export interface Decoded {
  value: PointValue;
  quality: Quality;
  reason: ReadingCode | null;
}

export type Encoded =
  | { readonly kind: 'coil'; readonly on: boolean }
  | { readonly kind: 'registers'; readonly registers: readonly number[] }
  | { readonly kind: 'registerBit'; readonly bit: number; readonly on: boolean }
  | {
      readonly kind: 'invalid';
      readonly code: Extract<WriteCode, 'wrong_type' | 'out_of_range'>;
      readonly message: string;
    };

export interface CodecOptions {
  readonly point: ModbusPoint;
  /** What the point is to its readers. */
  readonly valueType: 'number' | 'boolean' | 'string';
  readonly deviceOrder: ByteOrder;
  readonly addressBase: 0 | 1;
}

export function compileCodec(options: CodecOptions): PointCodec {
  const { point } = options;
  const address = point.address - options.addressBase;
  if (point.area === 'coil' || point.area === 'discrete') return bitCodec(options, address);
  if (point.bit !== undefined) return registerBitCodec(options, address, point.bit);
  if (point.type === 'string') return stringCodec(options, address);
  return numberCodec(options, address);
}

/** Registers that a value of the type takes; bits take one address. */
export function addressCount(point: ModbusPoint): number {
  if (point.area === 'coil' || point.area === 'discrete' || point.bit !== undefined) return 1;
  switch (point.type) {
    case 'int32':
    case 'uint32':
    case 'float32':
      return 2;
    case 'int64':
    case 'uint64':
    case 'float64':
      return 4;
    case 'string':
      return point.length ?? 1;
    default:
      return 1;
  }
}

function bitCodec(options: CodecOptions, address: number): PointCodec {
  const present = presentBit(options);
  return {
    area: options.point.area,
    address,
    count: 1,
    // Bits are packed lowest first (Modbus application protocol V1.1b3, 6.1).
    decode: (data, offset, target) => good(target, present(((byteAt(data, offset >> 3) >> (offset & 7)) & 1) === 1)),
    encode: (value) => {
      const on = toBit(value);
      return on === null ? wrongType(value, 'true or false') : { kind: 'coil', on };
    },
  };
}

function registerBitCodec(options: CodecOptions, address: number, bit: number): PointCodec {
  const swap = swapsBytes(options.point.order);
  const present = presentBit(options);
  return {
    area: options.point.area,
    address,
    count: 1,
    decode: (data, offset, target) => good(target, present(((register(data, offset, swap) >> bit) & 1) === 1)),
    encode: (value) => {
      const on = toBit(value);
      // The mask is applied to the register as the device holds it.
      return on === null
        ? wrongType(value, 'true or false')
        : { kind: 'registerBit', bit: swap ? (bit + 8) % 16 : bit, on };
    },
  };
}

function stringCodec(options: CodecOptions, address: number): PointCodec {
  const count = addressCount(options.point);
  const swap = swapsBytes(options.point.order);
  const asNumber = options.valueType === 'number';
  return {
    area: options.point.area,
    address,
    count,
    decode: (data, offset, target) => {
      const bytes = Buffer.from(data.subarray(offset * 2, (offset + count) * 2));
      if (swap) bytes.swap16();
      const end = bytes.indexOf(0);
      const text = bytes.toString('utf8', 0, end < 0 ? bytes.length : end).trimEnd();
      const value = text === '' ? Number.NaN : Number(text);
      if (!asNumber) good(target, text);
      else if (Number.isFinite(value)) good(target, value);
      else bad(target, 'not_finite');
    },
    encode: (value) => {
      if (value === null) return wrongType(value, 'a text');
      const text = Buffer.from(String(value), 'utf8');
      if (text.length > count * 2)
        return outOfRange(`${text.length} bytes do not fit the ${count * 2} bytes of the point`);
      const bytes = Buffer.alloc(count * 2);
      text.copy(bytes);
      if (swap) bytes.swap16();
      return { kind: 'registers', registers: toRegisters(bytes) };
    },
  };
}

function numberCodec(options: CodecOptions, address: number): PointCodec {
  const { point, valueType } = options;
  const count = addressCount(point);
  const order = (count === 1 ? point.order : (point.order ?? options.deviceOrder)) ?? 'ABCD';
  const wide = point.type === 'int64' || point.type === 'uint64';
  const toEngineering = scaling(point);
  // Values of one codec are decoded one after the other, so that they may share the scratch bytes.
  const scratch = Buffer.alloc(count * 2);

  const decode = (data: Uint8Array, offset: number, target: Decoded): void => {
    arrange(order, count, data, offset * 2, scratch);
    if (wide) {
      const exact = point.type === 'int64' ? scratch.readBigInt64BE(0) : scratch.readBigUInt64BE(0);
      if (valueType === 'string') good(target, exact.toString());
      else presentWide(Number(exact), target);
    } else {
      present(readNumber(point.type, scratch), target);
    }
  };

  const presentWide = (raw: number, target: Decoded): void => {
    present(raw, target);
    if (valueType === 'boolean' || Number.isSafeInteger(raw)) return;
    target.quality = 'UNCERTAIN';
    target.reason = 'precision_lost';
  };

  const present = (raw: number, target: Decoded): void => {
    if (!Number.isFinite(raw)) bad(target, 'not_finite');
    else if (valueType === 'boolean') good(target, raw !== 0);
    else if (valueType === 'string') good(target, String(toEngineering(raw)));
    else good(target, toEngineering(raw));
  };

  const encode = (value: PointValue): Encoded => {
    const raw = toRaw(options, value);
    if (typeof raw === 'object') return raw;
    const range = INTEGER_RANGES[point.type];
    if (range !== undefined && (raw < range.min || raw > range.max)) {
      return outOfRange(`${String(value)} does not fit ${point.type}`);
    }
    if (point.type === 'float32' && !Number.isFinite(Math.fround(Number(raw)))) {
      return outOfRange(`${String(value)} does not fit float32`);
    }
    writeNumber(point.type, scratch, raw);
    const bytes = Buffer.alloc(count * 2);
    arrange(order, count, scratch, 0, bytes);
    return { kind: 'registers', registers: toRegisters(bytes) };
  };

  return { area: point.area, address, count, decode, encode };
}

const INTEGER_RANGES: Partial<Record<ModbusPoint['type'], { min: number | bigint; max: number | bigint }>> = {
  bool: { min: 0, max: 1 },
  int16: { min: -0x8000, max: 0x7fff },
  uint16: { min: 0, max: 0xffff },
  int32: { min: -0x8000_0000, max: 0x7fff_ffff },
  uint32: { min: 0, max: 0xffff_ffff },
  int64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  uint64: { min: 0n, max: 2n ** 64n - 1n },
};

/** The value the device is to hold, unscaled: a bigint for 64-bit integers, else a number. */
function toRaw(options: CodecOptions, value: PointValue): number | bigint | Extract<Encoded, { kind: 'invalid' }> {
  const { point } = options;
  const wide = point.type === 'int64' || point.type === 'uint64';
  if (wide && options.valueType === 'string') {
    return typeof value === 'string' && /^-?\d{1,20}$/.test(value)
      ? BigInt(value)
      : wrongType(value, 'a text of digits');
  }
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'string' ? parseNumber(value) : value;
  if (number === null || !Number.isFinite(number)) return wrongType(value, 'a number');
  if (point.scale === 0) return outOfRange('a point with scale 0 cannot be written');
  if (options.valueType === 'boolean') return wide ? BigInt(number === 0 ? 0 : 1) : number === 0 ? 0 : 1;
  if (point.clamp !== undefined && (number < point.clamp.min || number > point.clamp.max)) {
    return outOfRange(`${number} is outside of ${point.clamp.min} … ${point.clamp.max}`);
  }
  const raw = (number - point.offset) / point.scale;
  if (point.type === 'float32' || point.type === 'float64') return raw;
  const whole = Math.round(raw);
  if (!wide) return whole;
  return Number.isSafeInteger(whole) ? BigInt(whole) : outOfRange(`${number} is not exact as a 64-bit integer`);
}

/** `raw * scale + offset`, then the clamp. */
function scaling(point: ModbusPoint): (raw: number) => number {
  const { scale, offset, clamp } = point;
  // 3 * 0.1 is 0.30000000000000004, 3 / 10 is 0.3: a scale that is one over a whole number divides instead.
  const inverse = Math.round(1 / scale);
  const divides = Math.abs(scale) < 1 && scale !== 0 && 1 / inverse === scale;
  return (raw) => {
    const value = (divides ? raw / inverse : raw * scale) + offset;
    if (clamp === undefined) return value;
    return Math.min(Math.max(value, clamp.min), clamp.max);
  };
}

function readNumber(type: ModbusPoint['type'], bytes: Buffer): number {
  switch (type) {
    case 'int16':
      return bytes.readInt16BE(0);
    case 'int32':
      return bytes.readInt32BE(0);
    case 'uint32':
      return bytes.readUInt32BE(0);
    case 'float32':
      return bytes.readFloatBE(0);
    case 'float64':
      return bytes.readDoubleBE(0);
    case 'bool':
      return bytes.readUInt16BE(0) === 0 ? 0 : 1;
    default:
      return bytes.readUInt16BE(0);
  }
}

function writeNumber(type: ModbusPoint['type'], bytes: Buffer, raw: number | bigint): void {
  switch (type) {
    case 'int16':
      return void bytes.writeInt16BE(Number(raw), 0);
    case 'int32':
      return void bytes.writeInt32BE(Number(raw), 0);
    case 'uint32':
      return void bytes.writeUInt32BE(Number(raw), 0);
    case 'int64':
      return void bytes.writeBigInt64BE(BigInt(raw), 0);
    case 'uint64':
      return void bytes.writeBigUInt64BE(BigInt(raw), 0);
    case 'float32':
      return void bytes.writeFloatBE(Number(raw), 0);
    case 'float64':
      return void bytes.writeDoubleBE(Number(raw), 0);
    default:
      return void bytes.writeUInt16BE(Number(raw), 0);
  }
}

/** Brings `count` registers from the device's order to big-endian; its own inverse, as both swaps are. */
function arrange(order: ByteOrder, count: number, from: Uint8Array, start: number, to: Uint8Array): void {
  const reverse = order === 'CDAB' || order === 'DCBA';
  const swap = swapsBytes(order) ? 1 : 0;
  for (let word = 0; word < count; word++) {
    const source = start + 2 * (reverse ? count - 1 - word : word);
    to[2 * word] = byteAt(from, source + swap);
    to[2 * word + 1] = byteAt(from, source + 1 - swap);
  }
}

function swapsBytes(order: ByteOrder | undefined): boolean {
  return order === 'BADC' || order === 'DCBA';
}

function register(data: Uint8Array, offset: number, swap: boolean): number {
  const high = byteAt(data, offset * 2);
  const low = byteAt(data, offset * 2 + 1);
  return swap ? (low << 8) | high : (high << 8) | low;
}

/** Past the end counts as 0: replies are checked for their length before they are decoded. */
function byteAt(data: Uint8Array, index: number): number {
  return data[index] ?? 0;
}

function toRegisters(bytes: Buffer): number[] {
  const registers: number[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) registers.push(bytes.readUInt16BE(i));
  return registers;
}

function presentBit({ valueType, point }: CodecOptions): (on: boolean) => PointValue {
  if (valueType === 'boolean') return (on) => on;
  if (valueType === 'string') return (on) => String(on);
  const toEngineering = scaling(point);
  return (on) => toEngineering(on ? 1 : 0);
}

function toBit(value: PointValue): boolean | null {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 'true') return true;
  if (value === 0 || value === 'false') return false;
  return null;
}

function parseNumber(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}

function good(target: Decoded, value: PointValue): void {
  target.value = value;
  target.quality = 'GOOD';
  target.reason = null;
}

function bad(target: Decoded, reason: ReadingCode): void {
  target.value = null;
  target.quality = 'BAD';
  target.reason = reason;
}

function wrongType(value: PointValue, wanted: string): Extract<Encoded, { kind: 'invalid' }> {
  return { kind: 'invalid', code: 'wrong_type', message: `${JSON.stringify(value)} is not ${wanted}` };
}

function outOfRange(message: string): Extract<Encoded, { kind: 'invalid' }> {
  return { kind: 'invalid', code: 'out_of_range', message };
}
