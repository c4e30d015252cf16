import assert from 'node:assert/strict';
import { test } from 'node:test';
import { siteKind } from '../../../../actors/site/site.ts';
import { siteView } from '../../../../actors/site/view.ts';
import type { View } from '../../../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../../../runtime/ids.ts';
import type { SiteDefinition } from '../../../../topology/plant.ts';

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
    siteKind.watch?.(state, new Map(changed), { id: ID, definition: DEFINITION, nowMs: 0, by, permissions: [] });
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
    const { view } = up([A, asset(90, 10)], [B, { ...asset(90, 5), marks: { power: mark } }]);
    assert.equal(view.values.power_sum, 10);
  }
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
