import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { decodeAsset, encodeAsset } from '../../../../actors/asset/snapshot.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import type { View } from '../../../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { Metric } from '../../../../topology/schema/asset.ts';
import { asset, Bench, frame, link, mapping, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');
const SECOND = entityId('device', 'plc-2');

function up(over: Partial<AssetDefinition> = {}) {
  return new Bench(assetKind, ID, asset(over)).start();
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

test('a late or historical reading neither raises nor clears, and no live value moves', () => {
  const pump = up();
  pump.observe(frame(5000, { temperature: 70 }));
  assert.deepEqual(pump.observe(frame(5100, { temperature: 95 }, { deviceTimeMs: T0 + 4000 })), []);
  assert.deepEqual(pump.observe(frame(5200, { temperature: 95 }, { historical: true })), []);
  assert.equal(assetView(pump.state).values.temperature, 70);
  pump.observe(frame(6000, { temperature: 90 }));
  assert.deepEqual(pump.observe(frame(6100, { temperature: 60 }, { deviceTimeMs: T0 + 3000 })), []);
  assert.equal(assetView(pump.state).alarms.hot?.detail, 'ACTIVE_UNACK');
});

test('a reading without a value marks its metric, keeps the last one, and lets no delay run out', () => {
  const pump = up({ rules: [rule({ durationSeconds: 1 })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.observe(frame(500, { temperature: null }, { quality: ['BAD'], reasons: ['modbus_exception_04'] }));
  const view = assetView(pump.state);
  assert.equal(view.values.temperature, 90);
  assert.equal(view.times.temperature, T0);
  assert.equal(view.marks.temperature?.reason, 'modbus_exception_04');
  assert.deepEqual(view.marks.temperature?.lastGood, { value: 90, timeMs: T0 });
  assert.deepEqual(kinds(pump.runTo(1500)), []);
  assert.deepEqual(kinds(pump.observe(frame(1600, { temperature: 90 }))), ['AlarmRaised']);
});

test('a stale input cannot be evaluated: said once, cleared by nothing but a reading', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  pump.observe(frame(100, { temperature: 90 }));
  assert.deepEqual(kinds(pump.runTo(2099)), []);
  assert.deepEqual(kinds(pump.runTo(60_000)), ['AlarmCannotEvaluate']);
  const { alarms, marks } = assetView(pump.state);
  assert.equal(alarms.hot?.detail, 'ACTIVE_UNACK');
  assert.deepEqual(alarms.hot?.cannotEvaluate, { reason: 'stale', sinceMs: T0 + 2100 });
  assert.deepEqual(marks.temperature, { quality: 'UNCERTAIN', reason: 'stale', sinceMs: T0 + 2100 });
  assert.deepEqual(kinds(pump.observe(frame(61_000, { temperature: 70 }))), ['AlarmEvaluable', 'AlarmCleared']);
  assert.equal(assetView(pump.state).marks.temperature, undefined);
});

test('a condition that held before a silence has to hold for its whole delay again', () => {
  const pump = up({ rules: [rule({ durationSeconds: 10 })] });
  pump.observe(frame(0, { temperature: 90 }));
  pump.runTo(30_000);
  assert.deepEqual(kinds(pump.observe(frame(30_000, { temperature: 90 }))), ['AlarmEvaluable']);
  for (let at = 31_000; at < 40_000; at += 1000) assert.deepEqual(pump.observe(frame(at, { temperature: 90 })), []);
  assert.deepEqual(kinds(pump.observe(frame(40_000, { temperature: 90 }))), ['AlarmRaised']);
});

test('after a restart of the node values are marked at once, and rules get their time before they say so', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 70 }));
  const back = new Bench(assetKind, ID, asset(), pump.encode()).start(60_000);
  assert.deepEqual(kinds(back.runTo(60_000)), []);
  assert.equal(assetView(back.state).marks.temperature?.reason, 'stale');
  assert.deepEqual(kinds(back.runTo(61_999)), []);
  assert.deepEqual(kinds(back.runTo(62_000)), ['AlarmCannotEvaluate']);
});

