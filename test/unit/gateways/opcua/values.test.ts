import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BuiltIn, encodeForWrite, engineeringValue, sameValue } from '../../../../gateways/opcua/values.ts';

const PLAIN = { type: 'number', scale: 1, offset: 0 } as const;
const read = (dataType: number, value: unknown, mapping: Parameters<typeof engineeringValue>[1] = PLAIN) =>
  engineeringValue({ dataType, arrayType: 0, value }, mapping);

describe('an engineering value', () => {
  it('is scaled and offset', () => {
    assert.deepEqual(read(BuiltIn.Int16, 215, { type: 'number', scale: 0.5, offset: -10 }), { value: 97.5 });
  });

  it('takes booleans for numbers and numbers for booleans, but no text for either', () => {
    assert.deepEqual(read(BuiltIn.Boolean, true), { value: 1 });
    assert.deepEqual(read(BuiltIn.Byte, 2, { ...PLAIN, type: 'boolean' }), { value: true });
    assert.deepEqual(read(BuiltIn.String, '5'), { reason: 'wrong_type' });
    assert.deepEqual(read(BuiltIn.String, 'on', { ...PLAIN, type: 'boolean' }), { reason: 'wrong_type' });
  });

  it('reads 64-bit integers with their sign', () => {
    assert.deepEqual(read(BuiltIn.Int64, [0xffff_ffff, 0xffff_fffe]), { value: -2 });
    assert.deepEqual(read(BuiltIn.UInt64, [1, 5]), { value: 2 ** 32 + 5 });
  });

  it('is text of texts, localized texts and times', () => {
    const text = { ...PLAIN, type: 'string' } as const;
    assert.deepEqual(read(BuiltIn.LocalizedText, { locale: 'en', text: 'Open' }, text), { value: 'Open' });
    assert.deepEqual(read(BuiltIn.DateTime, new Date(0), text), { value: '1970-01-01T00:00:00.000Z' });
  });

  it('has a reason where there is none', () => {
    assert.deepEqual(engineeringValue(null, PLAIN), { reason: 'no_value' });
    assert.deepEqual(read(BuiltIn.Null, null), { reason: 'no_value' });
    assert.deepEqual(read(BuiltIn.Double, Number.NaN), { reason: 'not_finite' });
    assert.deepEqual(engineeringValue({ dataType: BuiltIn.Double, arrayType: 1, value: [1, 2] }, PLAIN), {
      reason: 'opcua_array_value',
    });
    assert.deepEqual(read(22, { some: 'structure' }), { reason: 'opcua_unsupported_data_type' });
  });
});

describe('a value to write', () => {
  it('becomes the type of the node', () => {
    assert.deepEqual(encodeForWrite(21.5, BuiltIn.Int16, { type: 'number', scale: 0.1, offset: 0 }), {
      dataType: BuiltIn.Int16,
      value: 215,
    });
    assert.deepEqual(encodeForWrite(1, BuiltIn.Boolean, PLAIN), { dataType: BuiltIn.Boolean, value: true });
    assert.deepEqual(encodeForWrite(-2, BuiltIn.Int64, PLAIN), {
      dataType: BuiltIn.Int64,
      value: [0xffff_ffff, 0xffff_fffe],
    });
  });

  it('is refused where something would be lost', () => {
    const code = (value: number | string | boolean | null, type: number): unknown => {
      const encoded = encodeForWrite(value, type, PLAIN);
      return 'code' in encoded ? encoded.code : encoded;
    };
    assert.equal(code(256, BuiltIn.Byte), 'out_of_range');
    assert.equal(code(-1, BuiltIn.UInt32), 'out_of_range');
    assert.equal(code(1.5, BuiltIn.Int32), 'wrong_type');
    assert.equal(code('1', BuiltIn.Int32), 'wrong_type');
    assert.equal(code(true, BuiltIn.Double), 'wrong_type');
    assert.equal(code(2, BuiltIn.Boolean), 'wrong_type');
    assert.equal(code(5, BuiltIn.String), 'wrong_type');
    assert.equal(code(null, BuiltIn.Double), 'wrong_type');
    assert.equal(code(1e39, BuiltIn.Float), 'out_of_range');
    assert.equal(code(1, BuiltIn.DateTime), 'wrong_type');
  });

  it('comes back the same through any integer type, scale and offset', () => {
    const types = [BuiltIn.Int16, BuiltIn.UInt16, BuiltIn.Int32, BuiltIn.UInt32, BuiltIn.Int64, BuiltIn.UInt64];
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.integer({ min: 0, max: 30_000 }),
        fc.constantFrom(1, 0.1, 0.5, 10),
        (dataType, raw, scale) => {
          const mapping = { type: 'number', scale, offset: 3 } as const;
          const value = raw * scale + 3;
          const encoded = encodeForWrite(value, dataType, mapping);
          assert.ok('value' in encoded);
          const back = engineeringValue({ dataType, arrayType: 0, value: encoded.value }, mapping);
          assert.ok('value' in back && sameValue(value, back.value, dataType, mapping));
        },
      ),
    );
  });

  it('is told from another one by the read-back', () => {
    assert.ok(sameValue(0.1, Math.fround(0.1), BuiltIn.Float, PLAIN));
    assert.ok(!sameValue(0.1, 0.11, BuiltIn.Float, PLAIN));
    assert.ok(!sameValue(5, 6, BuiltIn.Int32, PLAIN));
    assert.ok(!sameValue('auto', 'manual', BuiltIn.String, { ...PLAIN, type: 'string' }));
    assert.ok(sameValue(1, true, BuiltIn.Boolean, { ...PLAIN, type: 'boolean' }));
  });
});
