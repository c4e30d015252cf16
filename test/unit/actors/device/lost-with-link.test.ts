import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { deviceView } from '../../../../actors/device/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { Bench, device, frame, T0 } from '../plant.ts';

const RULE = 'device-lost';
const LINK = 'connection/broker';
const COVERED = { cause: 'connection_lost', by: 'connection/broker:connection-lost' };

function bench(delaySeconds = 0, stored?: unknown) {
  const definition = device({ lostAlarm: { severity: 'HIGH', delaySeconds } });
  return new Bench(deviceKind, entityId('device', 'plc-1'), definition, stored);
}
type Device = ReturnType<typeof bench>;

const record = ({ state }: Device) => state.decided.alarms.get(RULE);
const shown = (of: Device) => deviceView(of.state).alarms[RULE]?.state ?? 'none';
const online = (of: Device, atMs: number) => of.observe(frame(atMs, { temperature: 20 }));
const speaks = (of: Device, fromMs: number, toMs: number) => {
  for (let atMs = fromMs; atMs <= toMs; atMs += 2000) {
    online(of, atMs);
    of.runTo(atMs);
  }
};
const lostWithLink = (of: Device, atMs: number) =>
  of.command(atMs, {
    kind: 'ReportConnectivity',
    state: 'unknown',
    reason: 'connection_refused',
    ofLink: LINK,
  });
const linkBack = (of: Device, atMs: number) => of.command(atMs, { kind: 'ReportLinkBack' });
const annunciations = ({ events }: Device) =>
  events.filter((event) => 'annunciation' in event && event.annunciation !== null).length;

describe('the alarm of a device that is lost with its link', () => {
  it('is listed as suppressed with the alarm that stands for it, and calls nobody, however long it lasts', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    assert.deepEqual(record(plc)?.suppressed, { ...COVERED, sinceMs: T0 + 2000 });
    assert.equal(shown(plc), 'SUPPRESSED');
    plc.runTo(600_000);
    assert.equal(plc.state.decided.connectivity.state, 'offline');
    assert.equal(shown(plc), 'SUPPRESSED');
    assert.equal(annunciations(plc), 0);
  });

  it('is gone without a trace in the list when the device is heard again, and begins no cooldown', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    linkBack(plc, 60_000);
    speaks(plc, 60_100, 70_100);
    assert.equal(record(plc)?.detail, 'NORMAL');
    assert.equal(record(plc)?.suppressed, null);
    assert.equal(shown(plc), 'none');
    plc.runTo(80_000);
    assert.equal(shown(plc), 'ACTIVE', 'lost by itself soon after: that calls somebody');
    assert.equal(annunciations(plc), 1);
  });

  it('is called out when the device stays silent once the link is back, and not before that is known', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    plc.runTo(60_000);
    linkBack(plc, 60_000);
    plc.runTo(62_999);
    assert.equal(shown(plc), 'SUPPRESSED');
    assert.equal(annunciations(plc), 0);
    plc.runTo(63_000);
    assert.equal(shown(plc), 'ACTIVE');
    assert.equal(annunciations(plc), 1);
    assert.equal(plc.state.decided.connectivity.reason, 'silent');
    speaks(plc, 64_000, 76_000);
    assert.equal(record(plc)?.detail, 'RTN_UNACK', 'it was called out, so somebody has to see it');
  });

  it('that was called out before is suppressed from its own delay on, and back when the device is still lost', () => {
    const plc = bench(5).start();
    online(plc, 1000);
    plc.runTo(9000);
    assert.equal(shown(plc), 'ACTIVE');
    lostWithLink(plc, 10_000);
    plc.runTo(14_999);
    assert.equal(shown(plc), 'ACTIVE', 'the alarm of the link may not be there yet');
    plc.runTo(15_000);
    assert.equal(shown(plc), 'SUPPRESSED');
    linkBack(plc, 20_000);
    plc.runTo(30_000);
    assert.equal(shown(plc), 'ACTIVE');
    assert.equal(annunciations(plc), 1, 'it was called out once');
  });

  it('is called out at once when its connectivity is its own again', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    plc.command(3000, { kind: 'ReportConnectivity', state: 'offline', reason: 'timeout' });
    assert.equal(shown(plc), 'ACTIVE');
    assert.equal(annunciations(plc), 1);
  });

  it('is as it was after a restart, while nobody knows yet', () => {
    const before = bench().start();
    online(before, 1000);
    lostWithLink(before, 2000);
    const plc = bench(0, JSON.parse(JSON.stringify(before.encode()))).start(3000);
    plc.command(3100, { kind: 'ReportConnectivity', state: 'unknown', reason: 'connecting' });
    plc.runTo(4000);
    assert.equal(shown(plc), 'SUPPRESSED');
    lostWithLink(plc, 4000);
    plc.runTo(100_000);
    assert.equal(shown(plc), 'SUPPRESSED');
    assert.equal(annunciations(plc), 0);
    linkBack(plc, 100_000);
    assert.equal(plc.state.decided.connectivity.reason, 'link_back');
    online(plc, 100_100);
    const { length } = plc.events;
    linkBack(plc, 100_200);
    assert.equal(plc.events.length, length, 'a link that is back says nothing to one that is heard');
  });
});

describe('a device that is not heard from the first attempt to connect on', () => {
  it('is lost by itself when it falls silent', () => {
    const plc = bench().start();
    plc.command(100, { kind: 'ReportConnectivity', state: 'unknown', reason: 'connecting' });
    plc.runTo(60_000);
    assert.equal(plc.state.decided.connectivity.reason, 'silent');
    assert.equal(shown(plc), 'ACTIVE');
  });
});
