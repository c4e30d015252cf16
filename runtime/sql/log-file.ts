import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { Backlog } from '../edge/forwarder.ts';
import { ErrorWithCode, messageOf } from '../errors.ts';
import { inTransaction, openSqliteFile, type SqliteConnection } from './sqlite.ts';
import { isSqliteFull } from './store-full.ts';

/** Records in one row of the file: bytes of `encodeRecords`. */
export interface LogBlock {
  readonly count: number;
  readonly data: Uint8Array;
}

export interface StoredBlock extends LogBlock {
  /** All of a buffer of its own. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly first: number;
  /** When it was written. */
  readonly timeMs: number;
}

/** What was let go of before its time, for want of room. */
export interface Dropped {
  readonly blocks: number;
  readonly records: number;
  readonly bytes: number;
  /** When the oldest and the newest of it were written; null: nothing was dropped. */
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
  /** Position of the last record that went. */
  readonly lastPosition: number;
}

/** Blocks of 50 to 100 KB: with larger pages they hang together in fewer pieces. */
const PAGE_SIZE = 16_384;
const TRIM_STEP = 64;
const VACUUM_STEP_PAGES = 512;

/**
 * The telemetry log's file, in its worker. A row is a block of records and is dropped whole. Dropped blocks leave free
 * pages that the next ones fill, so that a log with a steady rate neither grows nor moves data about; the file is made
 * smaller only when more than a quarter of it is free.
 */
export class LogFile {
  readonly #db: SqliteConnection;
  readonly #insert;
  readonly #reader: BlockReader;
  #end: number;

