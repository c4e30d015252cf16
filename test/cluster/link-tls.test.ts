/**
 * Goal: nodes of a cell find each other over TLS, and log in with a certificate's authority and an nkey, by the settings that the
 * other connections to NATS have.
 * Method: an authority made by openssl, a real nats-server with its certificate that lets in one nkey alone.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { nkeyAuthenticator, nkeys } from 'nats';
import pino from 'pino';
import { natsAccess } from '../../cli/nats.ts';
import { MoleculerLink } from '../../runtime/moleculer/link.ts';
import { NatsLink } from '../../runtime/nats/connection.ts';
import { readSettings } from '../../runtime/settings.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('the link between nodes over TLS', { skip: noNats }, () => {
  const temp = tempDir('link-tls');
  const file = (name: string) => path.join(temp.dir, name);
  const user = nkeys.createUser();
  let nats: NatsServer;

  before(async () => {
    makeCertificates();
    fs.writeFileSync(file('seed.nk'), `${new TextDecoder().decode(user.getSeed())}\n`);
    fs.writeFileSync(file('stranger.nk'), new TextDecoder().decode(nkeys.createUser().getSeed()));
    nats = await NatsServer.start({
      jetStream: false,
      config: [
        `tls { cert_file: "${file('server.crt')}", key_file: "${file('server.key')}" }`,
        `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
      ].join('\n'),
      credentials: { authenticator: nkeyAuthenticator(user.getSeed()), tls: { caFile: file('ca.crt') } },
    });
  });
  after(async () => {
    await nats?.remove();
    temp.remove();
  });

  function access(more: Readonly<Record<string, string>>) {
    const read = readSettings({}, {}, { NATS_URL: `tls://127.0.0.1:${nats.port}`, ...more });
    assert.ok(read.ok, JSON.stringify(read));
    return natsAccess(read.settings, read.settings.NATS_URL ?? '');
  }

  function linkOf(node: string, more: Readonly<Record<string, string>>, t: TestContext): MoleculerLink {
    const link = new MoleculerLink({
      node,
      cell: 'tls',
      nats: access(more),
      log: pino({ level: 'silent' }),
      changed: () => undefined,
    });
    t.after(() => link.stop().catch(() => undefined));
    return link;
  }

  test('two nodes with the authority and the nkey talk to each other', async (t) => {
    const right = { NATS_TLS_CA_FILE: file('ca.crt'), NATS_CREDENTIALS_FILE: file('seed.nk') };
    const [a, b] = [linkOf('a', right, t), linkOf('b', right, t)];
    b.serve('echo', (body, from) => ({ body, from }));
    await Promise.all([a.start(), b.start()]);
    const answered = () => a.request('b', 'echo', 1, 500).catch(() => undefined);
    await until('b answers', async () => (await answered()) !== undefined);
    assert.deepEqual(await a.request('b', 'echo', 2, 5000), { body: 2, from: 'a' });
  });

  test('with another nkey, or without the authority, nothing is connected', async () => {
    const refused = (more: Readonly<Record<string, string>>) =>
      NatsLink.open({ ...access(more), name: 'refused', startTimeoutMs: 0 }).then(
        () => assert.fail('it was let in'),
        (error: unknown) => error,
      );
    const stranger = { NATS_TLS_CA_FILE: file('ca.crt'), NATS_CREDENTIALS_FILE: file('stranger.nk') };
    assert.match(String(await refused(stranger)), /NATS_REFUSED|refuses the connection/);
    assert.match(String(await refused({ NATS_CREDENTIALS_FILE: file('seed.nk') })), /certificate/i);
  });

  function makeCertificates(): void {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: temp.dir, stdio: 'ignore' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=ca', '-days', '1');
    fs.writeFileSync(file('server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', 'server.ext'];
    openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...signed);
  }
});
