import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { SqlDeadLetters } from '../../../../runtime/sql/dead-letters.ts';
import { SQLITE } from '../../../../runtime/sql/dialect.ts';
import { migrate } from '../../../../runtime/sql/migrations.ts';
import type { JournalSchema } from '../../../../runtime/sql/schema.ts';
import { kyselyOn, openSqliteFile } from '../../../../runtime/sql/sqlite.ts';
import { letter } from '../../../contract/dead-letter-store.contract.ts';
import { tempDir } from '../../../support/temp-dir.ts';

async function openDatabase(t: TestContext) {
  const { dir, remove } = tempDir('stores');
  const db = kyselyOn<JournalSchema>(openSqliteFile(path.join(dir, 'journal.db')));
  t.after(async () => {
    await db.destroy();
    remove();
  });
  await migrate(db, SQLITE);
  return db;
}

test('dead letters are bounded by count, and the oldest go', async (t) => {
  const store = new SqlDeadLetters(await openDatabase(t), SQLITE, { maxCount: 3 });
  const times = async () => (await store.query({ limit: 9 })).map((found) => found.timeMs);
  for (let n = 91; n <= 99; n++) await store.append([letter(n)]);
  assert.deepEqual(await times(), [99, 98, 97]);
  await store.append([1, 2, 3, 4].map((n) => letter(n)));
  assert.deepEqual(await times(), [4, 3, 2]);
  await store.trim(1000);
  for (let n = 41; n <= 45; n++) await store.append([letter(n)]);
  assert.deepEqual(await times(), [45, 44, 43], 'the bound holds on after all were let go of');
});

test('migrations run once, and a database from a newer program is refused', async (t) => {
  const db = await openDatabase(t);
  await migrate(db, SQLITE);
  await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030-01-01')`.execute(db);
  await assert.rejects(migrate(db, SQLITE), { code: 'MIGRATION_FAILED' });
});
