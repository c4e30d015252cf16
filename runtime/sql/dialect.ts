import { type ColumnDataType, type Kysely, type RawBuilder, sql } from 'kysely';
import type { JournalSchema } from './schema.ts';

/**
 * What SQLite and PostgreSQL do not have in common. Everything else, schema and statements, is written once for both.
 */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** In SQLite an `integer` has 64 bits, and only under that name is a primary key the row's own number. */
  readonly int64: ColumnDataType;
  readonly bytes: ColumnDataType;
  /** Text that is compared and sorted by its bytes, on every machine alike. */
  readonly key: ColumnDataType | RawBuilder<unknown>;
  /** Transactions run beside each other, so that what is read for a decision has to be locked. SQLite runs one at a time. */
  readonly rowLocks: boolean;
  /** Milliseconds since 1970 by the database's own clock, at this statement. */
  readonly nowMs: RawBuilder<number>;
  /** Makes transactions of the same purpose wait for each other, where there is no row yet that they could lock. */
  lock(trx: Kysely<JournalSchema>, purpose: Purpose): Promise<void>;
}

/** Numbers of advisory locks; any will do that nobody else takes in this database. */
const PURPOSES = { deadLetters: 7_302_001, nodes: 7_302_002 } as const;
export type Purpose = keyof typeof PURPOSES;

export const SQLITE: Dialect = {
  name: 'sqlite',
  int64: 'integer',
  bytes: 'blob',
  key: 'text',
  rowLocks: false,
  nowMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  async lock() {},
};

export const POSTGRES: Dialect = {
  name: 'postgres',
  int64: 'bigint',
  bytes: 'bytea',
  key: sql`text collate "C"`,
  rowLocks: true,
  // Not now(), which is when the transaction began: it may have waited for a lock since.
  nowMs: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
  async lock(trx, purpose) {
    await sql`select pg_advisory_xact_lock(${sql.lit(PURPOSES[purpose])})`.execute(trx);
  },
};
