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

describe('a subscription', () => {
  let bench: Bench;
  let host: RecordingHost;

  beforeEach(() => {
    bench = new Bench();
    host = bench.host();
  });
  afterEach(() => bench.close());

  it('resumes the same session and subscription after a cut of the network and misses no queued value', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const wire = await bench.wire(server.port);
    bench.driver(connection(wire.port, DEVICES), host);
    await until(() => host.state === 'connected' && host.reading('turbine-1', 'count') !== null, 'the link');
    const subscription = host.facts.subscriptionId;

    wire.cut();
    await until(() => host.lastConnectivity('turbine-1')?.state === 'offline', 'the device offline');
    for (let count = 1; count <= 5; count += 1) {
      await server.set('s=T1.Count', count);
      // Each value must be sampled before the next one comes: the server samples every 50 ms.
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    wire.mend();
    await until(() => host.reading('turbine-1', 'count')?.value === 5, 'the newest count');

    assert.deepEqual(
      host.readings('turbine-1', 'count').map(({ value }) => value),
      [0, 1, 2, 3, 4, 5],
    );
    await until(() => host.state === 'connected', 'connected again');
    assert.equal(host.facts.sessionsResumed, 1);
    assert.equal(host.facts.sessionsCreated, 1);
    assert.equal(host.facts.subscriptionsCreated, 1);
    assert.equal(host.facts.subscriptionId, subscription);
  });

  it('marks the reading beside which the server had to drop values', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const points = [{ name: 'count', opcua: { node: 'T1.Count', samplingMs: 50, queueSize: 2 } }];
    bench.driver(connection(server.port, [{ id: 'small', points }], { publishingIntervalMs: 1500 }), host);
    await until(() => host.state === 'connected' && host.reading('small', 'count') !== null, 'the first value');
    for (let count = 1; count <= 6; count += 1) {
      await server.set('s=T1.Count', count);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await until(() => host.reading('small', 'count')?.value === 6, 'the newest count');
    const suspect = host.readings('small', 'count').filter(({ quality }) => quality === 'SUSPECT');
    assert.ok(suspect.length > 0);
    assert.ok(suspect.every(({ reason, value }) => reason === 'opcua_overflow' && value !== null));
    await until(() => Number(host.facts.overflows) > 0, 'the count of overflows');
  });

  it('delivers nothing twice and loses nothing while the log refuses', async () => {
    const server = await bench.server({ variables: VARIABLES });
    bench.driver(connection(server.port, DEVICES), host);
    await until(() => host.reading('turbine-1', 'count') !== null, 'the first value');
    host.refuse = true;
    for (let count = 1; count <= 5; count += 1) {
      await server.set('s=T1.Count', count);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    host.refuse = false;
    await until(() => host.reading('turbine-1', 'count')?.value === 5, 'the newest count');
    assert.deepEqual(
      host.readings('turbine-1', 'count').map(({ value }) => value),
      [0, 1, 2, 3, 4, 5],
    );
  });

  it('keeps what did not change when its devices are reconfigured', async () => {
    const server = await bench.server({ variables: VARIABLES });
    const driver = bench.driver(connection(server.port, DEVICES), host);
    await until(() => host.reading('turbine-1', 'speed') !== null, 'the first value');
    const second = { id: 'turbine-2', points: [{ name: 'count', opcua: { node: 'T1.Count', samplingMs: 50 } }] };
    await driver.reconfigure(connection(server.port, [...DEVICES, second]));
    await until(() => host.reading('turbine-2', 'count') !== null, 'a value of the new device');
    await driver.reconfigure(connection(server.port, [second]));
    assert.equal(host.facts.sessionsCreated, 1);
    assert.equal(host.facts.subscriptionsCreated, 1);
    const before = host.readings('turbine-1', 'speed').length;
    await server.set('s=T1.Speed', 5);
    await server.set('s=T1.Count', 6);
    await until(() => host.reading('turbine-2', 'count')?.value === 6, 'the next value of the device that stayed');
    assert.equal(host.readings('turbine-1', 'speed').length, before);
  });
});
