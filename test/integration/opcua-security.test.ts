import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Bench, connection, type RecordingHost, until } from './opcua-support.ts';

const VARIABLES = [{ nodeId: 's=T1.Speed', dataType: 'Double' }] as const;
const DEVICES = [{ id: 'turbine-1', points: [{ name: 'speed', opcua: { node: 'T1.Speed', samplingMs: 50 } }] }];
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
    await until(() => host.lastConnectivity('turbine-1')?.reason === 'bad_user_token', 'the refusal of the password');
    host.secrets[PASSWORD] = 'correct horse';
    await until(() => host.reading('turbine-1', 'speed') !== null, 'a value for the right password');
  });

  it('says that the server does not offer the policy, and never falls back to a weaker one', async () => {
    const server = await bench.server({ variables: VARIABLES, security: 'None' });
    bench.driver(connection(server.port, DEVICES, SECURE), host);
    await until(() => host.state === 'failed', 'the refusal');
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'endpoint_not_offered');
    assert.equal(host.received.length, 0);
  });
});
