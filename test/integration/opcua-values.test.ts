import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Bench, connection, type RecordingHost, type ServerProcess, until } from './opcua-support.ts';

const VARIABLES = [
  { nodeId: 's=T1.Speed', dataType: 'Double' },
  { nodeId: 's=T1.Running', dataType: 'Boolean' },
  { nodeId: 's=T1.Name', dataType: 'String' },
  { nodeId: 's=T1.Alarm', dataType: 'Int32' },
  { nodeId: 's=T2.Speed', dataType: 'Double' },
] as const;

describe('an OPC UA server with two devices', () => {
  const bench = new Bench();
  let server: ServerProcess;
  let host: RecordingHost;
  const atMs = Date.now() - 5000;

  before(async () => {
    server = await bench.server({ variables: VARIABLES });
    await server.set('s=T1.Speed', 7.5, { sourceTimeMs: atMs });
    await server.set('s=T1.Running', true, { sourceTimeMs: atMs });
    await server.set('s=T1.Name', 'North 1', { sourceTimeMs: atMs });
    await server.set('s=T2.Speed', 3, { sourceTimeMs: atMs });
    host = bench.host();
    const definition = connection(server.port, [
      {
        id: 'turbine-1',
        points: [
          { name: 'speed', opcua: { node: 'T1.Speed', samplingMs: 50, scale: 2, offset: 1 } },
          { name: 'running', type: 'boolean', opcua: { node: 'T1.Running', samplingMs: 50 } },
          { name: 'label', type: 'string', opcua: { node: 'T1.Name', samplingMs: 50 } },
          { name: 'missing', opcua: { node: 'T1.NoSuchNode' } },
          { name: 'alarm', opcua: { node: 'T1.Alarm', samplingMs: 50, queueSize: 10 } },
        ],
      },
      {
        id: 'turbine-2',
        points: [{ name: 'speed', opcua: { node: 'T2.Speed', samplingMs: 50 } }],
        expectedIntervalMs: 500,
      },
      { id: 'ghost', points: [{ name: 'speed', opcua: { node: 'T9.Speed' } }] },
    ]);
    bench.driver(definition, host);
    await until(() => host.state === 'connected' && host.reading('turbine-1', 'label') !== null, 'first values');
  });
  after(() => bench.close());

  it('brings values scaled, with the time of their source', () => {
    assert.deepEqual(host.reading('turbine-1', 'speed'), { value: 16, quality: 'GOOD', reason: null, timeMs: atMs });
    assert.deepEqual(host.reading('turbine-1', 'running'), {
      value: true,
      quality: 'GOOD',
      reason: null,
      timeMs: atMs,
    });
    assert.equal(host.reading('turbine-1', 'label')?.value, 'North 1');
    assert.deepEqual(host.lastConnectivity('turbine-1'), { state: 'online', reason: 'connected' });
  });

  it('groups what one response brings into one frame per device', () => {
    const first = host.received.find(({ device, frame }) => device === 'turbine-1' && frame.points.includes('label'));
    // The server decides whether the point that nobody has set yet comes with them.
    assert.deepEqual(
      first?.frame.points.filter((point) => point !== 'alarm'),
      ['speed', 'running', 'label'],
    );
  });

  it('marks the point of an unknown node BAD and lets the others run', async () => {
    const missing = host.reading('turbine-1', 'missing');
    assert.equal(missing?.quality, 'BAD');
    assert.equal(missing?.value, null);
    assert.equal(missing?.reason, 'opcua_BadNodeIdUnknown');
    await server.set('s=T1.Speed', 8);
    await until(() => host.reading('turbine-1', 'speed')?.value === 17, 'the next value of a sound point');
    assert.equal(host.lastConnectivity('ghost')?.reason, 'opcua_no_valid_nodes');
  });

  it('maps status codes to qualities and gives no value with a Bad one', async () => {
    await server.set('s=T1.Speed', 99, { status: 'BadSensorFailure' });
    await until(() => host.reading('turbine-1', 'speed')?.quality === 'BAD', 'a BAD reading');
    assert.equal(host.reading('turbine-1', 'speed')?.value, null);
    assert.equal(host.reading('turbine-1', 'speed')?.reason, 'opcua_BadSensorFailure');
    await server.set('s=T1.Speed', 9, { status: 'UncertainLastUsableValue' });
    await until(() => host.reading('turbine-1', 'speed')?.quality === 'UNCERTAIN', 'an UNCERTAIN reading');
    assert.equal(host.reading('turbine-1', 'speed')?.value, 19);
    await server.set('s=T1.Speed', 10);
    await until(() => host.reading('turbine-1', 'speed')?.quality === 'GOOD', 'a GOOD reading');
  });

  it('gives an unchanged value again at the expected interval, as of the time the server vouches for it', async () => {
    await until(() => host.readings('turbine-2', 'speed').length >= 4, 'repeated readings');
    const readings = host.readings('turbine-2', 'speed');
    assert.deepEqual(new Set(readings.map(({ value }) => value)), new Set([3]));
    const times = readings.map(({ timeMs }) => timeMs ?? 0);
    assert.equal(times[0], atMs);
    for (let i = 1; i < times.length; i += 1) assert.ok((times[i] ?? 0) > (times[i - 1] ?? 0), 'times increase');
    assert.ok(Date.now() - (times.at(-1) ?? 0) < 1500, 'the newest is of now');
    assert.ok((times[3] ?? 0) - (times[2] ?? 0) >= 400, 'not more often than the expected interval');
  });

  it('shows what the server agreed to', () => {
    assert.equal(host.facts.publishingIntervalMs, 100);
    assert.equal(host.facts.monitoredItems, 5);
    assert.equal(host.facts.failedItems, 2);
    assert.equal(host.facts.serverState, 'Running');
    assert.equal(host.facts.keepAliveCount, 5, 'one keep-alive per expected interval of the quickest device');
  });

  it('is degraded while the server does not run, and says why', async () => {
    await server.fault({ kind: 'suspended' });
    await until(() => host.state === 'degraded', 'degraded');
    assert.match(host.reports.at(-1)?.detail ?? '', /Suspended/);
    await server.fault(null);
    await until(() => host.state === 'connected', 'connected again');
  });
});
