import type { Kysely } from 'kysely';
import type { DeadLetter, DeadLetterQuery, DeadLetterStore } from '../log.ts';
import type { Dialect } from './dialect.ts';
import type { JournalSchema } from './schema.ts';
import { storable } from './storable.ts';

/** Whatever the retention says of their age: a flood of bad data must not fill the disk. */
const MAX_COUNT = 100_000;
const ROWS_A_STATEMENT = 100;

/** Dead letters in SQL. The oldest make room: what is wrong now matters more than what was wrong last month. */
export class SqlDeadLetters implements DeadLetterStore {
  readonly #db: Kysely<JournalSchema>;
  readonly #dialect: Dialect;
  readonly #maxCount: number;

  constructor(db: Kysely<JournalSchema>, dialect: Dialect, options: { readonly maxCount?: number } = {}) {
    this.#db = db;
    this.#dialect = dialect;
    this.#maxCount = options.maxCount ?? MAX_COUNT;
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await this.#db.transaction().execute(async (trx) => {
      await this.#dialect.lock(trx, 'deadLetters');
      const newest = await trx.selectFrom('dead_letter').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
      let id = newest?.id ?? 0;
      for (let from = 0; from < letters.length; from += ROWS_A_STATEMENT) {
        const rows = letters.slice(from, from + ROWS_A_STATEMENT).map((letter) => rowOf(++id, letter));
        await trx.insertInto('dead_letter').values(rows).execute();
      }
      // Ids follow each other, so the newest id says how many are too many.
      await trx
        .deleteFrom('dead_letter')
        .where('id', '<=', id - this.#maxCount)
        .execute();
    });
  }

  async trim(beforeMs: number): Promise<void> {
    await this.#db.deleteFrom('dead_letter').where('time_ms', '<', beforeMs).execute();
  }

  async query(query: DeadLetterQuery): Promise<(DeadLetter & { readonly id: number })[]> {
    let select = this.#db.selectFrom('dead_letter').selectAll();
    if (query.stream !== undefined) select = select.where('stream', '=', query.stream);
    if (query.source !== undefined) select = select.where('source', '=', query.source);
    if (query.code !== undefined) select = select.where('code', '=', query.code);
    if (query.fromMs !== undefined) select = select.where('time_ms', '>=', query.fromMs);
    if (query.toMs !== undefined) select = select.where('time_ms', '<', query.toMs);
    if (query.before !== undefined) select = select.where('id', '<', query.before);
    const rows = await select.orderBy('id', 'desc').limit(query.limit).execute();
    return rows.map(({ id, time_ms: timeMs, stream, source, code, reason, body }) => ({
      id,
      timeMs,
      stream: streamOf(stream),
      source,
      code,
      reason,
      body: JSON.parse(body),
    }));
  }

  async counts(): Promise<Record<string, number>> {
    const rows = await this.#db
      .selectFrom('dead_letter')
      .select((eb) => ['stream', eb.fn.countAll<number>().as('count')])
      .groupBy('stream')
      .execute();
    return Object.fromEntries(rows.map((row) => [row.stream, row.count]));
  }
}

function rowOf(id: number, { timeMs, stream, source, code, reason, body }: DeadLetter): JournalSchema['dead_letter'] {
  return {
    id,
    time_ms: timeMs,
    stream,
    source: storable(source),
    code: storable(code),
    reason: storable(reason),
    body: JSON.stringify(body),
  };
}

const STREAMS = ['invalid_telemetry', 'invalid_events', 'messages', 'effects'] as const;

function streamOf(text: string): DeadLetter['stream'] {
  const stream = STREAMS.find((known) => known === text);
  if (stream === undefined) throw new TypeError(`a dead letter names an unknown stream: ${text}`);
  return stream;
}