test('every value says when its source measured it and when we received it; a computed one goes by its newest input', () => {
  const metrics = ['temperature', 'pressure'].map((name) => Metric.parse({ name }));
  const pump = up({ metrics: [...metrics, Metric.parse({ name: 'product', formula: 'temperature * pressure' })] });
  pump.observe(frame(700, { temperature: 70 }, { deviceTimeMs: T0 + 500 }));
  pump.observe(frame(900, { pressure: 3 }, { deviceTimeMs: T0 + 100 }));
  pump.observe(frame(1000, { temperature: null }, { quality: ['BAD'] }));
  const { times, received } = assetView(pump.state);
  assert.deepEqual(times, { temperature: T0 + 500, pressure: T0 + 100, product: T0 + 500 });
  assert.deepEqual(received, { temperature: T0 + 700, pressure: T0 + 900, product: T0 + 900 });
  const back = new Bench(assetKind, ID, pump.self.definition, pump.encode());
  assert.deepEqual(assetView(back.state).received, received);
});

test('a unit is converted, what is no number is passed on as it is', () => {
  const mappings = [
    mapping('temperature', { point: 't', scale: 0.1, offset: -40 }),
    mapping('pressure', { point: 'p', scale: 2, offset: 1 }),
  ];
  const pump = up({ links: [link({ mappings })] });
  pump.observe(frame(0, { t: 650, p: true }));
  assert.deepEqual(assetView(pump.state).values, { temperature: 25, pressure: true });
});

test('a link counts by device time: from its beginning and until its end', () => {
  const pump = up({ links: [link({ validFromMs: T0 + 1000, validUntilMs: T0 + 3000 })] });
  pump.observe(frame(999, { temperature: 1 }));
  assert.deepEqual(assetView(pump.state).values, {});
  pump.observe(frame(1000, { temperature: 2 }));
  pump.observe(frame(3000, { temperature: 3 }));
  assert.equal(assetView(pump.state).values.temperature, 2);
});

test('one device may feed several assets, and one metric several devices by rank', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', role: 'backup' })] });
  pump.observe(frame(0, { temperature: 50 }));
  pump.observe(frame(100, { temperature: 10 }), SECOND);
  assert.equal(assetView(pump.state).values.temperature, 50, 'the primary is fresh');
  pump.observe(frame(2100, { temperature: 11 }), SECOND);
  assert.equal(assetView(pump.state).values.temperature, 11, 'the primary is stale');
  pump.observe(frame(2200, { temperature: 51 }));
  assert.equal(assetView(pump.state).values.temperature, 51, 'the primary is back');
  pump.observe(frame(2300, { temperature: null }, { quality: ['BAD'] }));
  pump.observe(frame(2400, { temperature: 12 }), SECOND);
  assert.equal(assetView(pump.state).values.temperature, 12, 'the primary is BAD');
  assert.equal(assetView(pump.state).marks.temperature, undefined);
  pump.observe(frame(2500, { temperature: null }, { quality: ['BAD'] }));
  assert.equal(assetView(pump.state).marks.temperature, undefined, 'the backup serves: the primary does not mark it');
});

test('a backup whose clock is behind can still step in', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', role: 'backup' })] });
  pump.observe(frame(0, { temperature: 50 }));
  pump.observe(frame(5000, { temperature: 10 }, { deviceTimeMs: T0 - 4000 }), SECOND);
  assert.equal(assetView(pump.state).values.temperature, 10);
});

