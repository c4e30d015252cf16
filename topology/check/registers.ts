import type { ModbusPoint } from '../schema/modbus.ts';

const REGISTERS: Readonly<Record<ModbusPoint['type'], number>> = {
  bool: 1,
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
  string: 1,
};

/** Registers of 16 bits that a value takes up. */
export function registersOf({ type, length }: Pick<ModbusPoint, 'type' | 'length'>): number {
  return type === 'string' ? (length ?? 1) : REGISTERS[type];
}
