import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LinkLoss } from '../../../gateways/link-loss.ts';
import { device } from '../actors/plant.ts';

const devices = ['a', 'b', 'alone'].map((id) => device({ id }));
const groups = [{ id: 'broker', site: 'north', devices: ['a', 'b'], severity: 'HIGH', delaySeconds: 0 }] as const;
let told: string[];
let loss: LinkLoss;

beforeEach(() => {
  told = [];
  loss = new LinkLoss({ devices, groups }, (to, { kind, state, ofLink }) =>
    told.push(
      [to, kind, state, typeof ofLink === 'string' ? `with ${ofLink}` : '']
        .filter((word) => word !== undefined)
        .join(' ')
        .trim(),
    ),
  );
});
const lost = (id: string) =>
  loss.connectivity(id, { state: 'unknown', reason: 'connection_refused', detail: 'x'.repeat(900), ofLink: true });

describe('a link that is lost', () => {
  it('is told once, before the devices that its alarm stands for', () => {
    for (const id of ['a', 'b', 'alone']) lost(id);
    assert.deepEqual(told, [
      'connection/broker ReportLink lost',
      'device/a ReportConnectivity unknown with connection/broker',
      'device/b ReportConnectivity unknown with connection/broker',
      'device/alone ReportConnectivity unknown',
    ]);
  });

  it('is told to be back to all, whom the alarm stood for before our start too', () => {
    loss.report({ state: 'connecting' });
    loss.report({ state: 'connected' });
    loss.report({ state: 'degraded' });
    assert.deepEqual(told, [
      'connection/broker ReportLink up',
      'device/a ReportLinkBack',
      'device/b ReportLinkBack',
      'device/alone ReportLinkBack',
    ]);
  });

  it('is told to be back to nobody of whom it is known that no alarm stands for theirs', () => {
    const to: string[] = [];
    loss = new LinkLoss(
      { devices, groups },
      (device, { kind }) => to.push(`${device} ${kind}`),
      (device) => device === 'device/b',
    );
    loss.report({ state: 'connected' });
    assert.deepEqual(to.splice(0), ['connection/broker ReportLink', 'device/b ReportLinkBack']);
    lost('a');
    loss.report({ state: 'waiting' });
    to.splice(0);
    loss.report({ state: 'connected' });
    assert.deepEqual(
      to,
      ['connection/broker ReportLink', 'device/a ReportLinkBack', 'device/b ReportLinkBack'],
      'told here',
    );
  });

  it('is told to be back to devices that are being built once they say what they know', () => {
    const known = new Map<string, boolean>();
    loss = new LinkLoss(
      { devices, groups },
      (device, { kind }) => told.push(`${device} ${kind}`),
      (device) => known.get(device),
    );
    loss.report({ state: 'connected' });
    assert.deepEqual(told.splice(0), ['connection/broker ReportLink'], 'nobody is there yet');
    known.set('device/a', true).set('device/b', false);
    loss.report({ state: 'connected' });
    assert.deepEqual(told.splice(0), ['device/a ReportLinkBack']);
    loss.report({ state: 'connected' });
    assert.deepEqual(told.splice(0), [], 'once');
    loss.report({ state: 'waiting' });
    known.set('device/alone', true);
    loss.report({ state: 'waiting' });
    assert.deepEqual(told, [], 'and not after the link is lost again');
  });

  it('is told anew when it is lost again', () => {
    lost('a');
    loss.report({ state: 'waiting' });
    loss.report({ state: 'connected' });
    lost('a');
    assert.equal(told.filter((line) => line === 'connection/broker ReportLink lost').length, 2);
  });

  it('is no loss at a start, and no device that is lost by itself makes it one', () => {
    loss.connectivity('a', { state: 'unknown', reason: 'connecting', ofLink: true });
    loss.connectivity('b', { state: 'offline', reason: 'mqtt_last_will' });
    assert.deepEqual(told, ['device/a ReportConnectivity unknown', 'device/b ReportConnectivity offline']);
  });
});
