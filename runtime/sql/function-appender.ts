import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { NodeLife } from '../cluster-rows.ts';
import { ErrorWithCode } from '../errors.ts';
import { kindOf } from '../ids.ts';
import type { Append, Appended } from '../journal.ts';
import { effectRowsOf, rowOf } from './journal-rows.ts';
import type { JournalSchema } from './schema.ts';
import type { Appender } from './statement-appender.ts';

const Answers = z
  .array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('committed'), firstPosition: z.number() }),
      z.object({ kind: z.literal('repeated'), answer: z.string() }),
      z.object({ kind: z.literal('reused') }),
      z.object({ kind: z.literal('fenced'), reason: z.string() }),
    ]),
  )
  .nullable();

/**
 * Appends by the function `append_batch` of the database, where a statement is a way over the network (PostgreSQL): one call
 * a batch, which is a transaction by itself.
 *
 * A call without an answer (the connection broke, or hung for too long) may have been committed, or may be yet, as long as the
 * server has it. Nothing is read on the strength of such a moment: the batch is crossed out first, by its id and under the
 * lock of the journal's end. From then on it is in the journal or never will be.
 */
export class FunctionAppender implements Appender {
  readonly #db: Kysely<JournalSchema>;
  readonly #unanswered = new Set<string>();

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async append(batch: readonly Append[], writer: NodeLife | undefined): Promise<Appended[]> {
    const id = randomUUID();
    const { turns, rows, effects } = tablesOf(batch);
    let answers: z.infer<typeof Answers>;
    try {
      const result = await sql<{ answers: unknown }>`select append_batch(${id}::uuid, ${turns}::jsonb, ${rows}::jsonb,
        ${effects}::jsonb, ${writer?.node ?? null}::text, ${writer?.incarnation ?? null}::text) as answers`.execute(
        this.#db,
      );
      answers = Answers.parse(result.rows[0]?.answers);
    } catch (error) {
      this.#unanswered.add(id);
      throw error;
    }
    if (answers === null) throw new ErrorWithCode('STORE_FAILED', 'the batch was given up before it arrived');
    return answers.map((answer) =>
      answer.kind === 'repeated' ? { kind: 'repeated', answer: JSON.parse(answer.answer) } : answer,
    );
  }

  async settled(): Promise<void> {
    for (const id of this.#unanswered) {
      await sql`select give_up_append(${id}::uuid)`.execute(this.#db);
      this.#unanswered.delete(id);
    }
  }
}

/** A batch as three tables in JSON. Turns are numbered from 1, as the database numbers what is in an array. */
function tablesOf(batch: readonly Append[]): { turns: string; rows: string; effects: string } {
  const turns: object[] = [];
  const rows: object[] = [];
  const effects: object[] = [];
  for (const [index, append] of batch.entries()) {
    const turn = index + 1;
    turns.push({
      entity: append.entity,
      kind: kindOf(append.entity),
      seq: append.firstSeq,
      events: append.events.length,
      shard: append.shard,
      epoch: append.epoch,
      command_id: append.commandId,
      command_hash: append.commandHash,
      answer: JSON.stringify(append.answer),
      time_ms: append.timeMs,
    });
    for (let nth = 0; nth < append.events.length; nth++) rows.push({ turn, nth: nth + 1, ...rowOf(append, nth) });
    for (const row of effectRowsOf(append)) effects.push({ turn, ...row });
  }
  return { turns: JSON.stringify(turns), rows: JSON.stringify(rows), effects: JSON.stringify(effects) };
}