test('what was under way for too long judges no rule, though it is the newest of its source', () => {
  const pump = up({ rules: [rule()] });
  const retained = frame(1000, { temperature: 95 }, { deviceTimeMs: T0 - 3_600_000 });
  assert.deepEqual(pump.observe(retained), []);
  const { values, times, marks } = assetView(pump.state);
  assert.equal(values.temperature, 95, 'the only value that is known is shown');
  assert.equal(times.temperature, T0 - 3_600_000);
  assert.equal(marks.temperature?.reason, 'stale');
  for (let i = 1; i <= 3; i++) {
    assert.deepEqual(pump.observe(frame(1000 + i, { temperature: 96 }, { deviceTimeMs: T0 - 60_000 + i })), []);
  }
  assert.deepEqual(pump.runTo(1500), [], 'and no delay runs on it');
  assert.deepEqual(kinds(pump.observe(frame(2000, { temperature: 97 }))), ['AlarmRaised']);
  assert.equal(assetView(pump.state).marks.temperature, undefined);
});

test('a backlog that arrives in order while the value is fresh moves no live value', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', role: 'backup' })] });
  pump.observe(frame(0, { temperature: 50 }));
  pump.observe(frame(500, { temperature: 95 }, { deviceTimeMs: T0 - 60_000 }), SECOND);
  assert.equal(assetView(pump.state).values.temperature, 50);
  assert.deepEqual(pump.events, []);
});

test('a source that is BAD from its first reading on says so, and so do its rules and the health', () => {
  const pump = up();
  for (let i = 0; i <= 20; i++) {
    const bad = { quality: ['BAD', 'GOOD'] as const, reasons: ['modbus_exception_02', null] };
    pump.observe(frame(i * 1000, { temperature: null, pressure: 1 }, bad));
    pump.runTo(i * 1000);
  }
  const { marks, alarms, props } = assetView(pump.state);
  assert.equal(marks.temperature?.reason, 'modbus_exception_02');
  assert.equal(alarms.hot?.cannotEvaluate?.reason, 'modbus_exception_02');
  assert.equal(props.healthBreakdown.telemetry, 50);
});

test('a point that never delivers is stale when its source had the time to, and not before', () => {
  const pump = up();
  for (let i = 0; i < 20; i++) {
    pump.observe(frame(i * 1000, { pressure: 1 }));
    if (i < 15) assert.deepEqual(pump.runTo(i * 1000), []);
    else pump.runTo(i * 1000);
  }
  const { marks, alarms, values } = assetView(pump.state);
  assert.equal(values.temperature, undefined);
  assert.deepEqual(marks.temperature, { quality: 'UNCERTAIN', reason: 'stale', sinceMs: T0 + 15_000 });
  assert.equal(alarms.hot?.cannotEvaluate?.reason, 'stale');
  assert.deepEqual(kinds(pump.observe(frame(21_000, { temperature: 70 }))), ['AlarmEvaluable']);
});

test('of an asset that is not in service nothing is expected', () => {
  const pump = up({ lifecycle: 'planned' });
  assert.deepEqual(pump.runTo(60_000), []);
  assert.deepEqual(assetView(pump.state).marks, {});
});

const POWER = [
  Metric.parse({ name: 'kw', formula: 'watts / 1000' }),
  Metric.parse({ name: 'watts', formula: 'temperature * pressure' }),
  Metric.parse({ name: 'temperature' }),
  Metric.parse({ name: 'pressure' }),
];

test('computed metrics follow their inputs in the order of their dependence, and rules on them in the same turn', () => {
  const pump = up({ metrics: POWER, rules: [rule({ id: 'load', metric: 'kw', when: { above: 1 } })] });
  assert.deepEqual(kinds(pump.observe(frame(0, { temperature: 50, pressure: 30 }))), ['AlarmRaised']);
  const { values, metrics } = assetView(pump.state);
  assert.equal(values.watts, 1500);
  assert.equal(values.kw, 1.5);
  assert.deepEqual(metrics.kw?.sourceDevices, ['plc-1']);
});

test('a computed metric is as good as its worst input, and has no value without one', () => {
  const pump = up({ metrics: POWER, rules: [] });
  pump.observe(frame(0, { temperature: 50, pressure: 30 }, { quality: ['GOOD', 'SUSPECT'], reasons: [null, 'rate'] }));
  assert.equal(assetView(pump.state).marks.kw?.quality, 'SUSPECT');
  pump.observe(frame(500, { temperature: 50, pressure: null }, { quality: ['GOOD', 'BAD'] }));
  assert.equal(assetView(pump.state).marks.kw?.reason, 'no_input');
  assert.equal(assetView(pump.state).values.kw, 1.5);
});

