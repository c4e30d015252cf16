import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FieldLink } from '../../../../gateways/http/field-links.ts';
import { SystemHealth } from '../../../../gateways/http/system-health.ts';
import type { KnownLink } from '../../../../gateways/link-board.ts';
import { MemoryRuntime } from '../../../support/memory-runtime.ts';

const CONNECTED = {
  state: 'connected',
  latencyMs: { p50: 2, p99: 9 },
  errors: { timeout: 3, connection_lost: 1 },
  readingsPerSecond: 12.5,
  lastReadingAtMs: 990,
  cycleOverruns: 4,
  queueDepth: 1,
  facts: { plannedRequests: 7 },
};
const REFUSED = { code: 'connection_refused' as const, message: 'connect ECONNREFUSED 10.0.0.7:502', atMs: 900 };
const WAITING = { ...CONNECTED, state: 'waiting', detail: REFUSED.message, lastError: REFUSED, nextAttemptAtMs: 1500 };

function setUp(known: KnownLink[] = []) {
  const runtime = new MemoryRuntime();
  const health = new SystemHealth(runtime, () => known);
  const device = (name: string, connection: string, link: object, connectivity = 'online') =>
    runtime.set(`device/${name}`, {
      props: { connection, driver: 'modbus', connectivity },
      link: JSON.parse(JSON.stringify(link)),
    });
  const read = (nowMs = 1000) => {
    runtime.live.flush();
    const state = health.read(nowMs);
    for (const link of state.links) FieldLink.parse(link);
    return state;
  };
  return { runtime, device, read };
}

describe('the state of the whole', () => {
  it('names every link with its driver, state, errors, latency and overruns', () => {
    const { runtime, device, read } = setUp();
    device('b', 'plc-2', WAITING, 'offline');
    device('a', 'plc-1', CONNECTED);
    device('c', 'plc-1', CONNECTED, 'offline');
    const { status, reasons, links } = read();
    assert.equal(status, 'degraded');
    const why = 'nothing listens there, or a firewall refuses (connect ECONNREFUSED 10.0.0.7:502)';
    assert.deepEqual(reasons, [`field link plc-2 (Modbus, 1 device) is lost: ${why}`]);
    const counts = { ...CONNECTED, endpoint: null, site: null, sinceMs: null };
    assert.deepEqual(links, [
      {
        ...counts,
        connection: 'plc-1',
        name: 'plc-1',
        driver: 'modbus',
        status: 'healthy',
        reason: null,
        lastError: null,
        errorsLastMinute: 4,
        nextAttemptAtMs: null,
        devices: 2,
        devicesOnline: 1,
      },
      {
        ...counts,
        connection: 'plc-2',
        name: 'plc-2',
        driver: 'modbus',
        status: 'unhealthy',
        state: 'waiting',
        reason: why,
        lastError: REFUSED,
        errorsLastMinute: 4,
        nextAttemptAtMs: 1500,
        devices: 1,
        devicesOnline: 0,
      },
    ]);
    runtime.close();
  });

  it('is healthy with good links, and unhealthy when none works or a part of the node fails', () => {
    const { runtime, device, read } = setUp();
    assert.equal(read().status, 'healthy', 'a plant without devices has no links to lose');
    device('a', 'plc-1', CONNECTED);
    device('b', 'plc-2', CONNECTED);
    assert.deepEqual([read().status, read().reasons], ['healthy', []]);
    device('a', 'plc-1', WAITING);
    device('b', 'plc-2', { ...WAITING, state: 'connecting' });
    assert.equal(read().status, 'unhealthy', 'a further attempt is no connection');
    device('a', 'plc-1', CONNECTED);
    device('b', 'plc-2', { ...CONNECTED, state: 'connecting' });
    assert.equal(read().status, 'degraded', 'the first attempt is a start');
    device('b', 'plc-2', CONNECTED);
    runtime.healthNow = { status: 'unhealthy', parts: [{ name: 'journal', status: 'unhealthy', detail: 'disk full' }] };
    assert.deepEqual([read().status, read().reasons], ['unhealthy', ['journal: disk full']]);
    runtime.healthNow = { status: 'healthy', parts: [] };
    device('b', 'plc-2', WAITING);
    assert.deepEqual(read().server, { status: 'healthy', reasons: [] }, 'a lost link is no fault of the server');
    runtime.close();
  });

  it('says so when a driver has not reported, and when all that it says cannot be read', () => {
    const { runtime, device, read } = setUp();
    device('a', 'plc-1', {});
    device('b', 'plc-2', { state: 'dancing' });
    const { status, links } = read();
    assert.equal(status, 'degraded');
    assert.deepEqual(
      links.map(({ state, reason }) => [state, reason]),
      [
        ['unknown', 'the driver has not reported yet'],
        ['unknown', 'the driver has not reported yet'],
      ],
    );
    runtime.close();
  });

  it('tells of a link that is not quite well who does not answer, and never just an address', () => {
    const { runtime, device, read } = setUp();
    const degraded = { ...CONNECTED, state: 'degraded', detail: '127.0.0.1:15020', lastError: REFUSED };
    device('a', 'plc-1', degraded);
    device('b', 'plc-1', degraded, 'offline');
    assert.equal(read().links[0]?.reason, '1 of 2 devices does not answer');
    device('b', 'plc-1', degraded);
    assert.equal(read().links[0]?.reason, 'not everything on it answers');
    device('b', 'plc-1', { ...degraded, detail: 'server state Suspended' });
    assert.equal(read().links[0]?.reason, 'server state Suspended');
    runtime.close();
  });

  it('has the connections without devices too, by what their drivers report', () => {
    const own = { driver: 'modbus', endpoint: '10.0.0.7:502', site: 'north', sinceMs: 400 } as const;
    const none = { connection: 'spare', name: 'Spare line', ...own };
    const plc = { connection: 'plc-1', name: 'Station network', ...own };
    const { runtime, device, read } = setUp([
      { ...none, report: { ...CONNECTED, state: 'connecting', detail: '127.0.0.1:15020' } },
      { ...plc, report: { ...WAITING, state: 'waiting' } },
    ]);
    device('a', 'plc-1', CONNECTED);
    const { reasons, links } = read();
    assert.deepEqual(
      links.map(({ name, state, devices }) => [name, state, devices]),
      [
        ['Station network', 'waiting', 1],
        ['Spare line', 'connecting', 0],
      ],
    );
    assert.equal(
      reasons[1],
      'field link Spare line (Modbus, 0 devices) is connecting: the first attempt is under way (127.0.0.1:15020)',
    );
    runtime.close();
  });

  it('takes the report of the device that changed last, since one that has failed shows what was', () => {
    const { runtime, device, read } = setUp();
    device('a', 'plc-1', CONNECTED);
    device('b', 'plc-1', CONNECTED);
    assert.equal(read().status, 'healthy');
    device('b', 'plc-1', WAITING);
    assert.equal(read().links[0]?.state, 'waiting');
    runtime.close();
  });

  it('counts the errors of the last minute, also over a restart of the driver', () => {
    const { runtime, device, read } = setUp();
    const errors = (timeout: number, atMs: number) => {
      device('a', 'plc-1', { ...CONNECTED, errors: { timeout } });
      return read(atMs).links[0]?.errorsLastMinute;
    };
    assert.equal(errors(5, 0), 5);
    assert.equal(errors(7, 30_000), 7);
    assert.equal(errors(9, 60_000), 4);
    assert.equal(errors(9, 90_000), 2);
    assert.equal(errors(9, 120_000), 0);
    assert.equal(errors(2, 125_000), 2, 'counted anew');
    runtime.close();
  });
});
