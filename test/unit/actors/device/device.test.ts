import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { deviceView } from '../../../../actors/device/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { DeviceDefinition } from '../../../../topology/plant.ts';
import { Bench, device, frame, T0 } from '../plant.ts';

const ID = entityId('device', 'plc-1');

function up(over: Partial<DeviceDefinition> = {}) {
  const plc = new Bench(deviceKind, ID, device(over)).start();
  plc.events.length = 0;
  plc.effects.length = 0;
  return plc;
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

test('the first frame brings a device online, and its assets hear of it', () => {
  const plc = up();
  assert.deepEqual(kinds(plc.observe(frame(0, { temperature: 20 }), ID)), ['DeviceOnline']);
  assert.deepEqual(plc.effects, [
    {
      kind: 'tell',
      to: 'asset/pump-1',
      command: { kind: 'DeviceReported', device: 'plc-1', state: 'online', reason: 'data', sinceMs: T0 },
    },
  ]);
  assert.deepEqual(kinds(plc.observe(frame(1000, { temperature: 20 }), ID)), []);
});

test('a device from which nothing is heard is offline, for being silent', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.observe(frame(1000, { temperature: 20 }), ID);
  assert.deepEqual(kinds(plc.runTo(3999)), []);
  assert.deepEqual(kinds(plc.runTo(4000)), ['DeviceOffline']);
  assert.equal(deviceView(plc.state).props.connectivityReason, 'silent');
  assert.deepEqual(kinds(plc.observe(frame(9000, { temperature: 20 }), ID)), ['DeviceOnline', 'ReadingGap']);
});

test('a device that never shows itself is offline once its driver has had time to connect', () => {
  assert.deepEqual(kinds(up().runTo(14_999)), []);
  assert.deepEqual(kinds(up().runTo(15_000)), ['DeviceOffline']);
});

test('after a restart of the node a device has its time anew before it is called silent', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  const back = new Bench(deviceKind, ID, device(), plc.encode()).start(60_000);
  assert.deepEqual(kinds(back.runTo(74_999)), []);
  assert.deepEqual(kinds(back.runTo(75_000)), ['DeviceOffline']);
});

test('what the driver says about the connection is recorded on change alone', () => {
  const plc = up();
  const lost = { kind: 'ReportConnectivity', state: 'offline', reason: 'connection_refused' } as const;
  plc.command(0, lost);
  plc.command(1000, lost);
  plc.command(2000, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  assert.deepEqual(kinds(plc.events), ['DeviceOffline', 'DeviceOnline']);
});

test('a frame from before the connection was lost does not bring the device back', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.command(2000, { kind: 'ReportConnectivity', state: 'offline', reason: 'connection_lost' });
  assert.deepEqual(kinds(plc.observe(frame(1900, { temperature: 21 }), ID)), []);
  assert.deepEqual(kinds(plc.observe(frame(2100, { temperature: 21 }), ID)), ['DeviceOnline']);
});

test('readings without a single value are no sign of life', () => {
  const plc = up();
  const dead = { quality: ['BAD'], reasons: ['timeout'] } as const;
  assert.deepEqual(kinds(plc.observe(frame(0, { temperature: null }, dead), ID)), []);
  assert.equal(deviceView(plc.state).props.lastSeenMs, null);
});

test('an empty frame is a sign of life and no reading', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.observe(frame(2500, {}), ID);
  assert.deepEqual(kinds(plc.runTo(5000)), []);
  assert.equal(deviceView(plc.state).marks.temperature?.reason, 'stale');
});

test('a gap counts what is missing, and many gaps make one event a minute', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.observe(frame(2000, { temperature: 20 }), ID);
  assert.equal(deviceView(plc.state).props.gaps, 0);
  const [gap] = plc.observe(frame(7000, { temperature: 20 }), ID);
  assert.deepEqual(gap, {
    kind: 'ReadingGap',
    atMs: T0 + 7000,
    fromMs: T0 + 2000,
    untilMs: T0 + 7000,
    expectedIntervalMs: 1000,
    actualGapMs: 5000,
    missingSamples: 4,
    notReported: 0,
  });
  assert.deepEqual(plc.observe(frame(12_000, { temperature: 20 }), ID), []);
  const [later] = plc.observe(frame(70_000, { temperature: 20 }), ID);
  assert.equal(later?.kind === 'ReadingGap' ? later.notReported : -1, 1);
  assert.equal(deviceView(plc.state).props.gaps, 3);
});

