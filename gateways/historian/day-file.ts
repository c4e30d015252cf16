import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { openSqliteFile, type SqliteConnection } from '../../runtime/sql/sqlite.ts';
import { encodeChunk } from './chunk-codec.ts';
import type { Strip } from './strip.ts';

export const DAY_MS = 86_400_000;
const FILE_NAME = /^(\d{4}-\d\d-\d\d)\.db$/;

/** Where a chunk of a series lies, without its bytes. */
export interface ChunkPlace {
  readonly id: number;
  /** Which point of the chunk the series is. */
  readonly point: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The samples of one UTC day. The file remembers up to which position of the log it has everything of its day, in the same
 * transaction as the samples: applying the log again after a crash cannot store anything twice, and a day is dropped by
 * deleting its file.
 */
export class DayFile {
  readonly #db: SqliteConnection;
  readonly #log: string;
  readonly #insert;
  readonly #insertStrip;
  readonly #places;
  readonly #data;
  readonly #stripsOf;
  /** Ids of the strips by entity and points; filled when the file is first written to. */
  #strips: Map<string, number> | undefined;
  #stored: number;

  /** @param log id of the telemetry log that positions refer to */
  constructor(file: string, log: string) {
    this.#log = log;
    this.#db = openSqliteFile(file, { pageSize: 8192 });
    this.#db.exec('create table if not exists source (log text primary key, position integer not null)');
    this.#db.exec(`create table if not exists strip (
      id integer primary key, entity text not null, points text not null, unique (entity, points))`);
    this.#db.exec(`create table if not exists chunk (
      id integer primary key, strip integer not null references strip (id),
      start_ms integer not null, end_ms integer not null, data blob not null)`);
    this.#db.exec('create index if not exists chunk_time on chunk (strip, start_ms, end_ms)');
    this.#insert = this.#db.prepare('insert into chunk (strip, start_ms, end_ms, data) values (?, ?, ?, ?)');
    this.#insertStrip = this.#db.prepare('insert into strip (entity, points) values (?, ?)');
    this.#stripsOf = this.#db.prepare('select id, points from strip where entity = ? order by id');
    this.#places = this.#db.prepare(
      'select id, start_ms, end_ms from chunk where strip = ? and start_ms < ? and end_ms >= ? order by id',
    );
    this.#data = this.#db.prepare('select data from chunk where id = ?');
    const rows = this.#db.prepare('select position from source where log = ?').all([log]);
    this.#stored = Positions.parse(rows)[0]?.position ?? 0;
  }

  /** Everything of this day up to here is in the file. */
  get stored(): number {
    return this.#stored;
  }

  write(strips: Iterable<Strip>, position: number): void {
    this.#strips ??= this.#loadStrips();
    const added: string[] = [];
    try {
      this.#db.exec('begin immediate');
      for (const strip of strips) {
        if (strip.rows === 0) continue;
        this.#insert.run([this.#idOf(strip, this.#strips, added), strip.startMs, strip.endMs, encodeChunk(strip)]);
      }
      this.#db
        .prepare('insert into source values (?, ?) on conflict (log) do update set position = excluded.position')
        .run([this.#log, position]);
      this.#db.exec('commit');
    } catch (error) {
      for (const key of added) this.#strips.delete(key);
      try {
        if (this.#db.inTransaction) this.#db.exec('rollback');
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full.
      }
      throw error;
    }
    this.#stored = position;
  }

  #idOf(strip: Strip, known: Map<string, number>, added: string[]): number {
    const points = JSON.stringify(strip.points);
    const key = `${strip.entity} ${points}`;
    const id = known.get(key);
    if (id !== undefined) return id;
    const result = this.#insertStrip.run([strip.entity, points]);
    const created = Number(result.lastInsertRowid);
    known.set(key, created);
    added.push(key);
    return created;
  }

  #loadStrips(): Map<string, number> {
    const rows = StripRows.parse(this.#db.prepare('select id, entity, points from strip').all([]));
    return new Map(rows.map((row) => [`${row.entity} ${row.points}`, row.id]));
  }

  /** Chunks that may have samples of a series from an instant up to before another, in the order in which they were written. */
  places(entity: string, series: string, fromMs: number, toMs: number): ChunkPlace[] {
    const found: ChunkPlace[] = [];
    for (const strip of StripRows.parse(this.#stripsOf.all([entity]))) {
      const point = z.array(z.string()).parse(JSON.parse(strip.points)).indexOf(series);
      if (point < 0) continue;
      for (const row of PlaceRows.parse(this.#places.all([strip.id, toMs, fromMs])))
        found.push({ id: row.id, point, startMs: row.start_ms, endMs: row.end_ms });
    }
    return found.sort((a, b) => a.id - b.id);
  }

  data(id: number): ArrayBuffer {
    const row = DataRows.parse(this.#data.all([id]))[0];
    if (!row) throw new Error(`chunk ${id} has gone`);
    return row.data;
  }

  /** How many series have samples, and the first and last instant. */
  extent(): { series: number; startMs: number | null; endMs: number | null } {
    const [extent] = Extents.parse(
      this.#db
        .prepare(`select (select coalesce(sum(json_array_length(points)), 0) from strip) as series,
          (select min(start_ms) from chunk) as startMs, (select max(end_ms) from chunk) as endMs`)
        .all([]),
    );
    return extent ?? { series: 0, startMs: null, endMs: null };
  }

  close(): void {
    this.#db.close();
  }
}

const Positions = z.array(z.object({ position: z.number() }));
const StripRows = z.array(z.object({ id: z.number(), entity: z.string().default(''), points: z.string() }));
const PlaceRows = z.array(z.object({ id: z.number(), start_ms: z.number(), end_ms: z.number() }));
const DataRows = z.array(z.object({ data: z.instanceof(ArrayBuffer) }));
const Extents = z.array(z.object({ series: z.number(), startMs: z.number().nullable(), endMs: z.number().nullable() }));

export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS) * DAY_MS;
}

export function fileOfDay(dir: string, dayMs: number): string {
  return path.join(dir, `${new Date(dayMs).toISOString().slice(0, 10)}.db`);
}

/** Start of the day that a file name stands for, or undefined. */
export function dayOfFile(name: string): number | undefined {
  const date = FILE_NAME.exec(name)?.[1];
  return date === undefined ? undefined : Date.parse(`${date}T00:00:00Z`);
}

const PARTS = ['', '-wal', '-shm'];

export function bytesOfFile(file: string): number {
  let bytes = 0;
  for (const part of PARTS) bytes += statSync(`${file}${part}`, { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

export function removeFile(file: string): void {
  for (const part of PARTS) rmSync(`${file}${part}`, { force: true });
}
