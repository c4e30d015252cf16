import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PointValue } from '../../../../actors/frame.ts';
import { compileCodec, type Decoded, type Encoded, type PointCodec } from '../../../../gateways/modbus/codec.ts';
import { type ByteOrder, ModbusPoint } from '../../../../topology/schema/modbus.ts';

type PointInput = Partial<ModbusPoint>;

const ORDERS: readonly ByteOrder[] = ['ABCD', 'DCBA', 'BADC', 'CDAB'];

function codecOf(
  point: PointInput,
  valueType: 'number' | 'boolean' | 'string' = 'number',
  deviceOrder: ByteOrder = 'ABCD',
): PointCodec {
  return compileCodec({ point: ModbusPoint.parse({ address: 0, ...point }), valueType, deviceOrder, addressBase: 0 });
}

function decode(codec: PointCodec, data: Uint8Array, offset = 0): Decoded {
  const target: Decoded = { value: null, quality: 'BAD', reason: 'no_value' };
  codec.decode(data, offset, target);
  return target;
}

function decodeHex(codec: PointCodec, hex: string): PointValue {
  return decode(codec, Buffer.from(hex.replaceAll(' ', ''), 'hex')).value;
}

/** What the device would hold after the write, as it would be read. */
function asRead(encoded: Encoded): Buffer {
  if (encoded.kind === 'coil') return Buffer.of(encoded.on ? 1 : 0);
  assert.equal(encoded.kind, 'registers');
  if (encoded.kind !== 'registers') return Buffer.alloc(0);
  const bytes = Buffer.alloc(encoded.registers.length * 2);
  for (const [i, register] of encoded.registers.entries()) bytes.writeUInt16BE(register, 2 * i);
  return bytes;
}

test('the four byte orders of 32 bits read the same value from the bytes that they name', () => {
  const wire = { ABCD: '12345678', DCBA: '78563412', BADC: '34127856', CDAB: '56781234' };
  for (const order of ORDERS)
    assert.equal(decodeHex(codecOf({ type: 'uint32', order }), wire[order]), 0x12345678, order);
});

test('the four byte orders hold for 64 bits too', () => {
  const wire = {
    ABCD: '4059 0c28 f5c2 8f5c',
    DCBA: '5c8f c2f5 280c 5940',
    BADC: '5940 280c c2f5 5c8f',
    CDAB: '8f5c f5c2 0c28 4059',
  };
  for (const order of ORDERS) assert.equal(decodeHex(codecOf({ type: 'float64', order }), wire[order]), 100.19, order);
});

test('known values of every type decode byte by byte', () => {
  assert.equal(decodeHex(codecOf({ type: 'int16' }), 'fffe'), -2);
  assert.equal(decodeHex(codecOf({ type: 'uint16' }), 'fffe'), 65534);
  assert.equal(decodeHex(codecOf({ type: 'int32' }), 'ffff fffe'), -2);
  assert.equal(decodeHex(codecOf({ type: 'float32' }), '41cc 0000'), 25.5);
  assert.equal(decodeHex(codecOf({ type: 'int64' }), 'ffff ffff ffff fffe'), -2);
  assert.equal(decodeHex(codecOf({ type: 'uint64' }), '0000 0001 0000 0000'), 2 ** 32);
  assert.equal(decodeHex(codecOf({ type: 'string', length: 3 }, 'string'), '5032 3031 0000'), 'P201');
  assert.equal(decodeHex(codecOf({ type: 'bool' }, 'boolean'), '0002'), true);
});

test('a bit of a register is counted from the lowest', () => {
  const on = [0, 1, 2, 3].map((bit) => decodeHex(codecOf({ bit }, 'boolean'), '000a'));
  assert.deepEqual(on, [false, true, false, true]);
  assert.equal(decodeHex(codecOf({ bit: 15 }, 'boolean'), '8000'), true);
});

test('coils are packed lowest first and found at their offset', () => {
  const codec = codecOf({ area: 'coil' }, 'boolean');
  const data = Buffer.of(0b0000_0100, 0b0000_0001);
  assert.deepEqual(
    [1, 2, 8, 9].map((offset) => decode(codec, data, offset).value),
    [false, true, true, false],
  );
});

test('a single register follows the specification unless the point itself names an order', () => {
  assert.equal(decodeHex(codecOf({ type: 'uint16' }, 'number', 'DCBA'), '0102'), 0x0102);
  assert.equal(decodeHex(codecOf({ type: 'uint16', order: 'DCBA' }), '0102'), 0x0201);
  assert.equal(decodeHex(codecOf({ type: 'string', length: 2, order: 'BADC' }, 'string'), '3250 3130'), 'P201');
});

test('an address counted from one is one lower on the wire', () => {
  const codec = compileCodec({
    point: ModbusPoint.parse({ address: 40 }),
    valueType: 'number',
    deviceOrder: 'ABCD',
    addressBase: 1,
  });
  assert.equal(codec.address, 39);
});