test('a computed metric is stale as soon as its oldest input is', () => {
  const pump = up({ metrics: POWER, rules: [] });
  pump.observe(frame(0, { temperature: 50, pressure: 30 }));
  pump.observe(frame(1500, { temperature: 60 }));
  pump.runTo(2100);
  const { marks } = assetView(pump.state);
  assert.equal(marks.kw?.reason, 'stale');
  assert.equal(marks.temperature, undefined);
});

test('windows of a second and a minute are shown when they have ended', () => {
  const pump = up();
  for (let at = 0; at <= 60_600; at += 200) pump.observe(frame(at, { temperature: at < 60_000 ? 10 : 99 }));
  const { windows } = assetView(pump.state);
  assert.equal(windows['temperature@1m']?.count, 300);
  assert.equal(windows['temperature@1m']?.avg, 10);
  assert.equal(windows['temperature@1m']?.pctGood, 100);
  assert.equal(windows['temperature@1s']?.endMs, T0 + 60_000);
});

test('a metric has windows of the sizes that the topology names, and none of another after a restart', () => {
  const metric = (windows?: string[]) => [Metric.parse({ name: 'temperature', ...(windows && { windows }) })];
  const pump = up({ metrics: metric(['10s', '5m']) });
  for (let at = 0; at <= 300_600; at += 200) pump.observe(frame(at, { temperature: at < 300_000 ? 10 : 99 }));
  const { windows } = assetView(pump.state);
  assert.deepEqual(Object.keys(windows).sort(), ['temperature@10s', 'temperature@5m']);
  assert.equal(windows['temperature@5m']?.count, 1500);
  assert.equal(windows['temperature@10s']?.endMs, T0 + 300_000);

  const changed = up({ metrics: metric(['1m', '5m']) });
  const again = decodeAsset(encodeAsset(pump.state), changed.self);
  assert.deepEqual(Object.keys(assetView(again).windows), ['temperature@5m']);
});

test('once asked, an asset hands out what it computed, every computed value with its own time and quality', () => {
  const pump = up({
    metrics: [Metric.parse({ name: 'temperature' }), Metric.parse({ name: 'double', formula: 'temperature * 2' })],
  });
  pump.observe(frame(1000, { temperature: 20 }));
  pump.observe(frame(1200, { temperature: 99 }));
  pump.observe(frame(1400, { temperature: 21 }, { quality: ['SUSPECT'], reasons: ['rate'] }));
  pump.observe(frame(1600, { temperature: null }, { quality: ['BAD'], reasons: ['range'] }));
  assert.deepEqual(assetKind.emit?.(pump.state, pump.turn(2000)), {
    deviceTimeMs: T0 + 1400,
    gatewayTimeMs: T0 + 2000,
    points: ['double', 'double', 'double'],
    values: [40, 198, 42],
    quality: ['GOOD', 'GOOD', 'SUSPECT'],
    reasons: [null, null, 'input'],
    times: [T0 + 1000, T0 + 1200, T0 + 1400],
  });
  assert.equal(assetKind.emit?.(pump.state, pump.turn(3000)), null);
});

test('of a metric with several sources the asset hands out which it went by, late readings among them', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', role: 'backup' })] });
  pump.observe(frame(1000, { temperature: 20 }));
  pump.observe(frame(1500, { temperature: 90 }), SECOND);
  pump.observe(frame(1900, { temperature: 15 }, { deviceTimeMs: T0 + 500 }));
  const emitted = assetKind.emit?.(pump.state, pump.turn(2000));
  assert.deepEqual(emitted?.values, [20, 15]);
  assert.deepEqual(emitted?.times, [T0 + 1000, T0 + 500]);
});

