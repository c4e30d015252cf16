import fs from 'node:fs';
import path from 'node:path';
import {
  type Kysely,
  Kysely as KyselyInstance,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteStatement,
} from 'kysely';
import Database from 'libsql';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import { isSqliteFull, storeFull } from './store-full.ts';

export type SqliteConnection = Database.Database;

const BUSY_TIMEOUT_MS = 5000;
/** Statements with lists of other lengths would otherwise add up without end. */
const MAX_PREPARED = 300;

/** Opens a database file whose commits are on the disk when they are acknowledged. Fails with DATABASE_UNUSABLE. */
export function openSqliteFile(file: string, options: { readonly pageSize?: number } = {}): SqliteConnection {
  const database = new Database(file);
  try {
    database.exec(`pragma busy_timeout=${BUSY_TIMEOUT_MS}`);
    // Both hold only for a file without tables, and have to come before the journal mode.
    if (options.pageSize) database.exec(`pragma page_size=${options.pageSize}`);
    database.exec('pragma auto_vacuum=incremental');
    database.exec('pragma journal_mode=wal');
    database.exec('pragma synchronous=full');
    database.exec('pragma foreign_keys=on');
    return database;
  } catch (error) {
    database.close();
    const full = isSqliteFull(error) || isDiskFull(file);
    const why = full ? `its disk is full (${messageOf(error)})` : messageOf(error);
    throw new ErrorWithCode('DATABASE_UNUSABLE', `the database ${file} cannot be used: ${why}`, {
      cause: error,
      retryable: full || (codeOf(error)?.startsWith('SQLITE_BUSY') ?? false),
    });
  }
}

/** Without room for the files that go with it, SQLite says of an I/O error and no more. */
function isDiskFull(file: string): boolean {
  try {
    return fs.statfsSync(path.dirname(file)).bavail === 0;
  } catch {
    return false;
  }
}

/** Kysely on a connection, with prepared statements kept. */
export function kyselyOn<Schema>(connection: SqliteConnection): Kysely<Schema> {
  return new KyselyInstance<Schema>({ dialect: new Dialect({ database: new PreparedDatabase(connection) }) });
}

/** Migrations run in one transaction, so that a crash leaves the schema as it was: SQLite can, though Kysely takes it that it cannot. */
class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new Adapter();
  }
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

const DONE = { changes: 0, lastInsertRowid: 0 } as const;
const NO_ROWS = { reader: false, all: () => [], iterate: () => [].values() } as const;

const WRITES = /^\s*(insert|update|delete|replace|create|alter|drop|with\b.*\b(insert into|update|delete from))\b/is;

const TRANSACTION: Readonly<Record<string, (connection: SqliteConnection) => typeof DONE>> = {
  begin(connection) {
    // A transaction that reads first and writes later fails when another process wrote in between; taking the write lock
    // at once makes it wait instead.
    connection.exec('begin immediate');
    return DONE;
  },
  commit(connection) {
    connection.exec('commit');
    return DONE;
  },
  rollback(connection) {
    // SQLite rolls back by itself when the disk is full; a second time is an error, which would hide the first.
    if (connection.inTransaction) connection.exec('rollback');
    return DONE;
  },
};

/**
 * Carries out what writes in the transaction that is under way, or one of its own. Never without: a prepared statement that
 * finds the file locked by another process is left half way by the library, counts as a write under way from then on, and
 * until it happens to be carried out again nothing that comes after it can be committed. Here the lock is waited for before.
 */
export function inTransaction<Result>(connection: SqliteConnection, work: () => Result): Result {
  if (connection.inTransaction) return work();
  connection.exec('begin immediate');
  try {
    const result = work();
    connection.exec('commit');
    return result;
  } catch (error) {
    if (connection.inTransaction) connection.exec('rollback');
    throw error;
  }
}

function withCode<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw isSqliteFull(error) ? storeFull(error) : error;
  }
}

class PreparedDatabase implements SqliteDatabase {
  readonly #connection: SqliteConnection;
  readonly #prepared = new Map<string, SqliteStatement>();

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  prepare(sql: string): SqliteStatement {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#prepare(sql);
    if (this.#prepared.size >= MAX_PREPARED) {
      const oldest = this.#prepared.keys().next();
      if (!oldest.done) this.#prepared.delete(oldest.value);
    }
    this.#prepared.set(sql, statement);
    return statement;
  }

  #prepare(sql: string): SqliteStatement {
    const connection = this.#connection;
    const ofTransaction = TRANSACTION[sql];
    if (ofTransaction !== undefined) return { ...NO_ROWS, run: () => withCode(() => ofTransaction(connection)) };
    const statement = connection.prepare(sql);
    const carryOut = <Result>(work: () => Result): Result =>
      withCode(() => (WRITES.test(sql) ? inTransaction(connection, work) : work()));
    return {
      reader: statement.reader,
      all: (parameters) => carryOut(() => statement.all([...parameters])),
      run: (parameters) => carryOut(() => statement.run([...parameters])),
      iterate: (parameters) => statement.iterate([...parameters]),
    };
  }

  close(): void {
    this.#prepared.clear();
    this.#connection.close();
  }
}
