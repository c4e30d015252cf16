import { type Kysely, type Migration, Migrator, sql } from 'kysely';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { JournalSchema } from './schema.ts';

/** What the two databases call the same thing. */
export interface ColumnTypes {
  readonly int64: 'integer' | 'bigint';
  readonly bytes: 'blob' | 'bytea';
}

/** In SQLite an `integer` has 64 bits, and only under that name is a primary key the row's own number. */
export const SQLITE_TYPES: ColumnTypes = { int64: 'integer', bytes: 'blob' };
export const POSTGRES_TYPES: ColumnTypes = { int64: 'bigint', bytes: 'bytea' };

/** Brings the database to the newest schema. Only forward; a database from a newer program is refused, not touched. */
export async function migrate(db: Kysely<JournalSchema>, types: ColumnTypes): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(types) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new ErrorWithCode(
      'MIGRATION_FAILED',
      `The journal's schema cannot be brought up to date: ${messageOf(error)}`,
      {
        cause: error,
        retryable: false,
      },
    );
  }
}

/** Never change one that was released: add the next. */
function migrations({ int64, bytes }: ColumnTypes): Record<string, Migration> {
  return {
    '0001-journal': {
      async up(db) {
        await db.schema
          .createTable('journal')
          .addColumn('position', int64, (column) => column.primaryKey())
          .addColumn('entity', 'text', (column) => column.notNull())
          .addColumn('seq', int64, (column) => column.notNull())
          .addColumn('shard', 'integer', (column) => column.notNull())
          .addColumn('epoch', int64, (column) => column.notNull())
          .addColumn('command_id', 'text')
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('event', 'text', (column) => column.notNull())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addColumn('by_user', 'text', (column) => column.notNull())
          .addColumn('by_via', 'text', (column) => column.notNull())
          .addColumn('log_position', int64, (column) => column.notNull())
          .addColumn('before', 'text', (column) => column.notNull())
          .addColumn('after', 'text', (column) => column.notNull())
          .addUniqueConstraint('journal_entity_seq', ['entity', 'seq'])
          .execute();
        await db.schema.createIndex('journal_kind').on('journal').columns(['kind', 'position']).execute();
        await db.schema.createIndex('journal_time').on('journal').column('time_ms').execute();
        // One row that every append takes: positions come in the order of the commits, whatever the database.
        await db.schema
          .createTable('journal_end')
          .addColumn('id', 'integer', (column) => column.primaryKey())
          .addColumn('position', int64, (column) => column.notNull())
          .execute();
        await sql`insert into journal_end (id, position) values (1, 0)`.execute(db);
        await db.schema
          .createTable('head')
          .addColumn('entity', 'text', (column) => column.primaryKey())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('seq', int64, (column) => column.notNull())
          .execute();
        await db.schema.createIndex('head_kind').on('head').columns(['kind', 'entity']).execute();
        await db.schema
          .createTable('command')
          .addColumn('command_id', 'text', (column) => column.notNull())
          .addColumn('entity', 'text', (column) => column.notNull())
          .addColumn('answer', 'text', (column) => column.notNull())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addPrimaryKeyConstraint('command_key', ['command_id', 'entity'])
          .execute();
        await db.schema
          .createTable('shard')
          .addColumn('n', 'integer', (column) => column.primaryKey())
          .addColumn('owner', 'text', (column) => column.notNull())
          .addColumn('epoch', int64, (column) => column.notNull())
          .execute();
        await db.schema
          .createTable('effect')
          .addColumn('entity', 'text', (column) => column.notNull())
          .addColumn('seq', int64, (column) => column.notNull())
          .addColumn('idx', 'integer', (column) => column.notNull())
          .addColumn('effect', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('effect_key', ['entity', 'seq', 'idx'])
          .execute();
        await db.schema
          .createTable('snapshot')
          .addColumn('entity', 'text', (column) => column.primaryKey())
          .addColumn('seq', int64, (column) => column.notNull())
          .addColumn('log_position', int64, (column) => column.notNull())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addColumn('state', bytes, (column) => column.notNull())
          .execute();
      },
    },
    '0002-dead-letters-and-tokens': {
      async up(db) {
        await db.schema
          .createTable('dead_letter')
          .addColumn('id', int64, (column) => column.primaryKey())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addColumn('stream', 'text', (column) => column.notNull())
          .addColumn('source', 'text', (column) => column.notNull())
          .addColumn('code', 'text', (column) => column.notNull())
          .addColumn('reason', 'text', (column) => column.notNull())
          .addColumn('body', 'text', (column) => column.notNull())
          .execute();
        await db.schema.createIndex('dead_letter_time').on('dead_letter').column('time_ms').execute();
        await db.schema.createIndex('dead_letter_stream').on('dead_letter').columns(['stream', 'id']).execute();
        await db.schema
          .createTable('token')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('role', 'text', (column) => column.notNull())
          .addColumn('hash', 'text', (column) => column.notNull().unique())
          .addColumn('created_at_ms', int64, (column) => column.notNull())
          .addColumn('created_by', 'text', (column) => column.notNull())
          .addColumn('expires_at_ms', int64)
          .addColumn('revoked_at_ms', int64)
          .addColumn('last_used_at_ms', int64)
          .execute();
      },
    },
    '0003-token-changes': {
      async up(db) {
        await db.schema
          .createTable('token_change')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addColumn('by_user', 'text', (column) => column.notNull())
          .addColumn('by_via', 'text', (column) => column.notNull())
          .addColumn('address', 'text')
          .addColumn('token', 'text', (column) => column.notNull())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('role', 'text', (column) => column.notNull())
          .addColumn('expires_at_ms', int64)
          .execute();
      },
    },
    '0004-command-hashes': {
      async up(db) {
        await db.schema.alterTable('command').addColumn('command_hash', 'text').execute();
        // People's and programs' ids move under their names, where new ones stand; journal rows stay as they were written.
        // Without the index this would read an entity's whole history for each of its commands.
        await db.schema.createIndex('journal_command').on('journal').columns(['command_id', 'entity']).execute();
        const byCaller = sql`select 1 from journal where journal.command_id = command.command_id
          and journal.entity = command.entity and journal.by_via in ('http', 'websocket')`;
        const user = sql`select replace(replace(by_user, '%', '%25'), ':', '%3A') from journal
          where journal.command_id = command.command_id and journal.entity = command.entity limit 1`;
        await sql`update command set command_id = 'caller:' || (${user}) || ':' || command_id
          where exists (${byCaller})`.execute(db);
        await db.schema.dropIndex('journal_command').execute();
      },
    },
  };
}
