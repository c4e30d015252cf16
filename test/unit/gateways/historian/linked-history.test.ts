import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkedHistory } from '../../../../gateways/historian/linked-history.ts';
import type { Historian, RawQuery, WindowQuery, WindowRow } from '../../../../runtime/historian.ts';
import { directSource } from '../../../../topology/direct-source.ts';
import { Metric } from '../../../../topology/schema/asset.ts';
import { asset, link, mapping, T0 } from '../../actors/plant.ts';

const ROW: WindowRow = {
  startMs: T0,
  endMs: T0 + 60_000,
  count: 2,
  min: 1,
  max: 3,
  avg: 2,
  sum: 4,
  stddev: 1.5,
  first: 1,
  last: 3,
  p50: 2,
  p95: 2.9,
  p99: 3,
  quality: { good: 1, suspect: 1, uncertain: 0, bad: 0, pctGood: 50 },
};

/** Answers any question with the same, and remembers what it was asked. */
function stored() {
  const asked: (RawQuery | WindowQuery)[] = [];
  const historian: Historian = {
    raw: async (query) => {
      asked.push(query);
      return [
        { timeMs: T0, value: 2, quality: 'SUSPECT' },
        { timeMs: T0 + 1, value: null, quality: 'BAD' },
      ];
    },
    windows: async (query) => {
      asked.push(query);
      return [ROW];
    },
    position: async () => 1,
    caughtUp: async () => undefined,
    statistics: async () => ({}),
    trim: async () => undefined,
    close: async () => undefined,
  };
  return { asked, historian };
}

const UNTIL_MS = T0 + 500;
const PUMP = asset({
  metrics: [
    Metric.parse({ name: 'temperature' }),
    Metric.parse({ name: 'pressure' }),
    Metric.parse({ name: 'flow' }),
    Metric.parse({ name: 'turned' }),
    Metric.parse({ name: 'double', formula: 'temperature * 2' }),
  ],
  links: [
    link({
      validUntilMs: UNTIL_MS,
      mappings: [
        mapping('temperature', { point: 't1', scale: 2, offset: 10 }),
        mapping('pressure'),
        mapping('flow'),
        mapping('turned', { scale: -1 }),
      ],
    }),
    link({ device: 'plc-2', role: 'backup', mappings: [mapping('flow')] }),
  ],
});
const QUERY = { entity: 'asset/pump-1', fromMs: T0 - 1000, toMs: T0 + 1000, limit: 10 };

function linked() {
  const { asked, historian } = stored();
  return { asked, history: new LinkedHistory(historian, (_, series) => directSource(PUMP, series)) };
}

test('a metric that is one point has all the readings of it, in its own unit, for as long as the link holds', async () => {
  const { asked, history } = linked();
  assert.deepEqual(await history.raw({ ...QUERY, series: 'temperature' }), [
    { timeMs: T0, value: 14, quality: 'SUSPECT' },
    { timeMs: T0 + 1, value: null, quality: 'BAD' },
  ]);
  assert.deepEqual(asked, [{ ...QUERY, entity: 'device/plc-1', series: 't1', toMs: UNTIL_MS }]);
});

test('windows of it are those of the point, in its own unit', async () => {
  const { history } = linked();
  const [row] = await history.windows({ ...QUERY, series: 'temperature', windowMs: 60_000 });
  const { min, max, avg, sum, stddev, first, last, p50, count } = row ?? ROW;
  assert.deepEqual([min, max, avg, sum, stddev, first, last, p50, count], [12, 16, 14, 28, 3, 12, 16, 14, 2]);
  assert.deepEqual(await history.windows({ ...QUERY, series: 'pressure', windowMs: 60_000 }), [ROW]);
});

test('outside of the time of the link there is nothing, and nobody is asked', async () => {
  const { asked, history } = linked();
  assert.deepEqual(await history.raw({ ...QUERY, series: 'temperature', fromMs: UNTIL_MS }), []);
  assert.deepEqual(asked, []);
});

test('what only the asset knows is read under its own name', async () => {
  const { asked, history } = linked();
  for (const series of ['double', 'flow', 'turned', 'unheard']) await history.raw({ ...QUERY, series });
  assert.deepEqual(
    asked.map(({ entity, series }) => `${entity} ${series}`),
    ['double', 'flow', 'turned', 'unheard'].map((series) => `asset/pump-1 ${series}`),
  );
});
