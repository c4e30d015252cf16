import { CompiledQuery, type Kysely, type Transaction } from 'kysely';
import type { JournalSchema } from './schema.ts';

type Trx = Transaction<JournalSchema>;
type Table = 'journal' | 'command' | 'effect' | 'head';

export type Holder = Pick<JournalSchema['shard'], 'owner' | 'incarnation' | 'epoch'>;
export type AnswerRow = Omit<JournalSchema['command'], 'time_ms'>;

/** Entity ids have no space. */
export function answerKey(entity: string, commandId: string): string {
  return `${entity} ${commandId}`;
}

/** At most 16 columns a row, so far below the 32,766 parameters that SQLite takes. */
const MAX_ROWS = 64;

/**
 * The statements of the hot path. Each is built and compiled once per size, and sizes are powers of two: a batch of any
 * length is then a few statements that the database has prepared already.
 */
export function appendStatements(db: Kysely<JournalSchema>) {
  const endQuery = db.selectFrom('journal_end').select('position').where('id', '=', 1).compile();
  const moveEnd = db.updateTable('journal_end').set({ position: 0 }).where('id', '=', 1).compile();

  const shards = bySize((n) =>
    db
      .selectFrom('shard')
      .select(['n', 'owner', 'incarnation', 'epoch'])
      .where('n', 'in', Array<number>(n).fill(0))
      .compile(),
  );
  const heads = bySize((n) =>
    db.selectFrom('head').select(['entity', 'seq']).where('entity', 'in', Array<string>(n).fill('')).compile(),
  );
  const commands = bySize((n) =>
    db
      .selectFrom('command')
      .select(['entity', 'command_id', 'command_hash', 'answer'])
      .where('command_id', 'in', Array<string>(n).fill(''))
      .compile(),
  );
  const insertHeads = bySize((n) =>
    db
      .insertInto('head')
      .values(Array(n).fill({ entity: '', kind: '', seq: 0 }))
      .onConflict((conflict) =>
        conflict.column('entity').doUpdateSet((eb) => ({ seq: eb.ref('excluded.seq'), retired: eb.lit(0) })),
      )
      .compile(),
  );
  const insert = (table: Table, columns: Record<string, unknown>) =>
    bySize((n) => db.insertInto(table).values(Array(n).fill(columns)).compile());
  const insertRows = insert('journal', blank(JOURNAL_COLUMNS));
  const insertCommands = insert('command', blank(COMMAND_COLUMNS));
  const insertEffects = insert('effect', blank(EFFECT_COLUMNS));

  return {
    async end(trx: Trx): Promise<number> {
      const { rows } = await trx.executeQuery(endQuery);
      const row = rows[0];
      if (!row) throw new Error('the journal has lost its end');
      return row.position;
    },
    async moveEnd(trx: Trx, position: number): Promise<void> {
      await trx.executeQuery({ ...moveEnd, parameters: [position, 1] });
    },
    async holders(trx: Trx, numbers: readonly number[]): Promise<Map<number, Holder>> {
      const rows = await select<Holder & { n: number }>(trx, shards, numbers);
      return new Map(rows.map((row) => [row.n, row]));
    },
    async heads(trx: Trx, entities: readonly string[]): Promise<Map<string, number>> {
      const rows = await select<{ entity: string; seq: number }>(trx, heads, entities);
      return new Map(rows.map((row) => [row.entity, row.seq]));
    },
    /** Keyed by entity and command id. */
    async answers(trx: Trx, ids: readonly string[]): Promise<Map<string, AnswerRow>> {
      const rows = await select<AnswerRow>(trx, commands, ids);
      return new Map(rows.map((row) => [answerKey(row.entity, row.command_id), row]));
    },
    insertRows: (trx: Trx, rows: readonly JournalSchema['journal'][]) => write(trx, insertRows, JOURNAL_COLUMNS, rows),
    insertCommands: (trx: Trx, rows: readonly JournalSchema['command'][]) =>
      write(trx, insertCommands, COMMAND_COLUMNS, rows),
    insertEffects: (trx: Trx, rows: readonly JournalSchema['effect'][]) =>
      write(trx, insertEffects, EFFECT_COLUMNS, rows),
    moveHeads: (trx: Trx, rows: readonly Pick<JournalSchema['head'], (typeof HEAD_COLUMNS)[number]>[]) =>
      write(trx, insertHeads, HEAD_COLUMNS, rows),
  };
}

const JOURNAL_COLUMNS = [
  'position',
  'entity',
  'seq',
  'shard',
  'epoch',
  'command_id',
  'kind',
  'event',
  'time_ms',
  'by_user',
  'by_via',
  'log_position',
  'before',
  'after',
] as const satisfies readonly (keyof JournalSchema['journal'])[];
const COMMAND_COLUMNS = ['entity', 'command_id', 'command_hash', 'answer', 'time_ms'] as const;
const EFFECT_COLUMNS = ['entity', 'seq', 'idx', 'effect'] as const;
const HEAD_COLUMNS = ['entity', 'kind', 'seq'] as const;

/** A row that only names its columns: it stands for the values when a statement is compiled. */
function blank(columns: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column) => [column, '']));
}

type BySize = (n: number) => CompiledQuery;

function bySize(compile: (n: number) => CompiledQuery): BySize {
  const compiled = new Map<number, CompiledQuery>();
  return (n) => {
    let query = compiled.get(n);
    if (!query) {
      query = compile(n);
      compiled.set(n, query);
    }
    return query;
  };
}

/** `where x in (…)` over any number of keys; a list is filled up with its last key, which changes nothing. */
async function select<Row>(trx: Trx, statement: BySize, keys: readonly (string | number)[]): Promise<Row[]> {
  const found: Row[] = [];
  for (let from = 0; from < keys.length; from += MAX_ROWS) {
    const parameters = keys.slice(from, from + MAX_ROWS);
    const last = parameters[parameters.length - 1];
    let size = 1;
    while (size < parameters.length) size *= 2;
    while (parameters.length < size && last !== undefined) parameters.push(last);
    const { rows } = await trx.executeQuery<Row>(withParameters<Row>(statement(size), parameters));
    for (const row of rows) found.push(row);
  }
  return found;
}

async function write<Row extends object, Column extends keyof Row & string>(
  trx: Trx,
  statement: BySize,
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<void> {
  let from = 0;
  while (from < rows.length) {
    let size = MAX_ROWS;
    while (size > rows.length - from) size /= 2;
    const parameters: unknown[] = [];
    for (let index = from; index < from + size; index++) {
      const row = rows[index];
      if (row) for (const column of columns) parameters.push(row[column]);
    }
    await trx.executeQuery(withParameters(statement(size), parameters));
    from += size;
  }
}

function withParameters<Row>(query: CompiledQuery, parameters: readonly unknown[]): CompiledQuery<Row> {
  return CompiledQuery.raw(query.sql, [...parameters]) as CompiledQuery<Row>;
}
