import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type DeviceFrame, FrameAssembler } from '../../../../gateways/opcua/frames.ts';
import { buildLayout, type Item, type Layout, type Sample } from '../../../../gateways/opcua/layout.ts';
import { connection } from '../../../integration/opcua-support.ts';

const DEVICE = {
  id: 'pump',
  expectedIntervalMs: 1000,
  points: ['a', 'b', 'c'].map((name) => ({ name, opcua: { node: name, queueSize: 5 } })),
};

describe('frames of an OPC UA subscription', () => {
  let layout: Layout;
  let assembler: FrameAssembler;
  let items: readonly Item[];

  beforeEach(() => {
    layout = buildLayout(connection(4840, [DEVICE]).devices, null);
    assembler = new FrameAssembler(layout);
    items = [...layout.items.values()];
    for (const item of items) item.serverId = item.handle;
  });

  const sample = (value: number | null, timeMs: number, quality: Sample['quality'] = 'GOOD'): Sample => ({
    value,
    quality,
    reason: quality === 'GOOD' ? null : 'opcua_BadSensorFailure',
    timeMs,
    sourceMs: timeMs,
    statusCode: 0,
  });
  const assemble = (
    samples: readonly (readonly [item: number, sample: Sample])[],
    asOfMs: number,
  ): DeviceFrame['frame'][] => {
    const changes = samples.map(([i, given]) => {
      const item = items[i];
      assert.ok(item !== undefined);
      return { item, sample: given };
    });
    return assembler.assemble(changes, asOfMs, asOfMs + 5, 50).map(({ frame }) => frame);
  };

  it('share the array of points when all are there, and one time when all have it', () => {
    const all = [
      [0, sample(1, 9900)],
      [1, sample(2, 9900)],
      [2, sample(3, 9900)],
    ] as const;
    const [first] = assemble(all, 10_000);
    assert.deepEqual(first, {
      deviceTimeMs: 9900,
      gatewayTimeMs: 10_005,
      points: ['a', 'b', 'c'],
      values: [1, 2, 3],
      quality: null,
      reasons: null,
      times: null,
    });
    assert.equal(first?.points, layout.devices.get('pump')?.points);
  });

  it('carry a time for each reading where they differ, and qualities where one is not GOOD', () => {
    const [frame] = assemble(
      [
        [2, sample(null, 9950, 'BAD')],
        [0, sample(1, 9900)],
      ],
      10_000,
    );
    assert.deepEqual(frame?.points, ['a', 'c']);
    assert.deepEqual(frame?.times, [9900, 9950]);
    assert.equal(frame?.deviceTimeMs, 9950);
    assert.deepEqual(frame?.quality, ['GOOD', 'BAD']);
    assert.deepEqual(frame?.reasons, [null, 'opcua_BadSensorFailure']);
  });

  it('are of now as a whole when a constant brings its old source time', () => {
    const [frame] = assemble([[0, sample(1, 500)]], 10_000);
    assert.equal(frame?.deviceTimeMs, 10_000);
    assert.deepEqual(frame?.times, [500]);
  });

  it('put the second value of a queue into a second frame', () => {
    const frames = assemble(
      [
        [0, sample(1, 9900)],
        [0, sample(2, 9950)],
        [1, sample(7, 9950)],
      ],
      10_000,
    );
    assert.deepEqual(
      frames.map(({ points, values }) => [points, values]),
      [
        [
          ['a', 'b'],
          [1, 7],
        ],
        [['a'], [2]],
      ],
    );
  });

  it('give an unchanged value again once the expected interval has passed, never a BAD one', () => {
    assemble(
      [
        [0, sample(1, 9900)],
        [1, sample(null, 9900, 'BAD')],
      ],
      10_000,
    );
    assert.deepEqual(assemble([], 10_500), []);
    const [again] = assemble([], 10_960);
    assert.deepEqual([again?.points, again?.values, again?.deviceTimeMs], [['a'], [1], 10_960]);
    assert.deepEqual(assemble([], 11_400), []);
  });

  it('move the clock of a source that is ahead of the server on, never back', () => {
    assemble([[0, sample(1, 60_000)]], 10_000);
    const [again] = assemble([], 11_000);
    assert.equal(again?.deviceTimeMs, 61_000);
  });

  it('are empty signs of life while every value is BAD', () => {
    assemble([[0, sample(null, 9900, 'BAD')]], 10_000);
    assert.deepEqual(assemble([], 10_500), []);
    const [sign] = assemble([], 11_000);
    assert.deepEqual(sign?.points, []);
    assert.deepEqual(assemble([], 11_100), []);
  });

  it('say nothing for an item that the server no longer monitors', () => {
    assemble([[0, sample(1, 9900)]], 10_000);
    for (const item of items) item.serverId = null;
    assert.deepEqual(assemble([], 20_000), []);
  });
});