test('scale, offset and clamp give the engineering value without the dirt of binary fractions', () => {
  assert.equal(decodeHex(codecOf({ scale: 0.1 }), '0003'), 0.3);
  assert.equal(decodeHex(codecOf({ scale: 0.5, offset: -40 }), '0064'), 10);
  const clamped = codecOf({ type: 'int16', clamp: { min: 0, max: 100 } });
  assert.equal(decodeHex(clamped, 'fff0'), 0);
  assert.equal(decodeHex(clamped, '0100'), 100);
});

test('what is not a number is BAD and says so', () => {
  const nan = decode(codecOf({ type: 'float32' }), Buffer.from('7fc00000', 'hex'));
  assert.deepEqual({ ...nan }, { value: null, quality: 'BAD', reason: 'not_finite' });
  const text = decode(codecOf({ type: 'string', length: 1 }), Buffer.from('ab'));
  assert.equal(text.reason, 'not_finite');
});

test('an integer beyond 2^53 is UNCERTAIN as a number and exact as a string', () => {
  const bytes = Buffer.from('0020000000000001', 'hex');
  const number = decode(codecOf({ type: 'uint64' }), bytes);
  assert.deepEqual({ ...number }, { value: 2 ** 53, quality: 'UNCERTAIN', reason: 'precision_lost' });
  const exact = decode(codecOf({ type: 'uint64' }, 'string'), bytes);
  assert.deepEqual({ ...exact }, { value: '9007199254740993', quality: 'GOOD', reason: null });
});

test('a value that does not fit is refused, never truncated', () => {
  const refused: [PointInput, PointValue, string][] = [
    [{ type: 'uint16' }, 65536, 'out_of_range'],
    [{ type: 'uint16' }, -1, 'out_of_range'],
    [{ type: 'int16', scale: 0.1 }, 4000, 'out_of_range'],
    [{ type: 'float32' }, 1e39, 'out_of_range'],
    [{ type: 'int64' }, 2 ** 60, 'out_of_range'],
    [{ type: 'string', length: 1 }, 'abc', 'out_of_range'],
    [{ clamp: { min: 0, max: 10 } }, 11, 'out_of_range'],
    [{ type: 'uint16' }, 'warm', 'wrong_type'],
    [{ type: 'uint16' }, Number.NaN, 'wrong_type'],
    [{ area: 'coil' }, 7, 'wrong_type'],
    [{ bit: 3 }, null, 'wrong_type'],
  ];
  for (const [point, value, code] of refused) {
    const encoded = codecOf(point, point.type === 'string' ? 'string' : 'number').encode(value);
    assert.equal(encoded.kind === 'invalid' ? encoded.code : 'accepted', code, JSON.stringify({ point, value }));
  }
});

const order = fc.constantFrom(...ORDERS);
const NUMBERS: Record<string, fc.Arbitrary<number>> = {
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.maxSafeInteger(),
  uint64: fc.maxSafeNat(),
  float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
};

for (const [type, values] of Object.entries(NUMBERS)) {
  test(`${type} in any order comes back as it was written`, () => {
    fc.assert(
      fc.property(values, order, order, (value, own, device) => {
        for (const point of [{ type, order: own }, { type }]) {
          const codec = codecOf(ModbusPoint.parse({ address: 0, ...point }), 'number', device);
          const { value: read, quality } = decode(codec, asRead(codec.encode(value)));
          // A negative zero is no integer of its own.
          assert.equal(Number(read) + 0, value + 0);
          assert.equal(quality, 'GOOD');
        }
      }),
    );
  });
}

test('64-bit integers as strings come back with every digit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), order, (value, own) => {
      const codec = codecOf({ type: 'int64', order: own }, 'string');
      assert.equal(decode(codec, asRead(codec.encode(value.toString()))).value, value.toString());
    }),
  );
});

test('texts of any script come back as they were written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 10 }), order, (text, own) => {
      const clean = text.replaceAll('\0', '').trimEnd();
      const codec = codecOf({ type: 'string', length: 125, order: own }, 'string');
      assert.equal(decode(codec, asRead(codec.encode(clean))).value, clean);
    }),
  );
});

test('a scaled value comes back within half a step', () => {
  const step = fc.constantFrom(0.001, 0.01, 0.1, 0.25, 2, 10, -0.5);
  fc.assert(
    fc.property(
      fc.double({ min: -1000, max: 1000, noNaN: true }),
      step,
      fc.integer({ min: -100, max: 100 }),
      (value, scale, offset) => {
        const codec = codecOf({ type: 'int32', scale, offset });
        const { value: read } = decode(codec, asRead(codec.encode(value)));
        assert.ok(Math.abs(Number(read) - value) <= Math.abs(scale) / 2 + 1e-9);
      },
    ),
  );
});