test('what finds no room in the history of computed values is counted', () => {
  const pump = up({
    metrics: [Metric.parse({ name: 'temperature' }), Metric.parse({ name: 'double', formula: 'temperature * 2' })],
  });
  for (let i = 0; i < 5000; i++) pump.observe(frame(i, { temperature: i }));
  assert.equal(assetKind.emit?.(pump.state, pump.turn(6000))?.values.length, 4096);
  assert.equal(assetView(pump.state).props.historyDropped, 904);
});

function child(value: number, mark?: { quality: string; reason: string }): View {
  const marks = mark === undefined ? {} : { load: mark };
  return { values: { load: value }, times: { load: T0 }, received: { load: T0 + value }, marks };
}

test('a roll-up takes what the children show, without those that are BAD or stale', () => {
  const total = Metric.parse({ name: 'total', rollUp: { of: 'load', function: 'sum' } });
  const mean = Metric.parse({ name: 'mean', rollUp: { of: 'load', function: 'avg' } });
  const count = Metric.parse({ name: 'count', rollUp: { of: 'load', function: 'count' } });
  const parent = up({
    metrics: [total, mean, count],
    rules: [rule({ metric: 'total', when: { above: 25 } })],
    links: [],
  });
  const watch = (views: [EntityId, View][]) => assetKind.watch?.(parent.state, new Map(views), parent.turn(1000));
  watch([
    [entityId('asset', 'a'), child(10)],
    [entityId('asset', 'b'), child(20)],
    [entityId('asset', 'c'), child(500, { quality: 'UNCERTAIN', reason: 'stale' })],
  ]);
  const { values, times, received } = assetView(parent.state);
  assert.deepEqual(values, { total: 30, mean: 15, count: 2 });
  assert.equal(times.total, T0);
  assert.equal(received.total, T0 + 20, 'the newest of those that count');
  assert.deepEqual(kinds(parent.due(1000)), [], 'a rule does not go by a part of what it is about');
  const incomplete = {
    quality: 'UNCERTAIN',
    reason: 'partial_input',
    sinceMs: T0 + 1000,
    inputs: { used: 2, of: 3 },
  };
  assert.deepEqual(
    assetView(parent.state).marks,
    { total: incomplete, mean: incomplete },
    'how many it are is certain',
  );
  watch([
    [entityId('asset', 'b'), child(16)],
    [entityId('asset', 'c'), child(0, { quality: 'SUSPECT', reason: 'rate' })],
  ]);
  assert.equal(assetView(parent.state).values.total, 26);
  assert.deepEqual(kinds(parent.due(1100)), ['AlarmRaised']);
  assert.deepEqual(assetView(parent.state).marks.total, { quality: 'SUSPECT', reason: 'input', sinceMs: T0 + 1000 });
  watch([
    [entityId('asset', 'b'), child(5)],
    [entityId('asset', 'c'), child(0)],
  ]);
  assert.deepEqual(assetView(parent.state).marks, {});
  assert.deepEqual(kinds(parent.due(1250)), ['AlarmCleared']);
});

test('a roll-up says that it lacks a child that never had a value, or has not shown itself yet', () => {
  const highest = Metric.parse({ name: 'highest', rollUp: { of: 'load', function: 'max' } });
  const parent = up({ metrics: [highest], rules: [], links: [], children: ['a', 'b', 'c', 'd'] });
  const watch = (...views: [string, View][]) => {
    const changed = new Map(views.map(([name, view]) => [entityId('asset', name), view]));
    assetKind.watch?.(parent.state, changed, parent.turn(1000));
    return assetView(parent.state).marks.highest?.inputs;
  };
  const hasMetric = { metrics: { load: { unit: 'kW' } } };
  assert.deepEqual(watch(['a', child(7)], ['b', hasMetric]), { used: 1, of: 4 });
  assert.deepEqual(watch(['c', { metrics: {} }]), { used: 1, of: 3 }, 'one that has no such metric is not lacking');
  assert.deepEqual(watch(['d', { ...hasMetric, props: { lifecycle: 'planned' } }]), { used: 1, of: 2 });
  assert.equal(watch(['b', child(9)]), undefined);
  assert.deepEqual(assetView(parent.state).marks, {});
  assert.equal(assetView(parent.state).values.highest, 9);
});

