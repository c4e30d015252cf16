import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { Bench, device, frame } from '../plant.ts';

const RULE = 'device-lost';

function bench(stored?: unknown) {
  const definition = device({ lostAlarm: { severity: 'HIGH', delaySeconds: 0 } });
  return new Bench(deviceKind, entityId('device', 'plc-1'), definition, stored);
}
type Device = ReturnType<typeof bench>;

const alarm = ({ state }: Device) => state.decided.alarms.get(RULE)?.detail ?? 'none';
const online = (of: Device, atMs: number) => of.observe(frame(atMs, { temperature: 20 }));
const lostWithLink = (of: Device, atMs: number) =>
  of.command(atMs, {
    kind: 'ReportConnectivity',
    state: 'unknown',
    reason: 'connection_refused',
    ofLink: true,
  });
const linkBack = (of: Device, atMs: number) => of.command(atMs, { kind: 'ReportLinkBack' });

describe('a device that is lost with its link', () => {
  it('has no alarm of its own, however long it lasts, and none when it speaks again', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    plc.runTo(600_000);
    assert.equal(alarm(plc), 'none');
    assert.equal(plc.state.decided.connectivity.state, 'offline');
    linkBack(plc, 600_000);
    online(plc, 600_100);
    plc.runTo(600_200);
    assert.equal(alarm(plc), 'none');
    assert.equal(plc.state.decided.connectivity.state, 'online');
  });

  it('has one when it stays silent once the link is back', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    plc.runTo(60_000);
    linkBack(plc, 60_000);
    plc.runTo(62_999);
    assert.equal(alarm(plc), 'none');
    plc.runTo(63_000);
    assert.equal(alarm(plc), 'ACTIVE_UNACK');
    assert.equal(plc.state.decided.connectivity.reason, 'silent');
  });

  it('keeps the alarm that it had before, until it is heard', () => {
    const plc = bench().start();
    online(plc, 1000);
    plc.runTo(4000);
    assert.equal(alarm(plc), 'ACTIVE_UNACK');
    lostWithLink(plc, 5000);
    plc.runTo(60_000);
    assert.equal(alarm(plc), 'ACTIVE_UNACK');
  });

  it('has one at once when its connectivity is its own again', () => {
    const plc = bench().start();
    online(plc, 1000);
    lostWithLink(plc, 2000);
    plc.command(3000, { kind: 'ReportConnectivity', state: 'offline', reason: 'timeout' });
    assert.equal(alarm(plc), 'ACTIVE_UNACK');
  });

  it('remembers it over a restart, and a link that is back says nothing to one that is heard', () => {
    const before = bench().start();
    online(before, 1000);
    lostWithLink(before, 2000);
    const plc = bench(JSON.parse(JSON.stringify(before.encode()))).start(3000);
    plc.runTo(100_000);
    assert.equal(alarm(plc), 'none');
    linkBack(plc, 100_000);
    assert.equal(plc.state.decided.connectivity.reason, 'link_back');
    online(plc, 100_100);
    const { length } = plc.events;
    linkBack(plc, 100_200);
    assert.equal(plc.events.length, length);
  });
});
