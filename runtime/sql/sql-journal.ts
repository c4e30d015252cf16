import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import { CommandId, EntityId, kindOf } from '../ids.ts';
import {
  type AnsweredCommand,
  type Append,
  type Appended,
  isRepeat,
  type Journal,
  type JournalEntry,
  type JournalQuery,
  type PendingEffect,
  type Snapshot,
} from '../journal.ts';
import { type Epoch, SHARD_COUNT } from '../ownership.ts';
import { type AnswerRow, answerKey, appendStatements } from './append-statements.ts';
import { Identities } from './identity.ts';
import type { JournalSchema } from './schema.ts';
import { viaOf } from './via.ts';

type JournalRow = JournalSchema['journal'];

/**
 * The journal in SQL. One transaction a batch, and in it a handful of set-wise statements whatever the number of turns:
 * what is there is read first and every turn judged against it, so that a fenced turn costs the others nothing. The
 * unique keys stand behind that as the last word.
 */
export class SqlJournal implements Journal {
  readonly #db: Kysely<JournalSchema>;
  readonly #statements: ReturnType<typeof appendStatements>;
  readonly #identities: Identities;

  /** @param options.rowLocks true where transactions run beside each other and reading has to lock (PostgreSQL) */
  constructor(db: Kysely<JournalSchema>, options: { readonly rowLocks: boolean }) {
    this.#db = db;
    this.#statements = appendStatements(db, options.rowLocks);
    this.#identities = new Identities(db);
  }

  async append(batch: readonly Append[]): Promise<Appended[]> {
    for (const turn of batch) {
      if (turn.effects.length > 0 && turn.events.length === 0)
        throw new RangeError(`${turn.entity}: effects follow from events, and this turn has none`);
    }
    if (batch.length === 0) return [];
    return this.#db.transaction().execute((trx) => this.#appendIn(trx, batch));
  }

  async #appendIn(trx: Transaction<JournalSchema>, batch: readonly Append[]): Promise<Appended[]> {
    const statements = this.#statements;
    // First the end: where transactions run beside each other this row makes one wait for the other.
    let end = await statements.end(trx);
    const start = end;
    const epochs = await statements.epochs(trx, [...new Set(batch.map((turn) => turn.shard))]);
    const heads = await statements.heads(trx, [...new Set(batch.map((turn) => turn.entity))]);
    const answers = await statements.answers(trx, commandIds(batch));