test('losing a child raises nothing from the rest, and the rules on a roll-up say that they cannot be evaluated', () => {
  const total = Metric.parse({ name: 'total', rollUp: { of: 'load', function: 'sum' } });
  const double = Metric.parse({ name: 'double', formula: 'total * 2' });
  const rules = [
    rule({ metric: 'total', when: { below: 10 } }),
    rule({ id: 'd', metric: 'double', when: { below: 20 } }),
  ];
  const parent = up({ metrics: [total, double], links: [], children: ['a', 'b'], rules });
  const watch = (atMs: number, views: [EntityId, View][]) =>
    assetKind.watch?.(parent.state, new Map(views), parent.turn(atMs));
  const lost = { quality: 'UNCERTAIN', reason: 'device_lost' };
  watch(20_000, [
    [entityId('asset', 'a'), child(8)],
    [entityId('asset', 'b'), child(8)],
  ]);
  assert.deepEqual(parent.runTo(20_000), []);
  watch(21_000, [[entityId('asset', 'b'), child(8, lost)]]);
  assert.equal(assetView(parent.state).marks.double?.reason, 'partial_input');
  assert.deepEqual(parent.runTo(22_000), []);
  assert.deepEqual(kinds(parent.runTo(30_000)), ['AlarmCannotEvaluate', 'AlarmCannotEvaluate']);
  assert.equal(assetView(parent.state).alarms.hot?.cannotEvaluate?.reason, 'partial_input');
  watch(31_000, [[entityId('asset', 'a'), child(8, lost)]]);
  assert.equal(assetView(parent.state).marks.total?.quality, 'BAD');
  assert.deepEqual(parent.runTo(60_000), []);
  watch(61_000, [
    [entityId('asset', 'a'), child(8)],
    [entityId('asset', 'b'), child(8)],
  ]);
  assert.deepEqual(kinds(parent.runTo(61_000)), ['AlarmEvaluable', 'AlarmEvaluable']);
});

test('a roll-up without any child that counts says so from the start', () => {
  const total = Metric.parse({ name: 'total', rollUp: { of: 'load', function: 'sum' } });
  const parent = up({ metrics: [total], links: [], children: ['a'], rules: [rule({ metric: 'total' })] });
  const lost = child(8, { quality: 'UNCERTAIN', reason: 'stale' });
  assetKind.watch?.(parent.state, new Map([[entityId('asset', 'a'), lost]]), parent.turn(1000));
  assert.equal(assetView(parent.state).marks.total?.reason, 'no_input');
  assert.deepEqual(kinds(parent.runTo(60_000)), ['AlarmCannotEvaluate']);
});

test('a total over partial totals is partial', () => {
  const total = Metric.parse({ name: 'total', rollUp: { of: 'load', function: 'sum' } });
  const parent = up({ metrics: [total], links: [], children: ['a'], rules: [] });
  const part = child(8, { quality: 'UNCERTAIN', reason: 'partial_input' });
  assetKind.watch?.(parent.state, new Map([[entityId('asset', 'a'), part]]), parent.turn(1000));
  assert.equal(assetView(parent.state).marks.total?.reason, 'partial_input');
});

test('a reading without a value that is not called BAD leaves the last value, in doubt, with its own time', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 70 }));
  pump.observe(frame(1000, { temperature: null }, { quality: ['UNCERTAIN'], reasons: ['modbus_exception_06'] }));
  const { values, times, marks } = assetView(pump.state);
  assert.equal(values.temperature, 70);
  assert.equal(times.temperature, T0);
  assert.equal(marks.temperature?.quality, 'UNCERTAIN');
  assert.equal(marks.temperature?.reason, 'modbus_exception_06');
  pump.runTo(2000);
  assert.equal(assetView(pump.state).marks.temperature?.reason, 'stale');
});
