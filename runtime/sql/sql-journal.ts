import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { NodeLife } from '../cluster-rows.ts';
import { type CommandId, EntityId } from '../ids.ts';
import type {
  AnsweredCommand,
  Append,
  Appended,
  Journal,
  JournalEntry,
  JournalQuery,
  PendingEffect,
  Restored,
  Snapshot,
} from '../journal.ts';
import type { Epoch } from '../ownership.ts';
import type { Dialect } from './dialect.ts';
import { Identities } from './identity.ts';
import { entryOf } from './journal-rows.ts';
import { restore } from './restore.ts';
import type { JournalSchema } from './schema.ts';
import { saveSnapshots } from './snapshot-rows.ts';
import { type Appender, StatementAppender } from './statement-appender.ts';

/** Rows in one statement: some hundred parameters, far below the 32,766 that SQLite takes. */
const ROWS_A_STATEMENT = 100;

/** The journal in SQL, in whichever of the two databases: how a batch is appended is what they differ in. */
export class SqlJournal implements Journal {
  readonly #db: Kysely<JournalSchema>;
  readonly #dialect: Dialect;
  readonly #appender: Appender;
  readonly #identities: Identities;

  constructor(db: Kysely<JournalSchema>, dialect: Dialect, appender: Appender = new StatementAppender(db)) {
    this.#db = db;
    this.#dialect = dialect;
    this.#appender = appender;
    this.#identities = new Identities(db, dialect);
  }

  async append(batch: readonly Append[], writer?: NodeLife): Promise<Appended[]> {
    for (const turn of batch) {
      if (turn.effects.length > 0 && turn.events.length === 0)
        throw new RangeError(`${turn.entity}: effects follow from events, and this turn has none`);
    }
    if (batch.length === 0) return [];
    await this.#appender.settled();
    return this.#appender.append(batch, writer);
  }

  async answered(entity: EntityId, commandId: CommandId): Promise<AnsweredCommand | undefined> {
    await this.#appender.settled();
    const row = await this.#db
      .selectFrom('command')
      .select(['answer', 'command_hash'])
      .where('command_id', '=', commandId)
      .where('entity', '=', entity)
      .executeTakeFirst();
    return row && { answer: JSON.parse(row.answer), commandHash: row.command_hash };
  }

  async events(entity: EntityId, afterSeq: number): Promise<JournalEntry[]> {
    await this.#appender.settled();
    const rows = await this.#db
      .selectFrom('journal')
      .selectAll()
      .where('entity', '=', entity)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .execute();
    return rows.map(entryOf);
  }

  async query(query: JournalQuery): Promise<JournalEntry[]> {
    if (query.kinds?.length === 0) return [];
    let select = this.#db.selectFrom('journal').selectAll();
    if (query.entity !== undefined) select = select.where('entity', '=', query.entity);
    if (query.kinds !== undefined) select = select.where('kind', 'in', [...query.kinds]);
    if (query.after !== undefined) select = select.where('position', '>', query.after);
    if (query.before !== undefined) select = select.where('position', '<', query.before);
    if (query.user !== undefined) select = select.where('by_user', '=', query.user);
    if (query.fromMs !== undefined) select = select.where('time_ms', '>=', query.fromMs);
    if (query.toMs !== undefined) select = select.where('time_ms', '<', query.toMs);
    const rows = await select
      .orderBy('position', query.newestFirst ? 'desc' : 'asc')
      .limit(query.limit)
      .execute();
    return rows.map(entryOf);
  }

  async end(): Promise<number> {
    const row = await this.#db.selectFrom('journal_end').select('position').executeTakeFirstOrThrow();
    return row.position;
  }

  identity(): Promise<string> {
    return this.#identities.newest();
  }

  includes(identity: string, position: number): Promise<boolean> {
    return this.#identities.include(identity, position);
  }

  async saveSnapshots(snapshots: readonly Snapshot[]): Promise<void> {
    await saveSnapshots(this.#db, this.#dialect, snapshots);
  }

  async snapshot(entity: EntityId): Promise<Snapshot | undefined> {
    const row = await this.#db.selectFrom('snapshot').selectAll().where('entity', '=', entity).executeTakeFirst();
    if (!row) return undefined;
    const { seq, log_position: logPosition, time_ms: timeMs, state } = row;
    return { entity, seq, logPosition, timeMs, state: new Uint8Array(state) };
  }

  async restore(entities: readonly EntityId[]): Promise<ReadonlyMap<EntityId, Restored>> {
    await this.#appender.settled();
    return restore(this.#db, this.#dialect, entities);
  }

  async entities(kind?: string): Promise<EntityId[]> {
    let select = this.#db.selectFrom('head').select('entity').where('retired', '=', 0).orderBy('entity');
    if (kind !== undefined) select = select.where('kind', '=', kind);
    return (await select.execute()).map((row) => EntityId.parse(row.entity));
  }

  async retire(entity: EntityId, seq: number): Promise<void> {
    const head = this.#db.updateTable('head').set({ retired: 1 });
    await head.where('entity', '=', entity).where('seq', '=', seq).execute();
  }

  async pendingEffects(): Promise<PendingEffect[]> {
    await this.#appender.settled();
    const rows = await this.#db
      .selectFrom('effect')
      .innerJoin('journal', (join) =>
        join.onRef('journal.entity', '=', 'effect.entity').onRef('journal.seq', '=', 'effect.seq'),
      )
      .select(['effect.entity', 'effect.seq', 'effect.idx', 'effect.effect'])
      .orderBy('journal.position')
      .orderBy('effect.idx')
      .execute();
    return rows.map((row) => ({
      entity: EntityId.parse(row.entity),
      seq: row.seq,
      index: row.idx,
      effect: JSON.parse(row.effect),
    }));
  }

  async settle(effects: readonly { entity: EntityId; seq: number; index: number }[]): Promise<void> {
    for (const part of inParts(effects)) {
      await this.#db
        .deleteFrom('effect')
        .where((eb) => eb.or(part.map(({ entity, seq, index }) => eb.and({ entity, seq, idx: index }))))
        .execute();
    }
  }

  /**
   * Takes every shard for one process, under an epoch above all that were. What an earlier process still has under way is
   * fenced from here on.
   */
  async claimAllShards(owner: string): Promise<Epoch> {
    return this.#db.transaction().execute(async (trx) => {
      // First the end, as an append does: one that is under way comes before, any other of an earlier process is fenced.
      const end = trx.selectFrom('journal_end').select('position').where('id', '=', 1);
      const { position } = await (this.#dialect.rowLocks ? end.forUpdate() : end).executeTakeFirstOrThrow();
      await this.#identities.takenOver(trx, position);
      const { highest } = await trx
        .selectFrom('shard')
        .select((eb) => eb.fn.max('epoch').as('highest'))
        .executeTakeFirstOrThrow();
      const epoch = (highest ?? 0) + 1;
      await trx
        .updateTable('shard')
        .set({ owner, incarnation: randomUUID(), epoch, state: 'open', target: null })
        .execute();
      return epoch;
    });
  }

  /** The highest log position that a decision or a snapshot refers to. */
  async logPosition(): Promise<number> {
    const newest = await this.#db
      .selectFrom('journal')
      .select('log_position')
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    const { highest } = await this.#db
      .selectFrom('snapshot')
      .select((eb) => eb.fn.max('log_position').as('highest'))
      .executeTakeFirstOrThrow();
    return Math.max(newest?.log_position ?? 0, highest ?? 0);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

function* inParts<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += ROWS_A_STATEMENT) yield items.slice(from, from + ROWS_A_STATEMENT);
}
