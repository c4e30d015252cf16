import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import type { DeadLetter } from '../../../../runtime/log.ts';
import { SqlDeadLetters } from '../../../../runtime/sql/dead-letters.ts';
import { migrate, SQLITE_TYPES } from '../../../../runtime/sql/migrations.ts';
import type { JournalSchema } from '../../../../runtime/sql/schema.ts';
import { kyselyOn, openSqliteFile } from '../../../../runtime/sql/sqlite.ts';
import { SqlTokens } from '../../../../runtime/sql/tokens.ts';
import type { StoredToken } from '../../../../runtime/token-store.ts';
import { tempDir } from '../../../support/temp-dir.ts';

async function openDatabase(t: TestContext) {
  const { dir, remove } = tempDir('stores');
  const db = kyselyOn<JournalSchema>(openSqliteFile(path.join(dir, 'journal.db')));
  t.after(async () => {
    await db.destroy();
    remove();
  });
  await migrate(db, SQLITE_TYPES);
  return db;
}

function letter(n: number, given: Partial<DeadLetter> = {}): DeadLetter {
  return {
    timeMs: n,
    stream: 'invalid_telemetry',
    source: 'device/plc-1',
    code: 'OUT_OF_RANGE',
    reason: `reading ${n}`,
    body: { n },
    ...given,
  };
}

test('dead letters are filtered, and the newest come first', async (t) => {
  const store = new SqlDeadLetters(await openDatabase(t));
  await store.append([letter(1), letter(2, { stream: 'effects' }), letter(3, { code: 'UNKNOWN_POINT' }), letter(4)]);
  const bodies = async (query: Parameters<SqlDeadLetters['query']>[0]) =>
    (await store.query(query)).map((found) => found.body);
  assert.deepEqual(await bodies({ limit: 2 }), [{ n: 4 }, { n: 3 }]);
  assert.deepEqual(await bodies({ limit: 9, stream: 'effects' }), [{ n: 2 }]);
  assert.deepEqual(await bodies({ limit: 9, code: 'UNKNOWN_POINT', fromMs: 2, toMs: 4 }), [{ n: 3 }]);
  const [newest] = await store.query({ limit: 1 });
  assert.deepEqual(await bodies({ limit: 1, before: newest?.id ?? 0 }), [{ n: 3 }]);
  assert.deepEqual(await store.counts(), { effects: 1, invalid_telemetry: 3 });
});

test('dead letters are bounded by count, and the oldest go', async (t) => {
  const store = new SqlDeadLetters(await openDatabase(t), { maxCount: 3 });
  const times = async () => (await store.query({ limit: 9 })).map((found) => found.timeMs);
  for (let n = 91; n <= 99; n++) await store.append([letter(n)]);
  assert.deepEqual(await times(), [99, 98, 97]);
  await store.append([1, 2, 3, 4].map((n) => letter(n)));
  assert.deepEqual(await times(), [4, 3, 2]);
});

test('dead letters from before an instant are let go of, also all of them', async (t) => {
  const store = new SqlDeadLetters(await openDatabase(t), { maxCount: 3 });
  const times = async () => (await store.query({ limit: 9 })).map((found) => found.timeMs);
  await store.append([letter(10), letter(20), letter(30)]);
  await store.trim(20);
  assert.deepEqual(await times(), [30, 20]);
  await store.trim(31);
  assert.deepEqual(await times(), []);
  for (let n = 41; n <= 45; n++) await store.append([letter(n)]);
  assert.deepEqual(await times(), [45, 44, 43], 'the bound of their count holds on');
});

const BY_ANN = { user: 'ann', via: 'http', address: '10.0.0.7' } as const;
const token: StoredToken = {
  id: 't1',
  name: 'wall',
  role: 'viewer',
  hash: 'ab'.repeat(32),
  createdAtMs: 10,
  createdBy: 'cli',
  expiresAtMs: null,
  revokedAtMs: null,
  lastUsedAtMs: null,
};

test('a token is found by its hash and revoked once', async (t) => {
  const store = new SqlTokens(await openDatabase(t));
  await store.create(token, BY_ANN);
  await store.create({ ...token, id: 't2', hash: 'cd'.repeat(32), createdAtMs: 20, expiresAtMs: 99 }, BY_ANN);
  assert.deepEqual(await store.findByHash(token.hash), token);
  assert.equal(await store.findByHash('nobody'), undefined);
  assert.deepEqual(
    (await store.list()).map(({ id }) => id),
    ['t2', 't1'],
  );
  assert.equal(await store.revoke('t1', 30, BY_ANN), true);
  assert.equal(await store.revoke('t1', 40, BY_ANN), false);
  assert.equal(await store.revoke('t3', 40, BY_ANN), false);
  assert.equal((await store.findByHash(token.hash))?.revokedAtMs, 30);
});

test('the last use of a token never goes back', async (t) => {
  const store = new SqlTokens(await openDatabase(t));
  await store.create(token, BY_ANN);
  await store.touch('t1', 50);
  await store.touch('t1', 40);
  assert.equal((await store.findByHash(token.hash))?.lastUsedAtMs, 50);
});

test('what was done to tokens is kept until the audit has it, and only if it was done', async (t) => {
  const store = new SqlTokens(await openDatabase(t));
  const byRoot = { user: 'root', via: 'cli', address: null } as const;
  await store.create(token, BY_ANN);
  await assert.rejects(store.create({ ...token, id: 't2' }, BY_ANN), 'its hash is taken');
  await store.revoke('t1', 10, byRoot);
  assert.equal(await store.revoke('t1', 20, BY_ANN), false);
  assert.equal(await store.revoke('t9', 20, BY_ANN), false);
  const changes = await store.changes(9);
  const facts = { id: 't1', name: 'wall', role: 'viewer', expiresAtMs: null };
  assert.deepEqual(
    changes.map(({ id: _, ...change }) => change),
    [
      { kind: 'created', timeMs: 10, by: BY_ANN, token: facts },
      { kind: 'revoked', timeMs: 10, by: byRoot, token: facts },
    ],
  );
  await store.settleChanges(changes.slice(0, 1).map(({ id }) => id));
  assert.deepEqual(await store.changes(9), changes.slice(1));
});

test('two tokens cannot have one hash', async (t) => {
  const store = new SqlTokens(await openDatabase(t));
  await store.create(token, BY_ANN);
  await assert.rejects(store.create({ ...token, id: 't2' }, BY_ANN));
});

test('migrations run once, and a database from a newer program is refused', async (t) => {
  const db = await openDatabase(t);
  await migrate(db, SQLITE_TYPES);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030-01-01')`.execute(db);
  await assert.rejects(migrate(db, SQLITE_TYPES), { code: 'MIGRATION_FAILED' });
});