  constructor(file: string, options: { readonly maxBytes?: number | undefined } = {}) {
    this.#db = openSqliteFile(file, { pageSize: PAGE_SIZE });
    this.#db.exec(`create table if not exists block (
      first integer primary key, count integer not null, time_ms integer not null, data blob not null)`);
    this.#db.exec('create table if not exists log (id text not null)');
    if (this.#db.prepare('select id from log').all([]).length === 0)
      inTransaction(this.#db, () => this.#db.prepare('insert into log (id) values (?)').run([randomUUID()]));
    if (options.maxBytes !== undefined)
      this.#db.exec(`pragma max_page_count=${Math.max(8, Math.floor(options.maxBytes / PAGE_SIZE))}`);
    this.#insert = this.#db.prepare('insert into block (first, count, time_ms, data) values (?, ?, ?, ?)');
    this.#reader = new BlockReader(this.#db);
    const newest = Blocks.parse(
      this.#db.prepare('select first, count from block order by first desc limit 1').all([]),
    )[0];
    this.#end = newest ? newest.first + newest.count - 1 : 0;
  }

  /** Writes all blocks, or none; they are on the disk when this returns. Position of the first record. */
  append(blocks: readonly LogBlock[]): number {
    const first = this.#end + 1;
    let next = first;
    try {
      this.#db.exec('begin immediate');
      const timeMs = Date.now();
      for (const { count, data } of blocks) {
        this.#insert.run([next, count, timeMs, data]);
        next += count;
      }
      this.#db.exec('commit');
    } catch (error) {
      this.#undo();
      throw writeError(error);
    }
    this.#end = next - 1;
    return first;
  }

  read(afterPosition: number, limit: number): StoredBlock[] {
    return this.#reader.read(afterPosition, limit);
  }

  end(): number {
    return this.#end;
  }

  /** What it holds behind a position, without reading it. */
  backlog(afterPosition: number): Backlog {
    const left = Math.max(0, this.#end - Math.max(afterPosition, this.begin() - 1));
    if (left === 0) return { left, oldestMs: null };
    const [oldest] = Times.parse(
      this.#db
        .prepare('select time_ms from block where first + count > ? and first >= ? order by first limit 1')
        .all([afterPosition + 1, this.#startOf(afterPosition + 1)]),
    );
    return { left, oldestMs: oldest?.time_ms ?? null };
  }

  begin(): number {
    const oldest = Blocks.parse(this.#db.prepare('select first, count from block order by first limit 1').all([]))[0];
    return oldest?.first ?? this.#end + 1;
  }

  /** Raises the position of the next record; for a log that was lost while others remember how far it went. */
  skipTo(position: number): void {
    this.#end = Math.max(this.#end, position);
  }

  /** The newest block always stays: its position is where the log goes on. */
  async trim(options: { readonly beforePosition: number; readonly olderThanMs: number }): Promise<void> {
    const step = this.#db.prepare(`delete from block where first in (
      select first from block where first + count <= ? and time_ms < ?
      and first < (select max(first) from block) order by first limit ${TRIM_STEP})`);
    let dropped: number;
    do {
      dropped = inTransaction(this.#db, () => step.run([options.beforePosition, options.olderThanMs])).changes;
      // Appends that wait come in between.
      await nextTurn();
    } while (dropped === TRIM_STEP);
    while (this.#pragma('freelist_count') > Math.max(VACUUM_STEP_PAGES, this.#pragma('page_count') / 4)) {
      this.#vacuum();
      await nextTurn();
    }
  }

  /** The id that it was made with: positions mean something only together with it. */
  identity(): string {
    return logIdOf(this.#db);
  }

  /** What it holds, in bytes: pages that are free count as room. */
  heldBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * PAGE_SIZE;
  }

  /** Drops the oldest blocks, whoever still wants them, until so much has gone; the newest always stays. */
  async dropOldest(options: { readonly bytes: number; readonly beforePosition: number }): Promise<Dropped> {
    const oldest = this.#db.prepare(`select first, count, time_ms, length(data) as bytes from block
      where first + count <= ? and first < (select max(first) from block) order by first limit ${TRIM_STEP}`);
    const drop = this.#db.prepare('delete from block where first <= ?');
    const dropped = { blocks: 0, records: 0, bytes: 0, oldestMs: Number.NaN, newestMs: Number.NaN, lastPosition: 0 };
    while (dropped.bytes < options.bytes) {
      const step = Sizes.parse(oldest.all([options.beforePosition]));
      let last: number | undefined;
      for (const { first, count, time_ms, bytes } of step) {
        if (dropped.bytes >= options.bytes) break;
        last = first;
        dropped.blocks++;
        dropped.records += count;
        dropped.bytes += bytes;
        if (dropped.blocks === 1) dropped.oldestMs = time_ms;
        dropped.newestMs = time_ms;
        dropped.lastPosition = first + count - 1;
      }
      if (last === undefined) break;
      const upTo = last;
      inTransaction(this.#db, () => drop.run([upTo]));
      // Appends that wait come in between.
      await nextTurn();
    }
    while (this.#pragma('freelist_count') > 0) {
      this.#vacuum();
      // Else the pages that were moved stand in the write-ahead log, and the disk is as full as before.
      this.#db.prepare('pragma wal_checkpoint(truncate)').all([]);
      await nextTurn();
    }
    const { oldestMs, newestMs } = dropped;
    const none = dropped.blocks === 0;
    return { ...dropped, oldestMs: none ? null : oldestMs, newestMs: none ? null : newestMs };
  }

  close(): void {
    this.#db.close();
  }

  /** Of the block that holds a position, or would. */
  #startOf(position: number): number {
    return (
      Starts.parse(this.#db.prepare('select max(first) as first from block where first <= ?').all([position]))[0]
        ?.first ?? 0
    );
  }

  #vacuum(): void {
    inTransaction(this.#db, () => this.#db.prepare(`pragma incremental_vacuum(${VACUUM_STEP_PAGES})`).all([]));
  }

  #pragma(name: string): number {
    return z.array(z.record(z.string(), z.number())).parse(this.#db.prepare(`pragma ${name}`).all([]))[0]?.[name] ?? 0;
  }

  #undo(): void {
    try {
      if (this.#db.inTransaction) this.#db.exec('rollback');
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }
}

const Blocks = z.array(z.object({ first: z.number(), count: z.number() }));
const Times = z.array(z.object({ time_ms: z.number() }));
const Starts = z.array(z.object({ first: z.number().nullable() }));
const SizedBlock = z.object({ first: z.number(), count: z.number(), time_ms: z.number(), bytes: z.number() });
type SizedBlock = z.infer<typeof SizedBlock>;
const Sizes = z.array(SizedBlock);
const DataRows = z.array(z.object({ first: z.number(), data: z.instanceof(ArrayBuffer) }));

/**
 * Of blocks that are read together; one larger than this is read alone. Decoded they take some three times as much, and what
 * survives the collections of the young, of 4 MB, makes the memory of a process grow for as long as it reads.
 */
const READ_BYTES = 512 * 1024;

/** Reads blocks; also used by consumers that read the file on a connection of their own. */
export class BlockReader {
  readonly #sizes;
  readonly #data;

  constructor(db: SqliteConnection) {
    // First which ones, so that none is read in vain; a few at a time, and all of them fetched: a statement left half way would
    // hold the write-ahead log.
    this.#sizes = db.prepare(`select first, count, time_ms, length(data) as bytes from block
      where first >= coalesce((select max(first) from block where first <= ?), 0) order by first limit 64`);
    this.#data = db.prepare('select first, data from block where first >= ? and first <= ? order by first');
  }

  /** Blocks from the one that holds the record after the position, until about `limit` records or `READ_BYTES` are together. */
  read(afterPosition: number, limit: number): StoredBlock[] {
    const blocks: StoredBlock[] = [];
    let position = afterPosition;
    let records = 0;
    let bytes = 0;
    while (records < limit) {
      const wanted: SizedBlock[] = [];
      let isEnough = false;
      for (const block of Sizes.parse(this.#sizes.all([position + 1]))) {
        const { first, count } = block;
        if (first + count - 1 <= position) continue;
        isEnough = records >= limit || (bytes > 0 && bytes + block.bytes > READ_BYTES);
        if (isEnough) break;
        wanted.push(block);
        // Of the first block maybe only its end is wanted.
        records += first + count - 1 - Math.max(position, first - 1);
        position = first + count - 1;
        bytes += block.bytes;
      }
      blocks.push(...this.#blocksOf(wanted));
      if (wanted.length === 0 || isEnough) break;
    }
    return blocks;
  }

  #blocksOf(wanted: readonly SizedBlock[]): StoredBlock[] {
    const [oldest, newest] = [wanted[0], wanted.at(-1)];
    if (oldest === undefined || newest === undefined) return [];
    const rows = DataRows.parse(this.#data.all([oldest.first, newest.first]));
    const data = new Map(rows.map((row) => [row.first, new Uint8Array(row.data)]));
    return wanted.flatMap(({ first, count, time_ms }) => {
      const bytes = data.get(first);
      // Trimmed by another connection between the two: it has no readers any more.
      return bytes === undefined ? [] : [{ first, count, timeMs: time_ms, data: bytes }];
    });
  }
}

/** The id that a log file was created with: positions mean something only together with it. */
export function logIdOf(db: SqliteConnection): string {
  return z.array(z.object({ id: z.string() })).parse(db.prepare('select id from log').all([]))[0]?.id ?? '';
}

function writeError(cause: unknown): ErrorWithCode {
  return isSqliteFull(cause)
    ? new ErrorWithCode('LOG_DISK_FULL', 'the disk of the telemetry log is full', { cause })
    : new ErrorWithCode('LOG_WRITE_FAILED', `The telemetry log cannot be written: ${messageOf(cause)}`, { cause });
}
