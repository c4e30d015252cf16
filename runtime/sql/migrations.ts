import { type Kysely, type Migration, Migrator, sql } from 'kysely';
import { ErrorWithCode, messageOf } from '../errors.ts';
import { drawIdentity } from './identity.ts';
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
export function migrations({ int64, bytes }: ColumnTypes): Record<string, Migration> {
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
        await db.schema
          .createTable('command_with_hash')
          .addColumn('command_id', 'text', (column) => column.notNull())
          .addColumn('entity', 'text', (column) => column.notNull())
          .addColumn('command_hash', 'text')
          .addColumn('answer', 'text', (column) => column.notNull())
          .addColumn('time_ms', int64, (column) => column.notNull())
          .addPrimaryKeyConstraint('command_id_key', ['command_id', 'entity'])
          .execute();
        // Ids of people and programs move under their names, where new ones stand (`callersCommandId`), so that a repeat is
        // still known. The journal says whose they were; its rows stay as they were written.
        await sql`insert into command_with_hash (command_id, entity, answer, time_ms)
          select case when asked.by_via in ('http', 'websocket')
            then 'caller:' || replace(replace(asked.by_user, '%', '%25'), ':', '%3A') || ':' || command.command_id
            else command.command_id end, command.entity, command.answer, command.time_ms
          from command left join (
            select command_id, entity, min(by_via) as by_via, min(by_user) as by_user
            from journal where command_id is not null group by command_id, entity
          ) as asked on asked.command_id = command.command_id and asked.entity = command.entity
          where true on conflict do nothing`.execute(db);
        await db.schema.dropTable('command').execute();
        await db.schema.alterTable('command_with_hash').renameTo('command').execute();
      },
    },
    '0005-retired': {
      async up(db) {
        await db.schema
          .alterTable('head')
          .addColumn('retired', 'integer', (column) => column.notNull().defaultTo(0))
          .execute();
      },
    },
    '0006-identity': {
      async up(db) {
        await db.schema
          .createTable('journal_identity')
          .addColumn('n', int64, (column) => column.primaryKey())
          .addColumn('identity', 'text', (column) => column.notNull().unique())
          .addColumn('after_position', int64, (column) => column.notNull())
          .addColumn('since_ms', int64, (column) => column.notNull())
          .execute();
        await sql`insert into journal_identity (n, identity, after_position, since_ms)
          select 1, ${drawIdentity()}, position, ${Date.now()} from journal_end where id = 1`.execute(db);
      },
    },
  };
}