test('a clock that is off is an alarm after ten seconds: medium above 5 s, high above 10 s', () => {
  const plc = up();
  const run = (fromMs: number, toMs: number, behindMs: number) => {
    for (let at = fromMs; at <= toMs; at += 1000) {
      plc.observe(frame(at, { temperature: 20 }, { deviceTimeMs: T0 + at - behindMs }), ID);
    }
  };
  run(0, 9000, 6000);
  assert.deepEqual(deviceView(plc.state).alarms, {});
  run(10_000, 30_000, 6000);
  assert.deepEqual(Object.keys(deviceView(plc.state).alarms), ['clock-drift']);
  run(50_000, 70_000, 12_000);
  assert.deepEqual(Object.keys(deviceView(plc.state).alarms), ['clock-drift', 'clock-fault']);
  assert.equal(deviceView(plc.state).alarms['clock-fault']?.severity, 'HIGH');
  run(71_000, 90_000, 100);
  assert.equal(deviceView(plc.state).alarms['clock-fault']?.detail, 'RTN_UNACK');
  assert.equal(deviceView(plc.state).props.clockSkewMs, 100);
});

test('a burst of buffered readings is no wrong clock', () => {
  const plc = up();
  for (let at = 0; at < 3000; at += 100) {
    plc.observe(frame(at, { temperature: 20 }, { deviceTimeMs: T0 + at * 10 - 600_000 }), ID);
  }
  for (let at = 3000; at < 30_000; at += 1000) plc.observe(frame(at, { temperature: 20 }), ID);
  assert.deepEqual(deviceView(plc.state).alarms, {});
});

test('every value says when the device measured it and when we received it', () => {
  const plc = up();
  plc.observe(frame(700, { temperature: 20 }, { deviceTimeMs: T0 + 500 }), ID);
  plc.observe(frame(900, { temperature: null, pressure: 3 }, { quality: ['BAD', 'GOOD'] }), ID);
  const view = deviceView(plc.state);
  assert.deepEqual(view.times, { temperature: T0 + 500, pressure: T0 + 900 });
  assert.deepEqual(view.received, { temperature: T0 + 700, pressure: T0 + 900 });
  const back = new Bench(deviceKind, ID, plc.self.definition, plc.encode());
  assert.deepEqual(deviceView(back.state).received, view.received);
});

test('a late frame changes no live value', () => {
  const plc = up();
  plc.observe(frame(5000, { temperature: 20 }), ID);
  plc.observe(frame(5100, { temperature: 99 }, { deviceTimeMs: T0 + 4000 }), ID);
  plc.observe(frame(5200, { temperature: 98 }, { historical: true }), ID);
  assert.equal(deviceView(plc.state).values.temperature, 20);
});

test('an asset that was linked since is told how its device stands', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  const linked = device({ linkedAssets: ['pump-1', 'pump-2'] });
  const back = new Bench(deviceKind, ID, linked, plc.encode()).start(1000);
  assert.deepEqual(kinds(back.events), ['DeviceIntroduced']);
  assert.deepEqual(
    back.effects.map((effect) => effect.kind === 'tell' && effect.to),
    ['asset/pump-1', 'asset/pump-2'],
  );
  assert.deepEqual(new Bench(deviceKind, ID, linked, back.encode()).start(2000).events, []);
});

test('the newest report of the link is shown', () => {
  const plc = up();
  deviceKind.note?.(plc.state, { state: 'connected', readingsPerSecond: 10 }, plc.turn(0));
  assert.deepEqual(deviceView(plc.state).link, { state: 'connected', readingsPerSecond: 10 });
});

test('what a busy device does not answer leaves its last value, in doubt', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }), ID);
  plc.observe(frame(1000, { temperature: null }, { quality: ['UNCERTAIN'], reasons: ['modbus_exception_06'] }), ID);
  const { values, times, marks } = deviceView(plc.state);
  assert.deepEqual([values.temperature, times.temperature], [20, T0]);
  assert.equal(marks.temperature?.quality, 'UNCERTAIN');
  assert.equal(marks.temperature?.reason, 'modbus_exception_06');
});

test('a retained reading is shown with its age, as stale', () => {
  const plc = up();
  plc.observe(frame(0, { temperature: 20 }, { deviceTimeMs: T0 - 3_600_000 }), ID);
  plc.runTo(0);
  assert.equal(deviceView(plc.state).marks.temperature?.reason, 'stale');
});

