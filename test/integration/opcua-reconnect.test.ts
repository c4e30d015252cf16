import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Bench, connection, type RecordingHost, until } from './opcua-support.ts';

const VARIABLES = [
  { nodeId: 's=T1.Speed', dataType: 'Double' },
  { nodeId: 's=T1.Count', dataType: 'Int32' },
] as const;
const DEVICES = [
  {
    id: 'turbine-1',
    points: [
      { name: 'speed', opcua: { node: 'T1.Speed', samplingMs: 50 } },
      { name: 'count', opcua: { node: 'T1.Count', samplingMs: 50, queueSize: 100 } },
    ],
  },
];

describe('a link to an OPC UA server that is lost', () => {
  let bench: Bench;
  let host: RecordingHost;

  beforeEach(() => {
    bench = new Bench();
    host = bench.host();
  });
  afterEach(() => bench.close());

  const stateTrail = (): string[] =>
    host.reports.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);

  it('comes back with the same values after the server was killed and started again', async () => {
    const server = await bench.server({ variables: VARIABLES });
    await server.set('s=T1.Speed', 7);
    bench.driver(connection(server.port, DEVICES), host);
    await until(() => host.state === 'connected' && host.reading('turbine-1', 'speed')?.value === 7, 'the first value');

    await server.kill();
    const killedAtMs = Date.now();
    await until(() => host.lastConnectivity('turbine-1')?.state === 'offline', 'the device offline', 5000);
    assert.ok(Date.now() - killedAtMs < 5000);
    await until(() => host.errorCount('connection_refused') > 0, 'a refused attempt');
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'connection_refused');
    assert.equal(typeof host.reports.findLast(({ state }) => state === 'waiting')?.nextAttemptAtMs, 'number');

    const again = await bench.server({ variables: VARIABLES, port: server.port });
    await again.set('s=T1.Speed', 8);
    // Values come as soon as they are subscribed to, which may be a moment before the link counts as connected.
    await until(() => host.reading('turbine-1', 'speed')?.value === 8, 'a value of the new server');
    await until(() => host.state === 'connected', 'connected again');
    assert.equal(host.lastConnectivity('turbine-1')?.state, 'online');
    assert.equal(host.facts.sessionsCreated, 2);
    assert.equal(host.facts.subscriptionsCreated, 2);
    assert.deepEqual(stateTrail().slice(0, 3), ['connecting', 'connected', 'waiting']);
  });

  it('is noticed within 5 s when the server hangs, and served again when it wakes', async () => {
    const server = await bench.server({ variables: VARIABLES });
    await server.set('s=T1.Speed', 7);
    bench.driver(connection(server.port, DEVICES, { connectTimeoutMs: 1000 }), host);
    await until(() => host.state === 'connected' && host.reading('turbine-1', 'speed')?.value === 7, 'the first value');

    server.pause();
    const pausedAtMs = Date.now();
    await until(() => host.lastConnectivity('turbine-1')?.state === 'offline', 'the device offline');
    const noticedMs = Date.now() - pausedAtMs;
    assert.ok(noticedMs < 5000, `noticed after ${noticedMs} ms`);
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'timeout');

    server.resume();
    await until(() => host.lastConnectivity('turbine-1')?.state === 'online', 'the device online again');
    await server.set('s=T1.Speed', 9);
    await until(() => host.reading('turbine-1', 'speed')?.value === 9, 'a value after the pause');
  });

  it('finds its nodes again when their namespace has another index after a restart', async () => {
    const server = await bench.server({ variables: VARIABLES });
    bench.driver(connection(server.port, DEVICES), host);
    await until(() => host.reading('turbine-1', 'speed')?.value === 0, 'the first value');
    await server.kill();
    const namespacesBefore = ['urn:test:other', 'urn:test:third'];
    const again = await bench.server({ variables: VARIABLES, port: server.port, namespacesBefore });
    await again.set('s=T1.Speed', 21);
    await until(() => host.reading('turbine-1', 'speed')?.value === 21, 'a value under the new index');
    await until(() => host.state === 'connected', 'connected again');
    assert.equal(host.facts.failedItems, 0);
  });
});
