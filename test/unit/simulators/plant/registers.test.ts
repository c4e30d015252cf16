import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRegisters } from '../../../../simulators/plant/registers.ts';
import { ModbusPoint } from '../../../../topology/schema/modbus.ts';

function registers(point: Partial<ModbusPoint>, value: number | boolean | string, order: 'ABCD' | 'CDAB' = 'ABCD') {
  return [...encodeRegisters(ModbusPoint.parse({ address: 0, ...point }), value, order)];
}

test('values are scaled back and held within their type', () => {
  assert.deepEqual(registers({ type: 'uint16', scale: 0.01 }, 24.05), [2405]);
  assert.deepEqual(registers({ type: 'int16', scale: 0.1 }, -5), [0xffce]);
  assert.deepEqual(registers({ type: 'uint16' }, -1), [0]);
  assert.deepEqual(registers({ type: 'int16', offset: 10 }, 12), [2]);
});

test('a float lies in two registers, in each of the four orders', () => {
  // 1.1 is 3F 8C CC CD.
  assert.deepEqual(registers({ type: 'float32' }, 1.1), [0x3f8c, 0xcccd]);
  assert.deepEqual(registers({ type: 'float32', order: 'CDAB' }, 1.1), [0xcccd, 0x3f8c]);
  assert.deepEqual(registers({ type: 'float32', order: 'DCBA' }, 1.1), [0xcdcc, 0x8c3f]);
  assert.deepEqual(registers({ type: 'float32', order: 'BADC' }, 1.1), [0x8c3f, 0xcdcc]);
  assert.deepEqual(registers({ type: 'float32' }, 1.1, 'CDAB'), [0xcccd, 0x3f8c]);
});

test('wide integers and texts fill their registers', () => {
  assert.deepEqual(registers({ type: 'uint64' }, 0x1_0002_0003), [0, 1, 2, 3]);
  assert.deepEqual(registers({ type: 'int32' }, -2), [0xffff, 0xfffe]);
  assert.deepEqual(registers({ type: 'string', length: 2 }, 'AB3'), [0x4142, 0x3300]);
});
