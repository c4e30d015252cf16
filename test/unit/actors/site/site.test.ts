import assert from 'node:assert/strict';
import { test } from 'node:test';
import { siteKind } from '../../../../actors/site/site.ts';
import { siteView } from '../../../../actors/site/view.ts';
import type { View } from '../../../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../../../runtime/ids.ts';
import type { SiteDefinition } from '../../../../topology/plant.ts';

const NOW_MS = 5;
const ID = entityId('site', 'north');
const DEFINITION: SiteDefinition = {
  id: 'north',
  name: 'North',
  timeZone: 'Europe/Berlin',
  organization: 'acme',
  assets: ['a', 'b'],
  devices: ['x', 'y', 'z', 'w'],
  simulated: true,
  keyFigures: [
    { title: 'Power', metric: 'power', function: 'sum', unit: 'kW', decimals: 1 },
    { title: 'Mean power', metric: 'power', function: 'avg', unit: 'kW', decimals: 1 },
  ],
};

function up(...views: [EntityId, View][]) {
  const state = siteKind.initial({ id: ID, definition: DEFINITION });
  const watch = (...changed: [EntityId, View][]) => {
    const by = { user: 'system', via: 'log' } as const;
    siteKind.watch?.(state, new Map(changed), { id: ID, definition: DEFINITION, nowMs: NOW_MS, by, permissions: [] });
    return siteView(state);
  };
  return { watch, view: watch(...views) };
}

function alarm(severity: string, detail: string, state: string, shelved: boolean) {
  return { severity, detail, state, shelved: shelved ? { untilMs: 1 } : null };
}

function asset(
  health: number,
  power: number,
  alarms: Record<string, ReturnType<typeof alarm>> = {},
): [EntityId, View][1] {
  return { props: { health }, values: { power }, marks: {}, alarms };
}

const A = entityId('asset', 'a');
const B = entityId('asset', 'b');

test('a site sums up what its assets show', () => {
  const { view } = up([A, asset(90, 10)], [B, asset(41, 5)]);
  assert.equal(view.props.health, 66);
  assert.equal(view.props.healthWorst, 41);
  assert.deepEqual(view.values, { power_sum: 15, power_avg: 7.5 });
  assert.equal(view.figures.power_sum?.title, 'Power');
});

test('a value that is stale, BAD or cut off is left out of the key figures', () => {
  for (const mark of [
    { quality: 'UNCERTAIN', reason: 'stale' },
    { quality: 'BAD', reason: 'range' },
    { quality: 'UNCERTAIN', reason: 'device_lost' },
  ]) {
    const site = up([A, asset(90, 10)], [B, { ...asset(90, 5), marks: { power: mark } }]);
    assert.equal(site.view.values.power_sum, 10);
    const lacking = { quality: 'UNCERTAIN', reason: 'partial_input', sinceMs: NOW_MS, inputs: { used: 1, of: 2 } };
    assert.deepEqual(site.view.marks, { power_sum: lacking, power_avg: lacking }, 'and that is said');
    assert.deepEqual(site.watch([B, asset(90, 5)]).marks, {});
  }
});

test('the highest water is not what is left when the flooded sensor falls silent', () => {
  const highest = { title: 'Highest water', metric: 'power', function: 'max', unit: 'm', decimals: 2 } as const;
  const definition = { ...DEFINITION, keyFigures: [highest] };
  const state = siteKind.initial({ id: ID, definition });
  const watch = (nowMs: number, ...changed: [EntityId, View][]) => {
    const by = { user: 'system', via: 'log' } as const;
    siteKind.watch?.(state, new Map(changed), { id: ID, definition, nowMs, by, permissions: [] });
    return siteView(state);
  };
  assert.deepEqual(watch(1, [A, asset(90, 2.75)], [B, asset(90, 0.67)]).marks, {});
  const silent = { ...asset(90, 2.75), marks: { power: { quality: 'UNCERTAIN', reason: 'stale' } } };
  const mark = { quality: 'UNCERTAIN', reason: 'partial_input', sinceMs: 2, inputs: { used: 1, of: 2 } };
  assert.deepEqual(watch(2, [A, silent]).marks, { power_max: mark });
  assert.deepEqual(watch(3, [B, asset(90, 0.68)]).marks, { power_max: mark }, 'since then');
  const gone = { ...asset(90, 1), marks: { power: { quality: 'BAD', reason: 'range' } } };
  const view = watch(4, [B, gone]);
  assert.equal(view.values.power_max, null);
  assert.deepEqual(view.marks, { power_max: { quality: 'BAD', reason: 'no_input', sinceMs: 4 } });
});

test('a figure says that it lacks an asset that has not shown itself, and is as doubtful as what it is made of', () => {
  const site = up([A, { ...asset(90, 10), marks: { power: { quality: 'SUSPECT', reason: 'rate' } } }]);
  assert.deepEqual(site.view.marks.power_sum?.inputs, { used: 1, of: 2 });
  const mark = { quality: 'SUSPECT', reason: 'input', sinceMs: NOW_MS };
  assert.deepEqual(site.watch([B, asset(90, 5)]).marks, { power_sum: mark, power_avg: mark });
  const other: View = { props: { health: 90 }, values: {}, marks: {}, metrics: {}, alarms: {} };
  assert.deepEqual(up([A, other], [B, other]).view.marks, {}, 'nobody has the metric');
});

test('alarms of assets and devices are counted, hidden ones apart', () => {
  const alarms = {
    one: alarm('CRITICAL', 'ACTIVE_UNACK', 'ACTIVE', false),
    two: alarm('HIGH', 'ACTIVE_ACK', 'ACKNOWLEDGED', false),
    three: alarm('LOW', 'RTN_UNACK', 'CLEARED', false),
    four: alarm('CRITICAL', 'ACTIVE_UNACK', 'SUPPRESSED', true),
    five: alarm('HIGH', 'NORMAL', 'CLEARED', false),
  };
  const clock = { clock: alarm('MEDIUM', 'ACTIVE_UNACK', 'ACTIVE', false) };
  const device: View = { props: { connectivity: 'online' }, alarms: clock };
  const { props } = up([A, asset(90, 10, alarms)], [B, asset(90, 5)], [entityId('device', 'x'), device]).view;
  assert.deepEqual(
    [props.alarmsCritical, props.alarmsHigh, props.alarmsMedium, props.alarmsLow],
    [1, 1, 1, 1],
    'by severity',
  );
  assert.deepEqual([props.alarmsActive, props.alarmsUnacknowledged, props.alarmsShelved], [3, 3, 1]);
  assert.equal(props.assetsAbnormal, 1);
});

test('devices that have not shown themselves are unknown, decommissioned ones count nowhere', () => {
  const device = (props: Record<string, boolean | string>): View => ({ props });
  const { props } = up(
    [entityId('device', 'x'), device({ connectivity: 'online' })],
    [entityId('device', 'y'), device({ connectivity: 'offline' })],
    [entityId('device', 'z'), device({ connectivity: 'unknown', decommissioned: true })],
  ).view;
  assert.deepEqual([props.devices, props.devicesOnline, props.devicesOffline, props.devicesUnknown], [3, 1, 1, 1]);
});

test('work orders count as long as they are open', () => {
  const site = up([entityId('work-order', 'WO-1'), { props: { state: 'open' } }]);
  assert.equal(site.view.props.openWorkOrders, 1);
  assert.equal(site.watch([entityId('work-order', 'WO-1'), { props: { state: 'closed' } }]).props.openWorkOrders, 0);
});
