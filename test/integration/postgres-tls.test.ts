/**
 * Goal: over TLS the modes protect against what they say. Method: a real server with a certificate for `localhost` from an
 * authority of the test's own, reached under that name and under its address.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { NO_POSTGRES, PostgresServer, serverIdentity } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';

/** An authority, and a key and certificate of `localhost` from it, readable by the server. */
function makeCertificates(dir: string): { ca: string; cert: string; key: string } {
  const file = (name: string) => path.join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test authority');
  openssl('req', ...curve, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  fs.writeFileSync(file('ext'), 'subjectAltName=DNS:localhost');
  const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...sign);
  fs.chmodSync(dir, 0o755);
  fs.chmodSync(file('server.key'), 0o600);
  const { uid, gid } = serverIdentity();
  if (uid !== undefined && gid !== undefined) fs.chownSync(file('server.key'), uid, gid);
  return { ca: file('ca.pem'), cert: file('server.pem'), key: file('server.key') };
}

test('who answers is looked at as far as the mode says', { skip: NO_POSTGRES, timeout: 60_000 }, async (t) => {
  const { dir, remove } = tempDir('postgres-tls');
  t.after(remove);
  const { ca, cert, key } = makeCertificates(dir);
  const server = await PostgresServer.start({ settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key } });
  t.after(() => server.remove());
  const database = new URL(await server.newDatabase());
  const reach = async (host: string, query: string): Promise<'encrypted' | 'plain' | string> => {
    database.hostname = host;
    const store = await openPostgres(postgresAddress(`${database}?${query}`, {}), { withinMs: 0 }).catch(
      (error: Error) => error.message,
    );
    if (typeof store === 'string') return store;
    await store.tokens.list();
    const [row] = await server.query(
      "select bool_and(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'signalbox'",
    );
    await store.close();
    return row?.ssl === true ? 'encrypted' : 'plain';
  };
  assert.equal(await reach('127.0.0.1', 'sslmode=disable'), 'plain');
  assert.equal(await reach('127.0.0.1', 'sslmode=require'), 'encrypted');
  assert.equal(await reach('127.0.0.1', `sslmode=verify-ca&sslrootcert=${ca}`), 'encrypted');
  assert.equal(await reach('localhost', `sslmode=verify-full&sslrootcert=${ca}`), 'encrypted');
  assert.match(await reach('127.0.0.1', `sslmode=verify-full&sslrootcert=${ca}`), /127\.0\.0\.1.*(altnames|cert)/);
  assert.match(await reach('localhost', 'sslmode=verify-full'), /certificate/);
  assert.match(await reach('localhost', 'sslmode=verify-ca'), /certificate/);
});
