import { type Kysely, sql, type Transaction } from 'kysely';
import type { JournalReplicas, ReplicaPlace, ReplicaRows, ReplicaTaken } from '../edge/journal-replica.ts';
import type { JournalEntry } from '../journal.ts';
import type { Dialect } from './dialect.ts';
import type { JournalRow } from './journal-rows.ts';
import type { JournalSchema } from './schema.ts';
import { storable } from './storable.ts';

const ROWS_A_STATEMENT = 64;
/** Between two statements of a transaction; another node is sent the rows once more. */
const IDLE_MS = 1000;
const NOTHING: ReplicaPlace = { position: 0, identity: null };

/**
 * Journals of other cells, row by row, in the journal of this one: under positions of their own here, in the order of their
 * own there. A cell's place is moved in the transaction that writes its rows, so that each row is here once. Their entities
 * have no head here: nothing of them is brought up, and nothing is decided about them.
 */
export class SqlReplicas implements JournalReplicas {
  readonly #db: Kysely<JournalSchema>;
  readonly #dialect: Dialect;

  constructor(db: Kysely<JournalSchema>, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  place(cell: string): Promise<ReplicaPlace> {
    return placeIn(this.#db, cell);
  }

  async take({ cell, after, identity, entries }: ReplicaRows): Promise<ReplicaTaken> {
    return this.#db.transaction().execute(async (trx) => {
      const isPostgres = this.#dialect.name === 'postgres';
      // Whoever is suspended in here holds the end of the journal, and with it every commit of the cell.
      if (isPostgres) await sql`set local idle_in_transaction_session_timeout = ${sql.lit(IDLE_MS)}`.execute(trx);
      // As an append does, ahead of its first row.
      if (isPostgres) await sql`select continue_journal()`.execute(trx);
      const locked = trx.selectFrom('journal_end').select('position').where('id', '=', 1);
      // First the end: whoever else copies rows of this cell, or appends, comes before or after all of this.
      const { position: end } = await (isPostgres ? locked.forUpdate() : locked).executeTakeFirstOrThrow();
      const place = await placeIn(trx, cell);
      if (place.position !== after) return { kind: 'elsewhere', place };
      const last = entries.at(-1);
      if (last === undefined) return { kind: 'taken', place, entries: [] };
      const copied = entries.map((entry, index) => ({ ...entry, position: end + 1 + index, cell }));
      if (isPostgres) await sql`select keep_journal_partitions(${end + entries.length})`.execute(trx);
      await insert(trx, copied, await ownLogPosition(trx));
      await trx
        .updateTable('journal_end')
        .set({ position: end + entries.length })
        .where('id', '=', 1)
        .execute();
      const moved = { position: last.position, identity };
      await trx
        .insertInto('replica')
        .values({ cell, ...moved })
        .onConflict((conflict) => conflict.column('cell').doUpdateSet(moved))
        .execute();
      return { kind: 'taken', place: moved, entries: copied };
    });
  }
}

async function placeIn(db: Kysely<JournalSchema>, cell: string): Promise<ReplicaPlace> {
  const row = await db
    .selectFrom('replica')
    .select(['position', 'identity'])
    .where('cell', '=', cell)
    .executeTakeFirst();
  return row ?? NOTHING;
}

/** A log position of the cell means nothing here: its rows stand where the log of this one stood last. */
async function ownLogPosition(trx: Transaction<JournalSchema>): Promise<number> {
  const newest = await trx
    .selectFrom('journal')
    .select('log_position')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.log_position ?? 0;
}

async function insert(
  trx: Transaction<JournalSchema>,
  entries: readonly (JournalEntry & { readonly cell: string })[],
  logPosition: number,
): Promise<void> {
  for (let from = 0; from < entries.length; from += ROWS_A_STATEMENT) {
    const rows = entries.slice(from, from + ROWS_A_STATEMENT).map((entry) => rowOf(entry, logPosition));
    await trx.insertInto('journal').values(rows).execute();
  }
}

function rowOf(entry: JournalEntry & { readonly cell: string }, logPosition: number): JournalRow {
  return {
    position: entry.position,
    entity: entry.entity,
    seq: entry.seq,
    shard: entry.shard,
    epoch: entry.epoch,
    command_id: entry.commandId,
    kind: entry.kind,
    event: JSON.stringify(entry.event),
    time_ms: entry.timeMs,
    by_user: storable(entry.by.user),
    by_via: entry.by.via,
    log_position: logPosition,
    before: JSON.stringify(entry.before),
    after: JSON.stringify(entry.after),
    cell: entry.cell,
  };
}
