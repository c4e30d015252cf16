/**
 * Goal: a write that finds a database file locked by somebody else fails, and leaves nothing behind: what comes after it, one
 * statement or several in a transaction, is committed, and is there for whoever looks.
 * Method: one file, our connection as the workers use it and one of an intruder, who holds it for longer than we wait.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import Database from 'libsql';
import { LogFile } from '../../runtime/sql/log-file.ts';
import { kyselyOn, openSqliteFile } from '../../runtime/sql/sqlite.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Schema {
  readonly one: { readonly x: number };
  readonly other: { readonly x: number };
}

async function open(t: TestContext) {
  const { dir, remove } = tempDir('sqlite-locked');
  t.after(remove);
  const file = path.join(dir, 'some.db');
  const ours = openSqliteFile(file);
  ours.exec('pragma busy_timeout=50');
  ours.exec('create table one (x integer); create table other (x integer)');
  const intruder = new Database(file);
  const db: Kysely<Schema> = kyselyOn<Schema>(ours);
  t.after(() => {
    intruder.close();
    return db.destroy();
  });
  const whileLocked = async (work: () => Promise<unknown>) => {
    intruder.exec('begin immediate');
    await assert.rejects(work(), { code: 'SQLITE_BUSY' });
    intruder.exec('rollback');
  };
  /** As another process sees it. */
  const there = () => [
    ...intruder.prepare('select x from one order by x').all([]),
    ...intruder.prepare('select x from other order by x').all([]),
  ];
  return { file, db, whileLocked, there };
}

const WRITES: Readonly<Record<string, (db: Kysely<Schema>) => Promise<unknown>>> = {
  'an insert': (db) => db.insertInto('one').values({ x: 0 }).execute(),
  'an insert that returns': (db) => db.insertInto('one').values({ x: 0 }).returning('x').execute(),
  'an update': (db) => db.updateTable('one').set({ x: 9 }).execute(),
  'a delete': (db) => db.deleteFrom('one').execute(),
  'an insert out of a select': (db) =>
    sql`with fresh (x) as (values (0)) insert into one (x) select x from fresh`.execute(db),
  'a transaction': (db) => db.transaction().execute((trx) => trx.insertInto('one').values({ x: 0 }).execute()),
};

for (const [name, write] of Object.entries(WRITES)) {
  test(`${name} that found the file locked keeps nothing after it from being committed`, async (t) => {
    const { db, whileLocked, there } = await open(t);
    await whileLocked(() => write(db));
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('other').values({ x: 1 }).execute();
      await trx.insertInto('other').values({ x: 2 }).execute();
    });
    await whileLocked(() => write(db));
    await db.insertInto('other').values({ x: 3 }).execute();
    assert.deepEqual(there(), [{ x: 1 }, { x: 2 }, { x: 3 }]);
  });
}

test('a telemetry log that could not be trimmed takes readings', { timeout: 60_000 }, async (t) => {
  const { dir, remove } = tempDir('sqlite-locked-log');
  t.after(remove);
  const file = path.join(dir, 'telemetry.db');
  const log = new LogFile(file);
  const intruder = new Database(file);
  t.after(() => {
    intruder.close();
    log.close();
  });
  const block = { count: 1, data: new Uint8Array([1]) };
  for (let times = 0; times < 3; times++) log.append([block]);
  intruder.exec('begin immediate');
  await assert.rejects(log.trim({ beforePosition: 2, olderThanMs: Number.MAX_SAFE_INTEGER }), { code: 'SQLITE_BUSY' });
  intruder.exec('rollback');
  assert.equal(log.append([block]), 4);
  assert.deepEqual(intruder.prepare('select max(first) as last from block').all([]), [{ last: 4 }]);
});
