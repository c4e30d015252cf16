/**
 * Goal: servers whose certificates an authority has signed are trusted through it, and no further than it vouches for them.
 * Method: an authority made with openssl, a real server with a chain that it signed, and a person who fills the store.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Authority } from './opcua-authority.ts';
import { Bench, connection, type RecordingHost, until } from './opcua-support.ts';

const VARIABLES = [{ nodeId: 's=T1.Speed', dataType: 'Double' }] as const;
const DEVICES = [{ id: 'turbine-1', points: [{ name: 'speed', opcua: { node: 'T1.Speed', samplingMs: 50 } }] }];
const SECURE = {
  security: { policy: 'Basic256Sha256', mode: 'SignAndEncrypt' },
  connectTimeoutMs: 20_000,
  reconnect: { minMs: 300, maxMs: 500 },
};
const WAIT_MS = 30_000;

describe('a server with a certificate that an authority has signed', () => {
  let bench: Bench;
  let host: RecordingHost;
  let authority: Authority;
  let store: string;

  beforeEach(() => {
    bench = new Bench();
    host = bench.host(true);
    store = join(host.dataDir, 'opcua-pki');
    authority = new Authority(bench.folder(), 'Plant authority');
  });
  afterEach(() => bench.close());

  async function link(days = 400): Promise<void> {
    const certificateDir = bench.folder();
    authority.sign(certificateDir, days);
    const server = await bench.server({ variables: VARIABLES, security: 'Basic256Sha256', certificateDir });
    bench.driver(connection(server.port, DEVICES, SECURE), host);
  }

  const detail = (): string => host.reports.at(-1)?.detail ?? '';
  const isServed = (): boolean => host.state === 'connected' && host.reading('turbine-1', 'speed') !== null;
  const isRefused = (status: string): boolean => host.state === 'failed' && detail().includes(status);

  it('is trusted when the authority is, though nobody has seen the certificate itself', async () => {
    authority.installIn(store);
    await link();
    await until(isServed, 'a value over the secured channel', WAIT_MS);
    assert.deepEqual(
      readdirSync(join(store, 'trusted', 'certs')).filter((file) => file !== 'ca.pem'),
      [],
    );
  });

  it('is refused while the authority is unknown, with what is to be done step by step, until it is', async () => {
    await link();
    await until(
      () => isRefused('BadCertificateUntrusted') || isRefused('BadCertificateRevocationUnknown'),
      'a refusal',
      WAIT_MS,
    );
    assert.equal(host.lastConnectivity('turbine-1')?.reason, 'certificate_rejected');
    authority.install(store, 'ca.pem', 'issuers/certs');
    await until(() => isRefused('BadCertificateRevocationUnknown'), 'the missing revocation list', WAIT_MS);
    assert.ok(detail().includes('CN=Plant authority') && detail().includes(join('issuers', 'crl')), detail());
    authority.install(store, 'ca.crl', 'issuers/crl');
    await until(() => isRefused('BadCertificateUntrusted'), 'an authority that is known and not trusted', WAIT_MS);
    assert.ok(detail().includes(join('trusted', 'certs')), detail());
    assert.equal(host.received.length, 0);
    authority.install(store, 'ca.pem', 'trusted/certs');
    await until(isServed, 'a value', WAIT_MS);
  });

  it('is refused once the authority has withdrawn the certificate, even where a person had trusted it', async () => {
    const certificateDir = bench.folder();
    authority.sign(certificateDir, 400);
    authority.revoke();
    authority.installIn(store);
    const server = await bench.server({ variables: VARIABLES, security: 'Basic256Sha256', certificateDir });
    bench.driver(connection(server.port, DEVICES, SECURE), host);
    await until(() => isRefused('BadCertificateRevoked'), 'the refusal', WAIT_MS);
    assert.match(detail(), /Plant authority has withdrawn it/);
    assert.ok(!detail().includes(join('trusted', 'certs')), 'no advice to trust it');
    for (const file of readdirSync(join(store, 'rejected')))
      renameSync(join(store, 'rejected', file), join(store, 'trusted', 'certs', file));
    const before = host.reports.length;
    await until(
      () => host.reports.slice(before).some(({ state }) => state === 'connecting'),
      'another attempt',
      WAIT_MS,
    );
    await until(() => isRefused('BadCertificateRevoked'), 'the refusal again', WAIT_MS);
    assert.equal(host.received.length, 0);
  });

  it('warns in time before the certificate ends', async () => {
    authority.installIn(store);
    await link(10);
    await until(() => host.reading('turbine-1', 'speed') !== null, 'a value', WAIT_MS);
    await until(() => host.state === 'degraded', 'the link shown as degraded', WAIT_MS);
    await until(() => host.reports.at(-1)?.lastError?.code === 'server_certificate_expires', 'the warning', WAIT_MS);
    assert.match(detail(), /the certificate of the server ends in (9|10) days/);
    assert.ok(Number(host.facts.serverCertificateDaysLeft) <= 10);
    assert.ok(existsSync(join(store, 'own', 'certs', 'signalbox.pem')));
  });
});
