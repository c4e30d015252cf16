import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkGroups } from '../../../topology/link-groups.ts';
import { device } from '../actors/plant.ts';

const HIGH = { severity: 'HIGH', delaySeconds: 5 } as const;
const free = () => false;
const none = new Map();
const at = (id: string, site: string, over: Parameters<typeof device>[0] = {}) =>
  device({ id, site, lostAlarm: HIGH, ...over });

describe('the devices that are lost with their link', () => {
  it('are those of one connection and one site, from two alarms on', () => {
    const devices = [at('a', 'north'), at('b', 'south'), at('c', 'north'), at('d', 'south'), at('e', 'east')];
    assert.deepEqual(linkGroups('broker', devices, none, free), [
      { id: 'broker', site: 'north', devices: ['a', 'c'], ...HIGH },
      { id: 'broker.south', site: 'south', devices: ['b', 'd'], ...HIGH },
    ]);
  });

  it('have an alarm that is stood for, and are in use', () => {
    const devices = [
      at('a', 'north'),
      at('b', 'north', { lostAlarm: null }),
      at('c', 'north', { decommissioned: true }),
    ];
    assert.deepEqual(linkGroups('broker', devices, none, free), []);
  });

  it('are called for as urgently and as soon as the most urgent of them', () => {
    const critical = { severity: 'CRITICAL', delaySeconds: 30 } as const;
    const [group] = linkGroups('broker', [at('a', 'north'), at('b', 'north', { lostAlarm: critical })], none, free);
    assert.equal(group?.severity, 'CRITICAL');
    assert.equal(group?.delaySeconds, 5);
  });

  it('have their loss told by assets as well as by themselves', () => {
    const devices = [at('a', 'north', { lostAlarm: null }), at('b', 'north', { lostAlarm: null }), at('c', 'south')];
    const told = new Map([['a', [{ severity: 'CRITICAL', delaySeconds: 3 } as const, HIGH]]]);
    assert.deepEqual(linkGroups('plc', devices, told, free), [
      { id: 'plc', site: 'north', devices: ['a'], severity: 'CRITICAL', delaySeconds: 3 },
    ]);
  });

  it('keep their own alarms where the name for theirs belongs to another connection', () => {
    const devices = [at('a', 'north'), at('b', 'south'), at('c', 'south')];
    assert.deepEqual(
      linkGroups('broker', devices, none, (id) => id === 'broker.south'),
      [],
    );
  });
});
