import { type Kysely, type Migration, Migrator, sql } from 'kysely';
import { ErrorWithCode, messageOf } from '../errors.ts';
import type { Dialect } from './dialect.ts';
import { drawIdentity } from './identity.ts';
import { postgresMigrations } from './postgres-migrations.ts';
import type { JournalSchema } from './schema.ts';

/** Brings the database to the newest schema. Only forward; a database from a newer program is refused, not touched. */
export async function migrate(db: Kysely<JournalSchema>, dialect: Dialect): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(dialect) } });
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
export function migrations(dialect: Dialect): Record<string, Migration> {
  const { int64, bytes, key } = dialect;
  const onPostgres = dialect.name === 'postgres';
  return {
    ...(onPostgres && postgresMigrations()),
    '0001-journal': {
      async up(db) {
        const journal = db.schema
          .createTable('journal')
          .addColumn('position', int64, (column) => column.primaryKey())
          .addColumn('entity', key, (column) => column.notNull())
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
          .addColumn('after', 'text', (column) => column.notNull());
        // A unique key of a partitioned table has its partition key in it; each partition has this one for itself.
        await (onPostgres
          ? journal.modifyEnd(sql`partition by range (position)`)
          : journal.addUniqueConstraint('journal_entity_seq', ['entity', 'seq'])
        ).execute();
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
          .addColumn('entity', key, (column) => column.primaryKey())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('seq', int64, (column) => column.notNull())
          .execute();
        await db.schema.createIndex('head_kind').on('head').columns(['kind', 'entity']).execute();
        await db.schema
          .createTable('command')
          .addColumn('command_id', key, (column) => column.notNull())
          .addColumn('entity', key, (column) => column.notNull())
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
          .addColumn('entity', key, (column) => column.notNull())
          .addColumn('seq', int64, (column) => column.notNull())
          .addColumn('idx', 'integer', (column) => column.notNull())
          .addColumn('effect', 'text', (column) => column.notNull())
          .addPrimaryKeyConstraint('effect_key', ['entity', 'seq', 'idx'])
          .execute();
        await db.schema
          .createTable('snapshot')
          .addColumn('entity', key, (column) => column.primaryKey())
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
          .addColumn('command_id', key, (column) => column.notNull())
          .addColumn('entity', key, (column) => column.notNull())
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
        const end = await db.selectFrom('journal_end').select('position').executeTakeFirstOrThrow();
        await db
          .insertInto('journal_identity')
          .values({ n: 1, identity: drawIdentity(), after_position: end.position, since_ms: Date.now() })
          .execute();
      },
    },
    '0007-ownership': {
      async up(db) {
        // Whoever owned a shard has ended: this version brings the rows by which owners know of each other.
        await db.schema
          .createTable('shard_with_owner')
          .addColumn('n', 'integer', (column) => column.primaryKey())
          .addColumn('owner', key)
          .addColumn('incarnation', key)
          .addColumn('epoch', int64, (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('target', key)
          .execute();
        await sql`insert into shard_with_owner (n, epoch, state) select n, epoch, 'free' from shard`.execute(db);
        const shards = Array.from({ length: 64 }, (_, n) => ({ n, epoch: 0, state: 'free' }));
        await db
          .insertInto('shard_with_owner')
          .values(shards)
          .onConflict((conflict) => conflict.column('n').doNothing())
          .execute();
        await db.schema.dropTable('shard').execute();
        await db.schema.alterTable('shard_with_owner').renameTo('shard').execute();
        await db.schema
          .createTable('node')
          .addColumn('id', key, (column) => column.notNull())
          .addColumn('incarnation', key, (column) => column.notNull())
          .addColumn('joined', int64, (column) => column.notNull())
          .addColumn('beat_ms', int64, (column) => column.notNull())
          .addColumn('state', 'text', (column) => column.notNull())
          .addColumn('may_hold', 'integer', (column) => column.notNull())
          .addColumn('leaving', 'integer', (column) => column.notNull())
          .addPrimaryKeyConstraint('node_key', ['id', 'incarnation'])
          .execute();
      },
    },
    '0010-replicas': {
      async up(db) {
        // Null: of this cell.
        await db.schema.alterTable('journal').addColumn('cell', 'text').execute();
        await db.schema
          .createTable('replica')
          .addColumn('cell', key, (column) => column.primaryKey())
          .addColumn('position', int64, (column) => column.notNull())
          .addColumn('identity', 'text')
          .execute();
      },
    },
    '0011-kept-commands': {
      async up(db) {
        await db.schema
          .createTable('kept_command')
          .addColumn('cell', key, (column) => column.notNull())
          .addColumn('key', key, (column) => column.notNull())
          .addColumn('entity', key, (column) => column.notNull())
          .addColumn('command_id', 'text', (column) => column.notNull())
          .addColumn('by_user', 'text', (column) => column.notNull())
          .addColumn('by_via', 'text', (column) => column.notNull())
          .addColumn('permissions', 'text', (column) => column.notNull())
          .addColumn('command', 'text', (column) => column.notNull())
          .addColumn('since_ms', int64, (column) => column.notNull())
          .addColumn('expires_at_ms', int64, (column) => column.notNull())
          .addColumn('sent', 'integer', (column) => column.notNull())
          .addColumn('under_way_until_ms', int64, (column) => column.notNull())
          .addColumn('reply', 'text')
          .addColumn('ended_ms', int64)
          .addPrimaryKeyConstraint('kept_command_key', ['cell', 'key'])
          .execute();
        await db.schema.createIndex('kept_command_ended').on('kept_command').column('ended_ms').execute();
      },
    },
    '0013-uplink-memory': {
      async up(db) {
        await db.schema
          .createTable('refused_command')
          .addColumn('key', key, (column) => column.primaryKey())
          .addColumn('reply', 'text', (column) => column.notNull())
          .addColumn('at_ms', int64, (column) => column.notNull())
          .execute();
        await db.schema.createIndex('refused_command_at').on('refused_command').column('at_ms').execute();
        await db.schema
          .createTable('uplink_place')
          .addColumn('lane', key, (column) => column.primaryKey())
          .addColumn('of', 'text', (column) => column.notNull())
          .addColumn('position', int64, (column) => column.notNull())
          .execute();
      },
    },
  };
}
