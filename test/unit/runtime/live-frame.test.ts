import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { entityId } from '../../../runtime/ids.ts';
import { type CellChange, decodeLive, encodeBeat, encodeFrames, type LiveFrame } from '../../../runtime/live-frame.ts';

const HEAD = { node: 'a', run: 'r', group: 'north', revision: 9 };
const ID = entityId('thing', 'north.pump');

function framesOf(changes: readonly CellChange[], maxBytes = 1 << 20): LiveFrame[] {
  return encodeFrames(HEAD, 5, changes, maxBytes).frames.map((bytes) => {
    assert.ok(bytes.byteLength <= maxBytes);
    const frame = decodeLive(bytes);
    if (frame?.kind !== 'frame') throw new Error('not a frame');
    return frame;
  });
}

test('a frame comes back as it was, with what is null and what went away apart', () => {
  const changes: CellChange[] = [
    {
      kind: 'whole',
      id: ID,
      epoch: 3,
      groups: { values: { a: 1.5, b: null, c: true }, props: { list: [{ x: 'ü' }] }, alarms: {} },
    },
    {
      kind: 'delta',
      id: entityId('thing', 'b'),
      epoch: 4,
      groups: { values: { a: null, b: undefined }, alarms: undefined },
    },
    { kind: 'gone', id: entityId('thing', 'c'), epoch: 5 },
  ];
  const [frame] = framesOf(changes);
  assert.deepEqual(frame, { kind: 'frame', ...HEAD, number: 5, changes });
});

test('many changes are divided into frames of the size, numbered without a gap, each change once and in order', () => {
  const changes = Array.from({ length: 500 }, (_, n): CellChange => {
    return {
      kind: 'delta',
      id: entityId('thing', `n.${n}`),
      epoch: 1,
      groups: { values: { n, text: 'x'.repeat(n % 50) } },
    };
  });
  const frames = framesOf(changes, 3000);
  assert.ok(frames.length > 5);
  assert.deepEqual(
    frames.map(({ number }) => number),
    frames.map((_, index) => 5 + index),
  );
  assert.deepEqual(
    frames.flatMap((frame) => frame.changes),
    changes,
  );
});

test('a view larger than a frame is told in parts that make it whole', () => {
  const values = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`v${n}`, 'y'.repeat(30)]));
  const frames = framesOf([{ kind: 'whole', id: ID, epoch: 1, groups: { values, props: { name: 'Pump' } } }], 1000);
  const parts = frames.flatMap(({ changes }) => changes);
  assert.deepEqual(
    parts.map(({ kind }) => kind),
    parts.map((_, index) => (index === 0 ? 'whole' : 'delta')),
  );
  const merged = parts.flatMap((part) => (part.kind === 'gone' ? [] : Object.values(part.groups)));
  assert.deepEqual(Object.assign({}, ...merged), { ...values, name: 'Pump' });
});

test('a field larger than a frame is left out and counted', () => {
  const { frames, dropped } = encodeFrames(
    HEAD,
    1,
    [{ kind: 'delta', id: ID, epoch: 1, groups: { values: { large: 'z'.repeat(5000), small: 1 } } }],
    1000,
  );
  assert.equal(dropped, 1);
  const told = frames
    .map((bytes) => decodeLive(bytes))
    .flatMap((frame) => (frame?.kind === 'frame' ? frame.changes : []));
  assert.deepEqual(told, [{ kind: 'delta', id: ID, epoch: 1, groups: { values: { small: 1 } } }]);
});

test('a beat comes back, in parts where its groups are many', () => {
  const numbers = new Map(Array.from({ length: 300 }, (_, n) => [`site-${n}`, n] as const));
  const beat = { node: 'a', run: 'r', numbers, wants: ['x', 'y'], shards: new Map([[3, 7]]) };
  const [one] = encodeBeat(beat, 1 << 20).map(decodeLive);
  assert.deepEqual(one, { kind: 'beat', ...beat });
  const parts = encodeBeat({ ...beat, wants: 'all' }, 1000).map(decodeLive);
  assert.ok(parts.length > 1);
  assert.deepEqual(
    new Map(parts.flatMap((part) => (part?.kind === 'beat' && part.wants === 'all' ? [...part.numbers] : []))),
    numbers,
  );
});

test('entities of very many shapes come back as they were', () => {
  const changes = Array.from({ length: 400 }, (_, n): CellChange => {
    const values = Object.fromEntries(Array.from({ length: n % 23 }, (_, key) => [`k${n}-${key}`, key / 3]));
    return {
      kind: 'whole',
      id: entityId('thing', `s.${n}`),
      epoch: 1,
      groups: { [`g${n}`]: values, props: { [`p${n}`]: n } },
    };
  });
  assert.deepEqual(framesOf(changes)[0]?.changes, changes);
});

test('what is no frame is nothing, whatever it is', () => {
  for (const raw of [null, 1, [], [2, 0, 'a', 'r', 'g', 1, 1, []], [1, 0, 'a', 'r', 'g', -1, 1, []]])
    assert.equal(decodeLive(pack(raw)), undefined);
  const cell = (...parts: unknown[]) => decodeLive(pack([1, 0, 'a', 'r', 'g', 1, 1, [parts]]));
  assert.notEqual(cell('thing/a', 1, 0, { values: { a: 1 } }), undefined);
  for (const parts of [
    ['no id', 1, 0, {}],
    ['thing/a', 'x', 0, {}],
    ['thing/a', 1, 9, {}],
    ['thing/a', 1, 0, { values: 1 }],
    ['thing/a', 1, 0, null],
  ])
    assert.equal(cell(...parts), undefined, JSON.stringify(parts));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeLive(bytes);
    }),
  );
});
