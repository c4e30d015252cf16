import type { ByteOrder, ModbusPoint } from '../../topology/schema/modbus.ts';
import type { FieldValue } from './readings.ts';

/** Registers that one value takes. */
export function registerCount(point: ModbusPoint): number {
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

/** The way back from a value to the registers of a device: scale and order reversed, numbers held within the type. */
export function encodeRegisters(point: ModbusPoint, value: FieldValue, order: ByteOrder): Uint16Array {
  const count = registerCount(point);
  const bytes = new DataView(new ArrayBuffer(count * 2));
  if (typeof value === 'string') {
    for (let index = 0; index < count * 2; index++) bytes.setUint8(index, value.charCodeAt(index) || 0);
  } else {
    writeNumber(bytes, point.type, (Number(value) - point.offset) / point.scale);
    if (count > 1) reorder(bytes, point.order ?? order);
  }
  return Uint16Array.from({ length: count }, (_, index) => bytes.getUint16(index * 2));
}

function writeNumber(bytes: DataView, type: ModbusPoint['type'], raw: number): void {
  const whole = (lowest: number, highest: number): number => Math.min(highest, Math.max(lowest, Math.round(raw)));
  switch (type) {
    case 'float32':
      bytes.setFloat32(0, raw);
      break;
    case 'float64':
      bytes.setFloat64(0, raw);
      break;
    case 'int16':
      bytes.setInt16(0, whole(-0x8000, 0x7fff));
      break;
    case 'int32':
      bytes.setInt32(0, whole(-0x8000_0000, 0x7fff_ffff));
      break;
    case 'uint32':
      bytes.setUint32(0, whole(0, 0xffff_ffff));
      break;
    case 'int64':
      bytes.setBigInt64(0, BigInt(Math.round(raw)));
      break;
    case 'uint64':
      bytes.setBigUint64(0, BigInt(Math.max(0, Math.round(raw))));
      break;
    default:
      bytes.setUint16(0, whole(0, 0xffff));
      break;
  }
}

/** From big-endian to the order on the wire: letters name the bytes, A the highest. */
function reorder(bytes: DataView, order: ByteOrder): void {
  const view = new Uint8Array(bytes.buffer);
  if (order === 'DCBA') view.reverse();
  if (order === 'CDAB') {
    view.reverse();
    swapPairs(view);
  }
  if (order === 'BADC') swapPairs(view);
}

function swapPairs(view: Uint8Array): void {
  for (let index = 0; index + 1 < view.length; index += 2) {
    view.set([view[index + 1] ?? 0, view[index] ?? 0], index);
  }
}