    const rows: JournalRow[] = [];
    const commands: JournalSchema['command'][] = [];
    const effects: JournalSchema['effect'][] = [];
    const moved = new Map<EntityId, number>();
    const appended: Appended[] = [];
    for (const turn of batch) {
      const refusal = fence(turn, epochs.get(turn.shard), heads.get(turn.entity) ?? 0, answers);
      if (refusal) {
        appended.push(refusal);
        continue;
      }
      appended.push({ kind: 'committed', firstPosition: turn.events.length > 0 ? end + 1 : end });
      for (const [index, event] of turn.events.entries()) {
        end += 1;
        rows.push(rowOf(turn, event, turn.firstSeq + index, end));
      }
      for (const { index, effect } of turn.effects)
        effects.push({ entity: turn.entity, seq: turn.firstSeq, idx: index, effect: JSON.stringify(effect) });
      if (turn.events.length > 0) {
        const head = turn.firstSeq + turn.events.length - 1;
        heads.set(turn.entity, head);
        moved.set(turn.entity, head);
      }
      if (turn.commandId !== null) {
        const command = commandRowOf(turn, turn.commandId);
        answers.set(answerKey(turn.entity, turn.commandId), command);
        commands.push(command);
      }
    }
    await statements.insertRows(trx, rows);
    await statements.insertCommands(trx, commands);
    await statements.insertEffects(trx, effects);
    await statements.moveHeads(
      trx,
      [...moved].map(([entity, seq]) => ({ entity, kind: kindOf(entity), seq })),
    );
    if (end > start) await statements.moveEnd(trx, end);
    return appended;
  }

  async answered(entity: EntityId, commandId: CommandId): Promise<AnsweredCommand | undefined> {
    const row = await this.#db
      .selectFrom('command')
      .select(['answer', 'command_hash'])
      .where('command_id', '=', commandId)
      .where('entity', '=', entity)
      .executeTakeFirst();
    return row && { answer: JSON.parse(row.answer), commandHash: row.command_hash };
  }

  async events(entity: EntityId, afterSeq: number): Promise<JournalEntry[]> {
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
    await this.#db.transaction().execute(async (trx) => {
      for (const { entity, seq, logPosition, timeMs, state } of snapshots) {
        await trx
          .insertInto('snapshot')
          .values({ entity, seq, log_position: logPosition, time_ms: timeMs, state })
          .onConflict((conflict) =>
            conflict
              .column('entity')
              .doUpdateSet((eb) => ({
                seq: eb.ref('excluded.seq'),
                log_position: eb.ref('excluded.log_position'),
                time_ms: eb.ref('excluded.time_ms'),
                state: eb.ref('excluded.state'),
              }))
              // An owner that was replaced may still be writing: what it knows is older in one of the two.
              .where((eb) => notOlder(eb)),
          )
          .execute();
      }
    });
  }

  async snapshot(entity: EntityId): Promise<Snapshot | undefined> {
    const row = await this.#db.selectFrom('snapshot').selectAll().where('entity', '=', entity).executeTakeFirst();
    if (!row) return undefined;
    const { seq, log_position: logPosition, time_ms: timeMs, state } = row;
    return { entity, seq, logPosition, timeMs, state: new Uint8Array(state) };
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
    if (effects.length === 0) return;
    await this.#db.transaction().execute(async (trx) => {
      for (const { entity, seq, index } of effects) {
        await trx
          .deleteFrom('effect')
          .where('entity', '=', entity)
          .where('seq', '=', seq)
          .where('idx', '=', index)
          .execute();
      }
    });
  }

  /**
   * Takes every shard for one process, under an epoch above all that were. What an earlier process still has under way is
   * fenced from here on, and what follows has an identity of its own.
   */
  async claimAllShards(owner: string): Promise<Epoch> {
    return this.#db.transaction().execute(async (trx) => {
      // First the end, as an append does: one that is under way comes before, any other of an earlier process is fenced.
      await this.#identities.draw(trx, await this.#statements.end(trx));
      const { highest } = await trx
        .selectFrom('shard')
        .select((eb) => eb.fn.max('epoch').as('highest'))
        .executeTakeFirstOrThrow();
      const epoch = (highest ?? 0) + 1;
      await trx
        .insertInto('shard')
        .values(Array.from({ length: SHARD_COUNT }, (_, n) => ({ n, owner, epoch })))
        .onConflict((conflict) => conflict.column('n').doUpdateSet({ owner, epoch }))
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

/** Why a turn may not be written, or undefined when it may. */
function fence(
  turn: Append,
  epoch: Epoch | undefined,
  head: number,
  answers: ReadonlyMap<string, AnswerRow>,
): Appended | undefined {
  if (epoch !== turn.epoch) {
    return { kind: 'fenced', reason: `shard ${turn.shard} is at epoch ${epoch ?? 'none'}, not ${turn.epoch}` };
  }
  if (turn.commandId !== null) {
    const known = answers.get(answerKey(turn.entity, turn.commandId));
    if (known !== undefined) {
      return isRepeat({ commandHash: known.command_hash }, turn.commandHash)
        ? { kind: 'repeated', answer: JSON.parse(known.answer) }
        : { kind: 'reused' };
    }
  }
  if (turn.firstSeq !== head + 1) {
    return { kind: 'fenced', reason: `${turn.entity} is at ${head}, so ${turn.firstSeq} cannot come next` };
  }
  return undefined;
}

function commandIds(batch: readonly Append[]): CommandId[] {
  const ids = new Set<CommandId>();
  for (const turn of batch) if (turn.commandId !== null) ids.add(turn.commandId);
  return [...ids];
}

function commandRowOf({ entity, commandHash, answer, timeMs }: Append, commandId: CommandId): JournalSchema['command'] {
  return {
    entity,
    command_id: commandId,
    command_hash: commandHash,
    answer: JSON.stringify(answer),
    time_ms: timeMs,
  };
}

function rowOf(turn: Append, event: Append['events'][number], seq: number, position: number): JournalRow {
  return {
    position,
    entity: turn.entity,
    seq,
    shard: turn.shard,
    epoch: turn.epoch,
    command_id: turn.commandId,
    kind: event.kind,
    event: JSON.stringify(event.event),
    time_ms: turn.timeMs,
    by_user: turn.by.user,
    by_via: turn.by.via,
    log_position: turn.logPosition,
    before: JSON.stringify(event.before),
    after: JSON.stringify(event.after),
  };
}

function entryOf(row: JournalRow): JournalEntry {
  return {
    position: row.position,
    entity: EntityId.parse(row.entity),
    seq: row.seq,
    shard: row.shard,
    epoch: row.epoch,
    commandId: row.command_id === null ? null : CommandId.parse(row.command_id),
    kind: row.kind,
    event: JSON.parse(row.event),
    timeMs: row.time_ms,
    by: { user: row.by_user, via: viaOf(row.by_via) },
    logPosition: row.log_position,
    before: JSON.parse(row.before),
    after: JSON.parse(row.after),
  };
}

function notOlder(
  eb: ExpressionBuilder<JournalSchema & { excluded: JournalSchema['snapshot'] }, 'snapshot' | 'excluded'>,
) {
  return eb.and([
    eb('excluded.seq', '>=', eb.ref('snapshot.seq')),
    eb('excluded.log_position', '>=', eb.ref('snapshot.log_position')),
  ]);
}
