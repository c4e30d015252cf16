import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
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
const SECURE = { security: { policy: 'Basic256Sha256', mode: 'SignAndEncrypt' } };
const USERS = [{ name: 'signalbox', password: 'correct horse' }];
const PASSWORD = '${secret:plc_password}';

describe('a secured OPC UA link', () => {
  let bench: Bench;
  let host: RecordingHost;

  beforeEach(() => {
    bench = new Bench();
    host = bench.host(true);
  });
  afterEach(() => bench.close());

  /** What a person does who trusts the server. */
  const trust = (): void => {
    const store = join(host.dataDir, 'opcua-pki');
    for (const file of readdirSync(join(store, 'rejected')))
      renameSync(join(store, 'rejected', file), join(store, 'trusted', 'certs', file));
  };

  it('refuses an unknown certificate, says which and where, and connects once a person has moved it', async () => {
    const server = await bench.server({ variables: VARIABLES, security: 'Basic256Sha256' });
    bench.driver(connection(server.port, DEVICES, SECURE), host);
    await until(() => host.state === 'failed', 'the refusal');
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'certificate_rejected');
    const detail = host.reports.at(-1)?.detail ?? '';
    const [file = ''] = readdirSync(join(host.dataDir, 'opcua-pki', 'rejected'));
    assert.ok(detail.includes(file) && detail.includes(join('trusted', 'certs')), detail);
    assert.match(detail, /SHA-1 [0-9A-F]{40}/, detail);
    assert.equal(host.received.length, 0);

    trust();
    await until(
      () => host.state === 'connected' && host.reading('turbine-1', 'speed') !== null,
      'a value over the secured channel',
    );
    assert.equal(host.facts.security, 'Basic256Sha256, SignAndEncrypt');
    assert.ok(Number(host.facts.serverCertificateDaysLeft) > 0);
    assert.ok(Number(host.facts.ownCertificateDaysLeft) > 1000);
  });

  it('gives a user name and a password from a secret, and fails visibly when they are wrong', async () => {
    host.secrets[PASSWORD] = 'wrong';
    const server = await bench.server({ variables: VARIABLES, security: 'Basic256Sha256', users: USERS });
    const definition = connection(server.port, DEVICES, { ...SECURE, user: 'signalbox', password: PASSWORD });
    bench.driver(definition, host);
    await until(() => host.state === 'failed', 'the refusal of the certificate');
    trust();
    await until(() => host.lastConnectivity('turbine-1')?.reason === 'not_authorized', 'the refusal of the password');
    host.secrets[PASSWORD] = 'correct horse';
    await until(() => host.reading('turbine-1', 'speed') !== null, 'a value for the right password');
  });

  it('says that the server does not offer the policy, and never falls back to a weaker one', async () => {
    const server = await bench.server({ variables: VARIABLES, security: 'None' });
    bench.driver(connection(server.port, DEVICES, SECURE), host);
    await until(() => host.state === 'failed', 'the refusal');
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'opcua_endpoint_not_offered');
    assert.equal(host.received.length, 0);
  });

  // Servers let a subscription go to another session of the same user alone, and of nobody over an open channel.
  it('hands its subscription over to a new session when the server has ended the old one, and misses no queued value', async () => {
    const server = await bench.server({ variables: VARIABLES, security: 'Basic256Sha256' });
    const wire = await bench.wire(server.port);
    bench.driver(connection(wire.port, DEVICES, SECURE), host);
    await until(() => host.state === 'failed', 'the refusal of the certificate');
    trust();
    await until(() => host.state === 'connected' && host.reading('turbine-1', 'count') !== null, 'the link');
    const subscription = host.facts.subscriptionId;

    wire.cut();
    await until(() => host.lastConnectivity('turbine-1')?.state === 'offline', 'the device offline');
    await server.fault({ kind: 'forget' });
    for (let count = 1; count <= 5; count += 1) {
      await server.set('s=T1.Count', count);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    wire.mend();
    await until(() => host.reading('turbine-1', 'count')?.value === 5, 'the newest count');

    assert.deepEqual(
      host.readings('turbine-1', 'count').map(({ value }) => value),
      [0, 1, 2, 3, 4, 5],
    );
    await until(() => host.state === 'connected', 'connected again');
    assert.equal(host.facts.sessionsCreated, 2);
    assert.equal(host.facts.sessionsResumed, undefined);
    assert.equal(host.facts.subscriptionsTransferred, 1);
    assert.equal(host.facts.subscriptionsCreated, 1);
    assert.equal(host.facts.subscriptionId, subscription);
    // Alive, and not only read once: the next change comes by the subscription.
    await server.set('s=T1.Speed', 12);
    await until(() => host.reading('turbine-1', 'speed')?.value === 12, 'the next change');
  });
});
