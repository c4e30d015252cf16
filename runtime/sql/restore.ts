import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { EntityId } from '../ids.ts';
import type { PastEvent, Restored, Snapshot } from '../journal.ts';
import type { Dialect } from './dialect.ts';
import type { JournalSchema } from './schema.ts';
import { viaOf } from './via.ts';

type SnapshotRow = Pick<JournalSchema['snapshot'], 'seq' | 'log_position' | 'time_ms' | 'state'>;
type EventRow = Pick<JournalSchema['journal'], (typeof EVENT_COLUMNS)[number]>;

const EVENT_COLUMNS = ['entity', 'seq', 'event', 'time_ms', 'by_user', 'by_via', 'log_position'] as const;

/**
 * Snapshots and what came after them, of many entities in two statements. Snapshots first: one that is saved in between only
 * means that an event is read which it has already, and none is missing.
 */
export async function restore(
  db: Kysely<JournalSchema>,
  dialect: Dialect,
  ids: readonly EntityId[],
): Promise<Map<EntityId, Restored>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const snapshots = await snapshotsOf(db, dialect, wanted);
  const events = await eventsAfter(
    db,
    dialect,
    wanted.map((id) => ({ entity: id, after: snapshots.get(id)?.seq ?? 0 })),
  );
  return new Map(wanted.map((id) => [id, { snapshot: snapshots.get(id), events: events.get(id) ?? [] }]));
}

async function snapshotsOf(
  db: Kysely<JournalSchema>,
  dialect: Dialect,
  ids: readonly EntityId[],
): Promise<ReadonlyMap<EntityId, Snapshot>> {
  const { rows } = await sql<SnapshotRow & { at: number }>`
    select wanted.at, snapshot.seq, snapshot.log_position, snapshot.time_ms, snapshot.state
    from ${wantedIn(
      dialect,
      ids.map((entity, at) => ({ at, entity, after: 0 })),
    )}
    cross join ${perWanted(dialect, sql`select * from snapshot where entity = wanted.entity limit 1`, sql`snapshot`)}
    where snapshot.entity = wanted.entity`.execute(db);
  const found = new Map<EntityId, Snapshot>();
  for (const { at, seq, log_position: logPosition, time_ms: timeMs, state } of rows) {
    const entity = ids[at];
    if (entity !== undefined) found.set(entity, { entity, seq, logPosition, timeMs, state: new Uint8Array(state) });
  }
  return found;
}

async function eventsAfter(
  db: Kysely<JournalSchema>,
  dialect: Dialect,
  from: readonly { readonly entity: EntityId; readonly after: number }[],
): Promise<ReadonlyMap<EntityId, PastEvent[]>> {
  const columns = sql.join(EVENT_COLUMNS.slice(1).map((column) => sql.ref(`journal.${column}`)));
  const wanted = from.map(({ entity, after }, at) => ({ at, entity, after }));
  const { rows } = await sql<EventRow & { at: number }>`
    select wanted.at, ${columns}
    from ${wantedIn(dialect, wanted)}
    cross join ${perWanted(
      dialect,
      sql`select * from journal where entity = wanted.entity and seq > wanted.after order by seq`,
      sql`journal`,
    )}
    where journal.entity = wanted.entity and journal.seq > wanted.after
    order by wanted.at, journal.seq`.execute(db);
  const found = new Map<EntityId, PastEvent[]>();
  for (const row of rows) {
    const entity = from[row.at]?.entity;
    if (entity === undefined) continue;
    const known = found.get(entity);
    if (known) known.push(pastEventOf(row));
    else found.set(entity, [pastEventOf(row)]);
  }
  return found;
}

function pastEventOf(row: EventRow): PastEvent {
  return {
    seq: row.seq,
    event: JSON.parse(row.event),
    timeMs: row.time_ms,
    by: { user: row.by_user, via: viaOf(row.by_via) },
    logPosition: row.log_position,
  };
}

/** A list of entities as a table of the statement, in one parameter: the statement is the same for every number of them. */
function wantedIn(
  { name }: Dialect,
  wanted: readonly { readonly at: number; readonly entity: EntityId; readonly after: number }[],
): RawBuilder<unknown> {
  const list = JSON.stringify(wanted);
  if (name === 'postgres') return sql`jsonb_to_recordset(${list}::jsonb) as wanted(at int, entity text, after bigint)`;
  return sql`(select value ->> 'at' as at, value ->> 'entity' as entity, value ->> 'after' as after
    from json_each(${list})) as wanted`;
}

/**
 * Looked up one entity after the other by its key, whatever statistics say: a database that has never been analysed, or a
 * partition of millions of rows, may otherwise be read as a whole. PostgreSQL keeps to that where the query for one entity is
 * lateral and has an order or a limit, SQLite where the join is a cross join.
 */
function perWanted({ name }: Dialect, select: RawBuilder<unknown>, table: RawBuilder<unknown>): RawBuilder<unknown> {
  return name === 'postgres' ? sql`lateral (${select}) as ${table}` : table;
}
