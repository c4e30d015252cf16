/** The tables of one simulated unit, and what a request may do with them. */
export interface UnitImage {
  readonly holding?: Uint16Array;
  readonly input?: Uint16Array;
  /** One element a bit, 0 or not 0. */
  readonly coil?: Uint8Array;
  readonly discrete?: Uint8Array;
  /** Addresses that answer exception 02, beside everything past the end of a table. */
  readonly illegal?: readonly AreaRange[];
  /** Function codes that answer exception 01. */
  readonly unsupported?: readonly number[];
  /** Before a read is answered: the place to bring the tables up to date. */
  readonly onRead?: (area: Area, address: number, count: number) => void;
  /** After the tables have taken a write. */
  readonly onWrite?: (area: Area, address: number, count: number) => void;
}

export type Area = 'holding' | 'input' | 'coil' | 'discrete';

/** From `from` up to, not including, `to`. */
export interface AreaRange {
  readonly area: Area;
  readonly from: number;
  readonly to: number;
}

/**
 * Answers one request (function code and data, without unit) from the image: Modbus application protocol V1.1b3, 6. An
 * exception is an answer of two bytes, the first with its highest bit set.
 */
export function answer(image: UnitImage, request: Buffer): Buffer {
  const functionCode = request.readUInt8(0);
  if (image.unsupported?.includes(functionCode)) return exception(functionCode, ILLEGAL_FUNCTION);
  if (request.length < (SHORTEST[functionCode] ?? 1)) return exception(functionCode, ILLEGAL_VALUE);
  switch (functionCode) {
    case 1:
      return readBits(image, 'coil', request);
    case 2:
      return readBits(image, 'discrete', request);
    case 3:
      return readRegisters(image, 'holding', request);
    case 4:
      return readRegisters(image, 'input', request);
    case 5:
      return writeCoil(image, request);
    case 6:
      return writeRegister(image, request);
    case 15:
      return writeCoils(image, request);
    case 16:
      return writeRegisters(image, request);
    case 22:
      return maskRegister(image, request);
    default:
      return exception(functionCode, ILLEGAL_FUNCTION);
  }
}

/** What a request is about; null for one that has no address. */
export function addressed(request: Buffer): AreaRange | null {
  const area = AREA_OF[request.readUInt8(0)];
  if (area === undefined || request.length < 5) return null;
  const from = request.readUInt16BE(1);
  const single = SINGLE.has(request.readUInt8(0));
  return { area, from, to: from + (single ? 1 : request.readUInt16BE(3)) };
}

export function exception(functionCode: number, code: number): Buffer {
  return Buffer.of(functionCode | 0x80, code);
}

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;

const AREA_OF: Readonly<Record<number, Area>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
  5: 'coil',
  6: 'holding',
  15: 'coil',
  16: 'holding',
  22: 'holding',
};
const SINGLE = new Set([5, 6, 22]);
const SHORTEST: Readonly<Record<number, number>> = { 1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 15: 7, 16: 8, 22: 7 };

function readBits(image: UnitImage, area: 'coil' | 'discrete', request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const count = request.readUInt16BE(3);
  const refused = refusal(image, area, address, count, 2000);
  const table = image[area];
  if (refused !== 0 || table === undefined) return exception(request.readUInt8(0), refused || ILLEGAL_ADDRESS);
  image.onRead?.(area, address, count);
  const bytes = Math.ceil(count / 8);
  const reply = Buffer.alloc(2 + bytes);
  reply[0] = request.readUInt8(0);
  reply[1] = bytes;
  for (let i = 0; i < count; i++) {
    if (table[address + i]) reply[2 + (i >> 3)] = (reply[2 + (i >> 3)] ?? 0) | (1 << (i & 7));
  }
  return reply;
}

function readRegisters(image: UnitImage, area: 'holding' | 'input', request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const count = request.readUInt16BE(3);
  const refused = refusal(image, area, address, count, 125);
  const table = image[area];
  if (refused !== 0 || table === undefined) return exception(request.readUInt8(0), refused || ILLEGAL_ADDRESS);
  image.onRead?.(area, address, count);
  const reply = Buffer.allocUnsafe(2 + count * 2);
  reply[0] = request.readUInt8(0);
  reply[1] = count * 2;
  for (let i = 0; i < count; i++) reply.writeUInt16BE(table[address + i] ?? 0, 2 + 2 * i);
  return reply;
}

function writeCoil(image: UnitImage, request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const value = request.readUInt16BE(3);
  if (value !== 0 && value !== 0xff00) return exception(5, ILLEGAL_VALUE);
  const refused = refusal(image, 'coil', address, 1, 1);
  if (refused !== 0 || image.coil === undefined) return exception(5, refused || ILLEGAL_ADDRESS);
  image.coil[address] = value === 0 ? 0 : 1;
  image.onWrite?.('coil', address, 1);
  return Buffer.from(request.subarray(0, 5));
}

function writeRegister(image: UnitImage, request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const refused = refusal(image, 'holding', address, 1, 1);
  if (refused !== 0 || image.holding === undefined) return exception(6, refused || ILLEGAL_ADDRESS);
  image.holding[address] = request.readUInt16BE(3);
  image.onWrite?.('holding', address, 1);
  return Buffer.from(request.subarray(0, 5));
}

function writeCoils(image: UnitImage, request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const count = request.readUInt16BE(3);
  const refused = refusal(image, 'coil', address, count, 1968);
  if (refused !== 0 || image.coil === undefined) return exception(15, refused || ILLEGAL_ADDRESS);
  if (request.length !== 6 + Math.ceil(count / 8)) return exception(15, ILLEGAL_VALUE);
  for (let i = 0; i < count; i++) image.coil[address + i] = (request.readUInt8(6 + (i >> 3)) >> (i & 7)) & 1;
  image.onWrite?.('coil', address, count);
  return Buffer.from(request.subarray(0, 5));
}

function writeRegisters(image: UnitImage, request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const count = request.readUInt16BE(3);
  const refused = refusal(image, 'holding', address, count, 123);
  if (refused !== 0 || image.holding === undefined) return exception(16, refused || ILLEGAL_ADDRESS);
  if (request.length !== 6 + count * 2) return exception(16, ILLEGAL_VALUE);
  for (let i = 0; i < count; i++) image.holding[address + i] = request.readUInt16BE(6 + 2 * i);
  image.onWrite?.('holding', address, count);
  return Buffer.from(request.subarray(0, 5));
}

function maskRegister(image: UnitImage, request: Buffer): Buffer {
  const address = request.readUInt16BE(1);
  const refused = refusal(image, 'holding', address, 1, 1);
  if (refused !== 0 || image.holding === undefined) return exception(22, refused || ILLEGAL_ADDRESS);
  const andMask = request.readUInt16BE(3);
  const orMask = request.readUInt16BE(5);
  const held = image.holding[address] ?? 0;
  image.holding[address] = (held & andMask) | (orMask & ~andMask & 0xffff);
  image.onWrite?.('holding', address, 1);
  return Buffer.from(request.subarray(0, 7));
}

function refusal(image: UnitImage, area: Area, address: number, count: number, most: number): number {
  if (count < 1 || count > most) return ILLEGAL_VALUE;
  const end = address + count;
  if (end > (image[area]?.length ?? 0)) return ILLEGAL_ADDRESS;
  for (const range of image.illegal ?? []) {
    if (range.area === area && address < range.to && range.from < end) return ILLEGAL_ADDRESS;
  }
  return 0;
}
