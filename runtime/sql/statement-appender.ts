import type { Kysely, Transaction } from 'kysely';
import type { NodeLife } from '../cluster-rows.ts';
import { type CommandId, type EntityId, kindOf } from '../ids.ts';
import { type Append, type Appended, isRepeat } from '../journal.ts';
import { type AnswerRow, answerKey, appendStatements, type Holder } from './append-statements.ts';
import { effectRowsOf, type JournalRow, rowOf } from './journal-rows.ts';
import type { JournalSchema } from './schema.ts';

/** How a batch of turns gets into the tables of a journal. */
export interface Appender {
  append(batch: readonly Append[], writer: NodeLife | undefined): Promise<Appended[]>;
  /** Resolves once nothing can still be written of what was given up for lack of an answer. */
  settled(): Promise<void>;
}

/**
 * Appends by statements, where one costs little (SQLite). One transaction a batch, and in it a handful of set-wise statements
 * whatever the number of turns: what is there is read first and every turn judged against it, so that a fenced turn costs the
 * others nothing. The unique keys stand behind that as the last word.
 */
export class StatementAppender implements Appender {
  readonly #db: Kysely<JournalSchema>;
  readonly #statements: ReturnType<typeof appendStatements>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
    this.#statements = appendStatements(db);
  }

  append(batch: readonly Append[], writer: NodeLife | undefined): Promise<Appended[]> {
    return this.#db.transaction().execute((trx) => this.#appendIn(trx, batch, writer));
  }

  /** A transaction ends before its answer is given, and no other runs beside it. */
  async settled(): Promise<void> {}

  async #appendIn(
    trx: Transaction<JournalSchema>,
    batch: readonly Append[],
    writer: NodeLife | undefined,
  ): Promise<Appended[]> {
    const statements = this.#statements;
    let end = await statements.end(trx);
    const start = end;
    const holders = await statements.holders(trx, [...new Set(batch.map((turn) => turn.shard))]);
    const heads = await statements.heads(trx, [...new Set(batch.map((turn) => turn.entity))]);
    const answers = await statements.answers(trx, commandIds(batch));

    const rows: JournalRow[] = [];
    const commands: JournalSchema['command'][] = [];
    const effects: JournalSchema['effect'][] = [];
    const moved = new Map<EntityId, number>();
    const appended: Appended[] = [];
    for (const turn of batch) {
      const refusal = fence(turn, writer, holders.get(turn.shard), heads.get(turn.entity) ?? 0, answers);
      if (refusal) {
        appended.push(refusal);
        continue;
      }
      appended.push({ kind: 'committed', firstPosition: turn.events.length > 0 ? end + 1 : end });
      for (let nth = 0; nth < turn.events.length; nth++) rows.push({ position: ++end, ...rowOf(turn, nth) });
      effects.push(...effectRowsOf(turn));
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
}

/** Why a turn may not be written, or undefined when it may. */
function fence(
  turn: Append,
  writer: NodeLife | undefined,
  holder: Holder | undefined,
  head: number,
  answers: ReadonlyMap<string, AnswerRow>,
): Appended | undefined {
  const epoch = holder && holds(writer, holder) ? holder.epoch : undefined;
  if (epoch !== turn.epoch) {
    const found = epoch ?? 'of another owner';
    return { kind: 'fenced', reason: `shard ${turn.shard} is at epoch ${found}, not ${turn.epoch}` };
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

/** A released shard is nobody's, though its epoch is still that of its last owner. */
function holds(writer: NodeLife | undefined, { owner, incarnation }: Holder): boolean {
  if (owner === null) return false;
  return writer === undefined || (owner === writer.node && incarnation === writer.incarnation);
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