test('a device that is decommissioned does not go online, whatever its driver says', () => {
  const plc = up();
  plc.command(0, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  plc.command(1000, { kind: 'DecommissionDevice', reason: 'replaced' });
  plc.effects.length = 0;
  plc.command(2000, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  plc.observe(frame(3000, { temperature: 20 }), ID);
  const { props } = deviceView(plc.state);
  assert.deepEqual([props.connectivity, props.connectivityReason], ['unknown', 'decommissioned']);
  assert.deepEqual(plc.effects, []);
});

test('a device that the topology file takes out of use says so to its assets, and comes back when it is in use again', () => {
  const plc = up();
  plc.command(0, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  const out = new Bench(deviceKind, ID, device({ decommissioned: true }), plc.encode()).start(1000);
  out.command(2000, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  assert.equal(deviceView(out.state).props.connectivityReason, 'decommissioned');
  assert.equal(out.effects.length, 1);
  const back = new Bench(deviceKind, ID, device(), out.encode()).start(3000);
  assert.equal(deviceView(back.state).props.connectivityReason, 'not_heard_yet');
  back.command(4000, { kind: 'ReportConnectivity', state: 'online', reason: 'connected' });
  assert.equal(deviceView(back.state).props.connectivity, 'online');
});

test('a device that falls silent after its driver named a cause is offline for that cause', () => {
  const plc = up();
  plc.observe(frame(20_000, { temperature: 1 }), ID);
  const refused = { state: 'unknown', reason: 'connection_refused', detail: 'broker' } as const;
  plc.command(21_000, { kind: 'ReportConnectivity', ...refused });
  plc.runTo(40_000);
  const { props } = deviceView(plc.state);
  assert.deepEqual([props.connectivity, props.connectivityReason], ['offline', 'connection_refused']);
  assert.equal(props.connectivityDetail, 'broker; nothing heard for 3 s');
});

test('while its readings do not get into the log its silence says nothing, and counts anew when they do again', () => {
  const plc = up();
  plc.observe(frame(20_000, { temperature: 1 }), ID);
  const note = (awaySinceMs: number | null, atMs: number) =>
    deviceKind.note?.(plc.state, { kind: 'log', awaySinceMs }, plc.turn(atMs));
  note(20_100, 20_600);
  plc.runTo(60_000);
  assert.equal(deviceView(plc.state).props.connectivity, 'online');
  assert.deepEqual(deviceView(plc.state).link, {}, 'it is no report of the link');
  note(null, 60_000);
  note(null, 61_000);
  plc.runTo(62_999);
  assert.equal(deviceView(plc.state).props.connectivity, 'online');
  plc.runTo(63_000);
  assert.equal(deviceView(plc.state).props.connectivity, 'offline');
});

const LOST_ALARM = { lostAlarm: { severity: 'HIGH', delaySeconds: 0 } } as const;

test('a device that is lost is an alarm in the same turn, and a link that comes and goes calls nobody twice', () => {
  const plc = up({ ...LOST_ALARM, offlineAfterMs: 60_000 });
  const refused = { kind: 'ReportConnectivity', state: 'unknown', reason: 'connection_refused' } as const;
  plc.command(0, refused);
  assert.deepEqual(kinds(plc.events), ['DeviceUnknown', 'AlarmRaised']);
  const alarm = deviceView(plc.state).alarms['device-lost'];
  assert.equal(alarm?.state, 'ACTIVE');
  assert.equal(alarm?.severity, 'HIGH');
  assert.equal(alarm?.message, 'No connection to PLC 1: the connection is refused');
  const back = { kind: 'ReportConnectivity', state: 'online', reason: 'connected' } as const;
  plc.command(1000, back);
  assert.deepEqual(kinds(plc.runTo(5000)), []);
  plc.command(5000, refused);
  plc.command(6000, back);
  assert.equal(plc.events.filter(({ kind }) => kind === 'AlarmRaised').length, 1);
  assert.deepEqual(kinds(plc.due(16_000)), ['AlarmCleared']);
  plc.command(20_000, refused);
  assert.deepEqual(kinds(plc.events).slice(-2), ['DeviceUnknown', 'AlarmRecurred']);
});

test('a start is no loss: a device whose link is only being made raises nothing until that fails', () => {
  const plc = up({ ...LOST_ALARM, offlineAfterMs: 60_000 });
  plc.command(0, { kind: 'ReportConnectivity', state: 'unknown', reason: 'connecting' });
  assert.deepEqual(kinds(plc.events), ['DeviceUnknown']);
  plc.command(3000, { kind: 'ReportConnectivity', state: 'unknown', reason: 'connection_refused' });
  assert.deepEqual(kinds(plc.events), ['DeviceUnknown', 'DeviceUnknown', 'AlarmRaised']);
});

test('the loss that silence tells is an alarm in the same turn', () => {
  const plc = up(LOST_ALARM);
  plc.observe(frame(20_000, { temperature: 1 }), ID);
  assert.deepEqual(kinds(plc.runTo(23_000)), ['DeviceOffline', 'AlarmRaised']);
});

test('the alarm of a lost device waits for its delay, and none is raised of one that is taken out of use', () => {
  const plc = up({ lostAlarm: { severity: 'CRITICAL', delaySeconds: 5 } });
  plc.command(0, { kind: 'ReportConnectivity', state: 'offline', reason: 'timeout' });
  assert.deepEqual(kinds(plc.runTo(4999)), []);
  assert.deepEqual(kinds(plc.runTo(5000)), ['AlarmRaised']);
  plc.command(6000, { kind: 'DecommissionDevice', reason: 'replaced' });
  assert.deepEqual(kinds(plc.runTo(60_000)), ['AlarmCleared']);
});

test('an alarm of a lost device ends when the topology file no longer wants it', () => {
  const plc = up(LOST_ALARM);
  plc.command(0, { kind: 'ReportConnectivity', state: 'offline', reason: 'timeout' });
  const without = new Bench(deviceKind, ID, device(), plc.encode()).start(1000);
  assert.deepEqual(kinds(without.events), ['AlarmCleared']);
});
