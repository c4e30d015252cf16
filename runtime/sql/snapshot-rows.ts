import { type Kysely, sql } from 'kysely';
import type { EntityId } from '../ids.ts';
import type { Snapshot } from '../journal.ts';
import type { Dialect } from './dialect.ts';
import type { JournalSchema } from './schema.ts';

/** Some hundred parameters, far below the 32,766 that SQLite takes. */
const ROWS_A_STATEMENT = 100;
const NO_SHARD = -1;

/**
 * Writes snapshots, each unless there is a newer one, or its shard has gone to another owner. One statement, which locks the
 * rows of the shards for its own time alone: nobody claims one between the look and the write, and a process that is
 * suspended half-way keeps nobody waiting.
 */
export async function saveSnapshots(
  db: Kysely<JournalSchema>,
  dialect: Dialect,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const newest = [...newestOf(snapshots).values()];
  for (let from = 0; from < newest.length; from += ROWS_A_STATEMENT)
    await write(db, dialect, newest.slice(from, from + ROWS_A_STATEMENT));
}

async function write(db: Kysely<JournalSchema>, dialect: Dialect, snapshots: readonly Snapshot[]): Promise<void> {
  const int = sql.raw(dialect.rowLocks ? 'bigint' : 'integer');
  const bytes = sql.raw(dialect.rowLocks ? 'bytea' : 'blob');
  const rows = snapshots.map(({ entity, seq, logPosition, timeMs, state, under }) => {
    const [shard, epoch] = [under?.shard ?? null, under?.epoch ?? null];
    return sql`(cast(${entity} as text), cast(${seq} as ${int}), cast(${logPosition} as ${int}),
      cast(${timeMs} as ${int}), cast(${state} as ${bytes}), cast(${shard} as ${int}), cast(${epoch} as ${int}))`;
  });
  const shards = new Set(snapshots.map(({ under }) => under?.shard ?? NO_SHARD));
  const share = sql.raw(dialect.rowLocks ? 'for share' : '');
  await sql`
    with fresh (entity, seq, log_position, time_ms, state, shard, epoch) as (values ${sql.join(rows)}),
    held as (select n, epoch from shard where n in (${sql.join([...shards])}) order by n ${share})
    insert into snapshot (entity, seq, log_position, time_ms, state)
    select entity, seq, log_position, time_ms, state from fresh
    where shard is null
      or exists (select 1 from held where held.n = fresh.shard and held.epoch = fresh.epoch)
    on conflict (entity) do update set
      seq = excluded.seq, log_position = excluded.log_position, time_ms = excluded.time_ms, state = excluded.state
    where excluded.seq >= snapshot.seq and excluded.log_position >= snapshot.log_position
  `.execute(db);
}

/** One row an entity in a statement, and that the newest. */
function newestOf(snapshots: readonly Snapshot[]): Map<EntityId, Snapshot> {
  const newest = new Map<EntityId, Snapshot>();
  for (const snapshot of snapshots) {
    const known = newest.get(snapshot.entity);
    if (known === undefined || (snapshot.seq >= known.seq && snapshot.logPosition >= known.logPosition))
      newest.set(snapshot.entity, snapshot);
  }
  return newest;
}
