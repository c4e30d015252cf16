import { type Kysely, sql } from 'kysely';
import type { DropReport } from '../edge/disk-guard.ts';
import type { JournalSchema } from './schema.ts';

/** Room within the file of a journal in SQLite: what is free of it, and what may be dropped. */
export interface JournalSpace {
  /** Bytes of pages that nothing stands in; what comes next is written there. */
  freeBytes(): Promise<number>;
  /** What dropping all dead letters would free, nearly. */
  deadLetterBytes(): Promise<number>;
  /** Drops the oldest dead letters until about so much is free. */
  dropDeadLetters(bytes: number): Promise<DropReport>;
}

/** Of a row beside its texts, with its place in the index. */
const ROW_BYTES = 80;
/** Appends of the journal that wait come in between. */
const ROWS_A_STEP = 1000;
const bytesOfRow = sql<number>`length(source) + length(code) + length(reason) + length(body) + ${ROW_BYTES}`;

export class SqlJournalSpace implements JournalSpace {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async freeBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number }>`
      select freelist_count * page_size as bytes from pragma_freelist_count(), pragma_page_size()`.execute(this.#db);
    return rows[0]?.bytes ?? 0;
  }

  async deadLetterBytes(): Promise<number> {
    const { bytes } = await this.#db
      .selectFrom('dead_letter')
      .select(sql<number | null>`sum(${bytesOfRow})`.as('bytes'))
      .executeTakeFirstOrThrow();
    return bytes ?? 0;
  }

  async dropDeadLetters(bytes: number): Promise<DropReport> {
    const dropped = { bytes: 0, segments: 0, lost: 0 };
    let oldestMs: number | null = null;
    let newestMs: number | null = null;
    while (dropped.bytes < bytes) {
      const rows = await this.#db
        .selectFrom('dead_letter')
        .select(['id', 'time_ms', bytesOfRow.as('bytes')])
        .orderBy('id')
        .limit(ROWS_A_STEP)
        .execute();
      let last: number | undefined;
      for (const row of rows) {
        if (dropped.bytes >= bytes) break;
        last = row.id;
        dropped.bytes += row.bytes;
        dropped.segments++;
        oldestMs ??= row.time_ms;
        newestMs = row.time_ms;
      }
      if (last === undefined) break;
      await this.#db.deleteFrom('dead_letter').where('id', '<=', last).execute();
    }
    // No other place has them.
    return { ...dropped, lost: dropped.segments, oldestMs, newestMs };
  }
}
