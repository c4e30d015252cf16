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
  assert.deepEqual(view.alarms.hot?.suppressed, { cause: 'device_lost', by: 'asset/pump-1:lost', sinceMs: T0 + 1000 });
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

const BY = 'connection/line:connection-lost';
const behindLink = (pump: ReturnType<typeof up>, atMs: number, over: object = {}, device = 'plc-1') => {
  const cover = { by: BY, sinceMs: T0 + atMs };
  const said = { device, state: 'offline', reason: 'connection_refused', sinceMs: T0 + atMs, cover } as const;
  const before = pump.events.length;
  pump.command(atMs, { kind: 'DeviceReported', ...said, ...over });
  return kinds(pump.events.slice(before));
};
const linkBack = (pump: ReturnType<typeof up>, atMs: number) =>
  behindLink(pump, atMs, { state: 'unknown', reason: 'link_back', cover: undefined });

test('a rule on a connection that is lost with its link is raised suppressed, and names the alarm that stands for it', () => {
  const pump = up({ rules: [rule(), { ...LOST, durationSeconds: 5 }] });
  report(pump, 0, 'online');
  pump.observe(frame(0, { temperature: 90 }));
  assert.deepEqual(behindLink(pump, 1000), ['LinkedDeviceReported', 'AlarmSuppressed']);
  assert.deepEqual(kinds(pump.runTo(6000)), ['AlarmSuppressed', 'AlarmRaised']);
  const { alarms } = assetView(pump.state);
  assert.equal(alarms.lost?.state, 'SUPPRESSED');
  assert.deepEqual(alarms.lost?.suppressed, { cause: 'connection_lost', by: BY, sinceMs: T0 + 6000 });
  assert.deepEqual(alarms.hot?.suppressed, { cause: 'device_lost', by: BY, sinceMs: T0 + 1000 });
  assert.deepEqual(linkBack(pump, 7000), ['LinkedDeviceReported', 'AlarmSuppressed']);
  assert.equal(assetView(pump.state).alarms.hot?.suppressed?.by, 'asset/pump-1:lost');
  assert.deepEqual(kinds(pump.runTo(60_000)), [], 'nothing is known of the device yet');
  assert.deepEqual(report(pump, 60_000, 'online'), [
    'LinkedDeviceReported',
    'AlarmUnsuppressed',
    'AlarmCleared',
    'AlarmUnsuppressed',
  ]);
  assert.equal(assetView(pump.state).alarms.lost, undefined, 'nobody was called, so nobody has to see the end');
});

test('a device that is still lost when its link is back has its alarm called out after its delay', () => {
  const pump = up({ rules: [{ ...LOST, durationSeconds: 5 }] });
  behindLink(pump, 0);
  pump.runTo(5000);
  linkBack(pump, 10_000);
  assert.deepEqual(report(pump, 13_000, 'offline'), ['LinkedDeviceReported']);
  assert.deepEqual(kinds(pump.runTo(17_999)), []);
  assert.deepEqual(kinds(pump.runTo(18_000)), ['AlarmUnsuppressed']);
  assert.equal(assetView(pump.state).alarms.lost?.state, 'ACTIVE');
  const last = pump.events.at(-1);
  assert.ok(last?.kind === 'AlarmUnsuppressed' && last.annunciation !== null);
  report(pump, 20_000, 'online');
  assert.equal(assetView(pump.state).alarms.lost?.detail, 'RTN_UNACK');
});

test('with one device lost behind its link and another by itself, the alarm is called out', () => {
  const pump = up({ rules: [LOST], links: [link(), link({ device: 'plc-2', mappings: [] })] });
  behindLink(pump, 0);
  assert.equal(assetView(pump.state).alarms.lost?.state, 'SUPPRESSED');
  report(pump, 1000, 'offline', 'plc-2');
  assert.equal(assetView(pump.state).alarms.lost?.state, 'ACTIVE');
  report(pump, 2000, 'online', 'plc-2');
  assert.equal(assetView(pump.state).alarms.lost?.state, 'SUPPRESSED');
});

test('a rule that calls a webhook or opens a work order is not left to the alarm of the link', () => {
  for (const own of [{ webhook: 'http://127.0.0.1/hook' }, { workOrder: 'visit' }]) {
    const pump = up({ rules: [{ ...LOST, ...own }] });
    behindLink(pump, 0);
    assert.equal(assetView(pump.state).alarms.lost?.state, 'ACTIVE');
  }
});

test('a rule that only records is in no list, behind a link either', () => {
  const pump = up({ rules: [{ ...LOST, severity: 'INFO' }] });
  assert.deepEqual(behindLink(pump, 0), ['LinkedDeviceReported', 'ConditionNoted']);
  assert.deepEqual(kinds(pump.runTo(60_000)), []);
  assert.deepEqual(assetView(pump.state).alarms, {});
});

test('an earlier occurrence that nobody has acknowledged still asks for it after one behind a link', () => {
  const pump = up({ rules: [LOST] });
  report(pump, 0, 'offline');
  report(pump, 1000, 'online');
  assert.equal(assetView(pump.state).alarms.lost?.detail, 'RTN_UNACK');
  behindLink(pump, 400_000);
  assert.equal(assetView(pump.state).alarms.lost?.state, 'SUPPRESSED');
  report(pump, 410_000, 'online');
  assert.equal(assetView(pump.state).alarms.lost?.detail, 'RTN_UNACK');
  assert.equal(assetView(pump.state).alarms.lost?.state, 'CLEARED');
});

test('what a link covers survives a restart', () => {
  const before = up({ rules: [LOST] });
  behindLink(before, 0);
  const pump = new Bench(assetKind, ID, asset({ rules: [LOST] }), JSON.parse(JSON.stringify(before.encode()))).start(
    1000,
  );
  assert.deepEqual(kinds(pump.runTo(600_000)), []);
  assert.deepEqual(assetView(pump.state).alarms.lost?.suppressed, assetView(before.state).alarms.lost?.suppressed);
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
