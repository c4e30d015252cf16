import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Kysely, Migrator, sql } from 'kysely';
import { callersCommandId } from '../../../../runtime/command-identity.ts';
import { CommandId, entityId } from '../../../../runtime/ids.ts';
import { SQLITE } from '../../../../runtime/sql/dialect.ts';
import { migrate, migrations } from '../../../../runtime/sql/migrations.ts';
import type { JournalSchema } from '../../../../runtime/sql/schema.ts';
import { SqlJournal } from '../../../../runtime/sql/sql-journal.ts';
import { kyselyOn, openSqliteFile } from '../../../../runtime/sql/sqlite.ts';
import { turn } from '../../../contract/storage-support.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const BOOK = entityId('order-book', 'main');

async function databaseAt(t: TestContext, version: string): Promise<Kysely<JournalSchema>> {
  const { dir, remove } = tempDir('migrations');
  const db = kyselyOn<JournalSchema>(openSqliteFile(path.join(dir, 'journal.db')));
  t.after(async () => {
    await db.destroy();
    remove();
  });
  const provider = { getMigrations: async () => migrations(SQLITE) };
  const { error } = await new Migrator({ db, provider }).migrateTo(version);
  assert.equal(error, undefined);
  return db;
}

async function addOldCommand(db: Kysely<JournalSchema>, id: string, seq: number, user: string, via: string) {
  await sql`insert into command (command_id, entity, answer, time_ms)
    values (${id}, ${BOOK}, ${JSON.stringify({ number: seq })}, 0)`.execute(db);
  // Every row of a turn carries the id.
  for (const position of [2 * seq, 2 * seq + 1])
    await sql`insert into journal
      (position, entity, seq, shard, epoch, command_id, kind, event, time_ms, by_user, by_via, log_position, before, after)
      values (${position}, ${BOOK}, ${position}, 0, 1, ${id}, 'Numbered', '{}', 0, ${user}, ${via}, 0, '{}', '{}')`.execute(
      db,
    );
}

test('commands of a version without hashes are answered again to those who sent them', async (t) => {
  const db = await databaseAt(t, '0003-token-changes');
  await addOldCommand(db, 'k-1', 1, 'ann: 100%', 'http');
  await addOldCommand(db, 'asset/pump-1#7.0', 2, 'asset/pump-1', 'entity');
  await addOldCommand(db, 'asset/pump-1#8.0', 3, 'mallory', 'websocket');
  await sql`insert into command (command_id, entity, answer, time_ms) values ('quiet', ${BOOK}, 'null', 0)`.execute(db);
  await migrate(db, SQLITE);
  const journal = new SqlJournal(db, SQLITE);
  const answerTo = async (id: string) => (await journal.answered(BOOK, CommandId.parse(id)))?.answer;
  assert.deepEqual(await answerTo(callersCommandId('ann: 100%', 'k-1')), { number: 1 });
  assert.deepEqual(await answerTo('asset/pump-1#7.0'), { number: 2 });
  assert.equal(await answerTo('quiet'), null, 'nobody knows whose it was');
  assert.equal(await answerTo('k-1'), undefined);
  assert.equal(await answerTo('asset/pump-1#8.0'), undefined, 'an id that a person took stands no longer in the way');
  assert.deepEqual(await answerTo(callersCommandId('mallory', 'asset/pump-1#8.0')), { number: 3 });
  const epoch = await journal.claimAllShards('new');
  await db.insertInto('head').values({ entity: BOOK, kind: 'order-book', seq: 7 }).execute();
  const commandId = callersCommandId('ann: 100%', 'k-1');
  const [again] = await journal.append([turn(BOOK, 8, { epoch, commandId, commandHash: 'new' })]);
  assert.deepEqual(again, { kind: 'repeated', answer: { number: 1 } });
});

test('a migration that fails leaves the database as it was', async (t) => {
  const db = await databaseAt(t, '0003-token-changes');
  await sql`create table command_with_hash (in_the_way text)`.execute(db);
  await addOldCommand(db, 'k-1', 1, 'ann', 'http');
  await assert.rejects(migrate(db, SQLITE), { code: 'MIGRATION_FAILED' });
  await sql`drop table command_with_hash`.execute(db);
  await sql`create trigger stop before insert on kysely_migration begin select raise(abort, 'crash'); end`.execute(db);
  await assert.rejects(migrate(db, SQLITE), { code: 'MIGRATION_FAILED' });
  await sql`drop trigger stop`.execute(db);
  await migrate(db, SQLITE);
  const journal = new SqlJournal(db, SQLITE);
  assert.ok(await journal.answered(BOOK, callersCommandId('ann', 'k-1')));
});

test('epochs go on where they were, and nobody owns a shard after an upgrade', async (t) => {
  const db = await databaseAt(t, '0006-identity');
  for (let n = 0; n < 64; n++) await sql`insert into shard (n, owner, epoch) values (${n}, 'host:1', 7)`.execute(db);
  await migrate(db, SQLITE);
  const rows = await db.selectFrom('shard').selectAll().orderBy('n').execute();
  assert.equal(rows.length, 64);
  for (const [n, row] of rows.entries())
    assert.deepEqual(row, { n, owner: null, incarnation: null, epoch: 7, state: 'free', target: null });
  const journal = new SqlJournal(db, SQLITE);
  const asset = entityId('asset', 'pump-1');
  assert.equal((await journal.append([turn(asset, 1, { epoch: 7 })]))[0]?.kind, 'fenced');
  assert.equal(await journal.claimAllShards('new'), 8);
  assert.equal((await journal.append([turn(asset, 1, { epoch: 8 })]))[0]?.kind, 'committed');
});
