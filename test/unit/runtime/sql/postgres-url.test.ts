import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresAddress } from '../../../../runtime/sql/postgres-url.ts';

const refused = (url: string, says: RegExp, environment: Record<string, string> = {}) =>
  assert.throws(
    () => postgresAddress(url, environment),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DATABASE_URL_INVALID');
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    },
  );

test('the address that people see has no password in it', () => {
  const { shown, connectionString } = postgresAddress(
    'postgres://ann:s3cret@db.example:5433/plant?application_name=x',
    {},
  );
  assert.equal(shown, 'db.example:5433/plant');
  assert.equal(connectionString, 'postgres://ann:s3cret@db.example:5433/plant?application_name=x');
  assert.equal(postgresAddress('postgresql://ann@%2Frun%2Fpg/plant', {}).shown, '/run/pg/plant');
  assert.equal(postgresAddress('postgres:///plant?host=/run/pg', {}).shown, '/run/pg/plant');
  assert.equal(postgresAddress('postgres://', { PGHOST: 'db', PGPORT: '6000', PGDATABASE: 'p' }).shown, 'db:6000/p');
});

test('what is no address of a PostgreSQL is refused, without showing it', () => {
  refused('s3cret', /postgres:\/\/user:password@host/);
  refused('mysql://ann:s3cret@db/plant', /begins with postgres:\/\//);
  refused('postgres://ann:s3cret@db/plant?sslmode=prefer', /disable, require, verify-ca, verify-full; not prefer/);
  refused('postgres://ann:s3cret@db/plant', /not allow/, { PGSSLMODE: 'allow' });
  refused('postgres://ann:s3cret@db/plant?sslmode=verify-full&sslrootcert=/nowhere.pem', /sslrootcert cannot be read/);
});

test('modes of TLS mean what they mean to programs of PostgreSQL', () => {
  const tls = (query: string, environment: Record<string, string> = {}) =>
    postgresAddress(`postgres://ann@db/plant${query}`, environment).tls;
  assert.equal(tls(''), false);
  assert.equal(tls('?sslmode=disable', { PGSSLMODE: 'require' }), false, 'the URL comes first');
  assert.deepEqual(tls('?sslmode=verify-full'), { rejectUnauthorized: true });
  const require = tls('', { PGSSLMODE: 'require' });
  assert.equal(require !== false && require.rejectUnauthorized, false);
  const ca = tls('?sslmode=verify-ca');
  assert.ok(ca !== false && ca.rejectUnauthorized === true && ca.checkServerIdentity !== undefined);
  assert.doesNotMatch(postgresAddress('postgres://db/plant?sslmode=require', {}).connectionString, /ssl/);
});
