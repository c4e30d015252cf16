import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { entityId } from '../../../../runtime/ids.ts';
import type { LogRecord } from '../../../../runtime/log.ts';
import { decodeMessage, encodeMessage } from '../../../../runtime/nats/message-codec.ts';
import { lastPositionOf } from '../../../../runtime/nats/positions.ts';

const sources = ['a', 'b', 'c'].map((name) => entityId('device', name));
const plain = { noNullPrototype: true } as const;
const numbers = fc.array(fc.double({ noNaN: true }).map((value) => value + 0));
const frame = fc.record({ points: fc.array(fc.string()), values: numbers }, plain);
const observation = fc.oneof(frame, fc.string(), fc.constant(null));
const record: fc.Arbitrary<LogRecord> = fc.record({ source: fc.constantFrom(...sources), observation }, plain);

test('records come back as they were, in their order, at rising positions that end with those of the message', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 1e9 }),
      (records, sequence) => {
        const decoded = decodeMessage(encodeMessage(records, records.length), sequence, () => true);
        assert.equal(decoded.count, records.length);
        assert.deepEqual(
          decoded.records.map(({ source, observation }) => ({ source, observation })),
          records,
        );
        decoded.records.forEach(({ position }, index) => {
          assert.equal(position, lastPositionOf(sequence) - records.length + 1 + index);
        });
      },
    ),
  );
});

test('records of a source that is not wanted are not decoded, and the others keep their positions', () => {
  const trap = {
    get value() {
      throw new Error('never');
    },
  };
  const records = [0, 1, 0, 0, 2, 1].map((which, n) => ({
    source: sources[which] ?? entityId('device', 'x'),
    observation: { n },
  }));
  const message = encodeMessage(records, records.length);
  const all = decodeMessage(message, 7, () => true).records;
  const some = decodeMessage(message, 7, (source) => source === sources[0]);
  assert.equal(some.count, 6);
  assert.deepEqual(
    some.records,
    all.filter(({ source }) => source === sources[0]),
  );
  // Bytes of others may be anything, for they are skipped.
  const spoiled = message.slice();
  spoiled[spoiled.length - 1] = 0xc1;
  assert.deepEqual(decodeMessage(spoiled, 7, (source) => source === sources[0]).records, some.records);
  assert.throws(() => encodeMessage([{ source: entityId('device', 'a'), observation: trap }], 1), /never/);
});

test('a burst of one source writes the names of its points once', () => {
  const points = Array.from({ length: 10 }, (_, index) => `temperature-${index}`);
  const burst = Array.from({ length: 100 }, (_, n) => ({
    source: entityId('device', 'a'),
    observation: { points, n },
  }));
  assert.ok(encodeMessage(burst, 100).byteLength < 100 * 20 + 500);
});

test('what is no message is told to be none, whatever its bytes', () => {
  const wrong = (bytes: Uint8Array) => assert.throws(() => decodeMessage(bytes, 1, () => true));
  wrong(new Uint8Array());
  wrong(new TextEncoder().encode('hello'));
  const message = encodeMessage([{ source: entityId('device', 'a'), observation: { n: 1 } }], 1);
  for (let length = 0; length < message.length; length++) wrong(message.subarray(0, length));
  wrong(Uint8Array.from([2, ...message.subarray(1)]));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeMessage(Uint8Array.from([1, 0, 0, 0, 3, ...bytes]), 1, () => true);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
  );
});
