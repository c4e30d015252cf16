import type { PointValue } from '../../actors/frame.ts';
import type { ReadingCode } from '../driver-codes.ts';
import type { ListedOpcUaCode } from './codes.ts';

/** Built-in types (OPC 10000-6, table 1) that a point can carry. */
export const BuiltIn = {
  Null: 0,
  Boolean: 1,
  SByte: 2,
  Byte: 3,
  Int16: 4,
  UInt16: 5,
  Int32: 6,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
  String: 12,
  DateTime: 13,
  LocalizedText: 21,
} as const;

/** How a point reads the value of its node. */
export interface ValueMapping {
  readonly type: 'number' | 'boolean' | 'string';
  readonly scale: number;
  readonly offset: number;
}

export interface RawValue {
  readonly dataType: number;
  /** 0 is a scalar. */
  readonly arrayType: number;
  readonly value: unknown;
}

export type Conversion =
  | { readonly value: PointValue; readonly doubt?: 'precision_lost' }
  | { readonly reason: ReadingCode | ListedOpcUaCode };

/** The engineering value of a node's value, or why there is none. */
export function engineeringValue(raw: RawValue | null, mapping: ValueMapping): Conversion {
  if (raw === null || raw.dataType === BuiltIn.Null || raw.value === null || raw.value === undefined)
    return { reason: 'no_value' };
  if (raw.arrayType !== 0) return { reason: 'opcua_array_value' };
  const plain = plainValue(raw.dataType, raw.value);
  if (plain === null) return { reason: 'opcua_unsupported_data_type' };
  switch (mapping.type) {
    case 'number': {
      const number = typeof plain === 'boolean' ? Number(plain) : plain;
      if (typeof number !== 'number') return { reason: 'wrong_type' };
      if (!Number.isFinite(number)) return { reason: 'not_finite' };
      return exact({ value: number * mapping.scale + mapping.offset }, raw.dataType, number);
    }
    case 'boolean':
      return typeof plain === 'string' ? { reason: 'wrong_type' } : { value: Boolean(plain) };
    case 'string':
      return { value: String(plain) };
  }
}

/** A wide integer that a number cannot hold lost its last digits on the way. */
function exact(conversion: { readonly value: PointValue }, dataType: number, number: number): Conversion {
  const wide = dataType === BuiltIn.Int64 || dataType === BuiltIn.UInt64;
  return wide && !Number.isSafeInteger(number) ? { ...conversion, doubt: 'precision_lost' } : conversion;
}

function plainValue(dataType: number, value: unknown): number | boolean | string | null {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (dataType === BuiltIn.Int64 || dataType === BuiltIn.UInt64) return wideInteger(dataType, value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string')
    return value.text;
  return null;
}

/** 64-bit integers arrive as [high, low]. */
function wideInteger(dataType: number, value: unknown): number | null {
  if (!Array.isArray(value)) return null;
  const [high, low]: unknown[] = value;
  if (typeof high !== 'number' || typeof low !== 'number') return null;
  return (dataType === BuiltIn.Int64 ? high | 0 : high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** Inclusive limits of the integer types. */
const INTEGERS: Readonly<Record<number, readonly [min: number, max: number]>> = {
  [BuiltIn.SByte]: [-128, 127],
  [BuiltIn.Byte]: [0, 255],
  [BuiltIn.Int16]: [-32_768, 32_767],
  [BuiltIn.UInt16]: [0, 65_535],
  [BuiltIn.Int32]: [-2_147_483_648, 2_147_483_647],
  [BuiltIn.UInt32]: [0, 4_294_967_295],
  [BuiltIn.Int64]: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [BuiltIn.UInt64]: [0, Number.MAX_SAFE_INTEGER],
};

export type Encoding =
  | { readonly dataType: number; readonly value: number | boolean | string | readonly [number, number] }
  | { readonly code: 'wrong_type' | 'out_of_range'; readonly message: string };

/** The raw value to write for an engineering value into a node of the given type: converted where nothing is lost, else refused. */
export function encodeForWrite(value: PointValue, dataType: number, mapping: ValueMapping): Encoding {
  if (dataType === BuiltIn.Boolean) {
    if (typeof value === 'boolean') return { dataType, value };
    if (value === 0 || value === 1) return { dataType, value: value === 1 };
    return wrongType(value, 'a Boolean');
  }
  if (dataType === BuiltIn.String) {
    return typeof value === 'string' ? { dataType, value } : wrongType(value, 'a String');
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType(value, 'a number');
  const raw = (value - mapping.offset) / mapping.scale;
  if (!Number.isFinite(raw)) return wrongType(value, 'a number after scaling');
  if (dataType === BuiltIn.Double) return { dataType, value: raw };
  if (dataType === BuiltIn.Float) {
    return Number.isFinite(Math.fround(raw)) ? { dataType, value: raw } : outOfRange(raw, 'a Float');
  }
  return encodeInteger(raw, dataType, mapping);
}

function encodeInteger(raw: number, dataType: number, mapping: ValueMapping): Encoding {
  const limits = INTEGERS[dataType];
  if (limits === undefined)
    return { code: 'wrong_type', message: `data type ${dataType} of the node cannot be written` };
  const integer = Math.round(raw);
  // With a scale the nearest step is what a person means; without one a fraction is a mistake.
  if (mapping.scale === 1 && Math.abs(integer - raw) > 1e-9) return wrongType(raw, 'a whole number');
  if (integer < limits[0] || integer > limits[1]) return outOfRange(integer, `${limits[0]} to ${limits[1]}`);
  if (dataType !== BuiltIn.Int64 && dataType !== BuiltIn.UInt64) return { dataType, value: integer };
  return { dataType, value: [Math.floor(integer / 2 ** 32) >>> 0, integer >>> 0] };
}

function wrongType(value: PointValue, wanted: string): Encoding {
  return { code: 'wrong_type', message: `${JSON.stringify(value)} is not ${wanted}` };
}

function outOfRange(value: number, limits: string): Encoding {
  return { code: 'out_of_range', message: `${value} does not fit ${limits}` };
}

/** Whether a read-back shows what was written; floats and scaled integers come back rounded. */
export function sameValue(written: PointValue, readBack: PointValue, dataType: number, mapping: ValueMapping): boolean {
  if (typeof readBack !== 'number')
    return written === readBack || (readBack === true && written === 1) || (readBack === false && written === 0);
  const number = typeof written === 'boolean' ? Number(written) : written;
  if (typeof number !== 'number') return false;
  const scale = Math.abs(mapping.scale);
  const integer = INTEGERS[dataType] !== undefined;
  const tolerance = integer ? scale / 2 : Math.abs(number) * (dataType === BuiltIn.Float ? 1e-6 : 1e-12);
  return Math.abs(readBack - number) <= tolerance + Number.EPSILON * Math.max(1, Math.abs(number));
}
