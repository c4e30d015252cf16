import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { asset, Bench, frame, link, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');
const LOST = rule({ id: 'lost', name: 'No connection', metric: undefined, when: 'deviceLost', severity: 'CRITICAL' });

function up(over: Partial<AssetDefinition> = {}) {
  return new Bench(assetKind, ID, asset(over)).start();
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

function report(pump: ReturnType<typeof up>, atMs: number, state: 'online' | 'offline', device = 'plc-1') {
  const before = pump.events.length;
  pump.command(atMs, { kind: 'DeviceReported', device, state, reason: 'test', sinceMs: T0 + atMs });
  return kinds(pump.events.slice(before));
}

test('the loss of a primary device is an alarm, its symptoms are hidden by design and come back with it', () => {
  const pump = up({ rules: [rule(), LOST] });
  report(pump, 0, 'online');
  pump.observe(frame(0, { temperature: 90 }));
  assert.deepEqual(report(pump, 1000, 'offline'), ['LinkedDeviceReported', 'AlarmSuppressed', 'AlarmRaised']);
  let view = assetView(pump.state);
  assert.equal(view.alarms.hot?.state, 'SUPPRESSED');
  assert.deepEqual(view.alarms.hot?.suppressed, { cause: 'device_lost', sinceMs: T0 + 1000 });
  assert.equal(view.alarms.lost?.detail, 'ACTIVE_UNACK');
  assert.equal(view.props.connected, false);
  assert.equal(view.marks.temperature?.reason, 'device_lost');
  assert.deepEqual(report(pump, 2000, 'online'), ['LinkedDeviceReported', 'AlarmUnsuppressed', 'AlarmCleared']);
  view = assetView(pump.state);
  assert.equal(view.alarms.hot?.state, 'ACTIVE');
  assert.equal(view.props.connected, true);
});

test('a rule on the connection has its delays as any other', () => {
  const pump = up({ rules: [{ ...LOST, durationSeconds: 5, offDelaySeconds: 2 }] });
  report(pump, 0, 'offline');
  assert.deepEqual(kinds(pump.runTo(4999)), []);
  assert.deepEqual(kinds(pump.runTo(5000)), ['AlarmRaised']);
  report(pump, 6000, 'online');
  assert.deepEqual(kinds(pump.runTo(7999)), []);
  assert.deepEqual(kinds(pump.runTo(8000)), ['AlarmCleared']);
});

test('a rule that says so is not hidden when the device is lost', () => {
  const pump = up({ rules: [rule({ suppressWhenDeviceLost: false })] });
  pump.observe(frame(0, { temperature: 90 }));
  report(pump, 1000, 'offline');
  assert.equal(assetView(pump.state).alarms.hot?.state, 'ACTIVE');
});

test('nothing is hidden where a backup still brings the value', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', role: 'backup' })] });
  report(pump, 0, 'online');
  report(pump, 0, 'online', 'plc-2');
  pump.observe(frame(0, { temperature: 90 }));
  assert.deepEqual(report(pump, 500, 'offline'), ['LinkedDeviceReported']);
  pump.observe(frame(600, { temperature: 95 }), entityId('device', 'plc-2'));
  const view = assetView(pump.state);
  assert.equal(view.values.temperature, 95, 'the backup steps in before the value is stale');
  assert.equal(view.alarms.hot?.state, 'ACTIVE');
  assert.deepEqual(report(pump, 700, 'offline', 'plc-2'), ['LinkedDeviceReported', 'AlarmSuppressed']);
});

test('an alarm that is raised while its device is lost is raised hidden', () => {
  const pump = up({ rules: [rule({ webhook: 'http://127.0.0.1/hook' })] });
  report(pump, 0, 'offline');
  assert.deepEqual(kinds(pump.observe(frame(100, { temperature: 90 }))), ['AlarmSuppressed', 'AlarmRaised']);
  assert.equal(pump.effects.length, 0);
  assert.deepEqual(report(pump, 200, 'online'), ['LinkedDeviceReported', 'AlarmUnsuppressed']);
  assert.equal(pump.effects.length, 1);
});

test('what comes back within its cooldown while its device is lost is hidden as well', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  pump.command(10, { kind: 'AcknowledgeAlarm', rule: 'hot' });
  pump.observe(frame(20, { temperature: 70 }));
  report(pump, 50, 'offline');
  assert.deepEqual(kinds(pump.observe(frame(100, { temperature: 90 }))), ['AlarmSuppressed', 'AlarmRecurred']);
  assert.equal(assetView(pump.state).alarms.hot?.state, 'SUPPRESSED');
  assert.deepEqual(report(pump, 200, 'online'), ['LinkedDeviceReported', 'AlarmUnsuppressed']);
  assert.equal(assetView(pump.state).alarms.hot?.state, 'ACKNOWLEDGED');
});

test('the same report again changes nothing, nor does one of a device that is not linked', () => {
  const pump = up();
  assert.deepEqual(report(pump, 0, 'offline'), ['LinkedDeviceReported']);
  assert.deepEqual(report(pump, 0, 'offline'), []);
  assert.deepEqual(report(pump, 0, 'offline', 'plc-9'), []);
});

test('as long as a primary device has not said a word, nobody knows whether the asset is connected', () => {
  const pump = up({ links: [link(), link({ device: 'plc-2', mappings: [] })] });
  assert.equal(assetView(pump.state).props.connected, null);
  report(pump, 0, 'online');
  assert.equal(assetView(pump.state).props.connected, null);
  report(pump, 0, 'online', 'plc-2');
  assert.equal(assetView(pump.state).props.connected, true);
});

test('what a lost device explains is not said again for every rule, and not in the moment it is back', () => {
  const pump = up({ rules: [rule(), LOST] });
  report(pump, 0, 'online');
  pump.observe(frame(0, { temperature: 70 }));
  report(pump, 1000, 'offline');
  assert.deepEqual(kinds(pump.runTo(60_000)), []);
  assert.deepEqual(report(pump, 61_000, 'online'), ['LinkedDeviceReported', 'AlarmCleared']);
  assert.deepEqual(kinds(pump.runTo(62_999)), []);
  assert.deepEqual(kinds(pump.runTo(63_000)), ['AlarmCannotEvaluate']);
});
