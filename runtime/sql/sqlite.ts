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
    throw new ErrorWithCode('DATABASE_UNUSABLE', `the database ${file} cannot be used: ${messageOf(error)}`, {
      cause: error,
      retryable: codeOf(error)?.startsWith('SQLITE_BUSY') ?? false,
    });
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

/** SQLite rolls back by itself when the disk is full; a second time is an error, which would hide the first. */
const UNDONE = { changes: 0, lastInsertRowid: 0 } as const;

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
    // A transaction that reads first and writes later fails when another process wrote in between; taking the write lock
    // at once makes it wait instead.
    const statement = this.#connection.prepare(sql === 'begin' ? 'begin immediate' : sql);
    const isUndone = () => sql === 'rollback' && !this.#connection.inTransaction;
    return {
      reader: statement.reader,
      all: (parameters) => (isUndone() ? [] : withCode(() => statement.all([...parameters]))),
      run: (parameters) => (isUndone() ? UNDONE : withCode(() => statement.run([...parameters]))),
      iterate: (parameters) => statement.iterate([...parameters]),
    };
  }

  close(): void {
    this.#prepared.clear();
    this.#connection.close();
  }
}
