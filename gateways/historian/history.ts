import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ErrorWithCode } from '../../runtime/errors.ts';
import type { RawQuery, Sample, WindowQuery, WindowRow } from '../../runtime/historian.ts';
import type { Json } from '../../runtime/json.ts';
import { inTransaction, openSqliteFile, type SqliteConnection } from '../../runtime/sql/sqlite.ts';
import { decodeColumn } from './chunk-codec.ts';
import { type Column, merge, pointValueOf, QUALITIES, qualityOf } from './column.ts';
import { DayBuffer } from './day-buffer.ts';
import { bytesOfFile, DAY_MS, DayFile, dayOf, dayOfFile, fileOfDay, removeFile } from './day-file.ts';
import { checkRaw, checkWindows } from './questions.ts';
import { isFrame, timeOfFrame, timeOfReading } from './readings.ts';
import { Windows } from './windows.ts';

/** Files kept open; a query over a year opens the others one after the other. */
const MAX_OPEN_FILES = 8;
/** Samples that one question may look at, some seconds of work. */
const MAX_SCANNED = 50_000_000;

/**
 * The history in memory and on disk, in its worker. Samples are gathered in memory by day and entity and written all
 * together now and then; a crash loses nothing, since the log still has what was not written. Each day's file knows what it
 * has, and `position` says from where the log has to be read again: never too late, and reading too early changes nothing.
 */
export class History {
  readonly #dir: string;
  readonly #log: string;
  readonly #state: SqliteConnection;
  readonly #days = new Set<number>();
  readonly #files = new Map<number, DayFile>();
  readonly #buffers = new Map<number, { readonly buffer: DayBuffer; readonly stored: number }>();
  #stored = 0;
  #ignored = 0;

  /** @param log id of the telemetry log: positions of another log mean nothing */
  constructor(dir: string, log: string) {
    this.#dir = dir;
    this.#log = log;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) {
      const day = dayOfFile(name);
      if (day !== undefined) this.#days.add(day);
    }
    this.#state = openSqliteFile(path.join(dir, 'historian.db'));
    this.#state.exec('create table if not exists source (log text primary key, position integer not null)');
    const rows = this.#state.prepare('select position from source where log = ?').all([log]);
    this.#stored = z.array(z.object({ position: z.number() })).parse(rows)[0]?.position ?? 0;
  }

  /** Everything up to this position of the log is on the disk. */
  get stored(): number {
    return this.#stored;
  }

  /** Instants and values that wait for `flush`. */
  get bufferedCells(): number {
    let cells = 0;
    for (const { buffer } of this.#buffers.values()) cells += buffer.cells;
    return cells;
  }

  add(position: number, source: unknown, observation: unknown): void {
    if (typeof source !== 'string' || !isFrame(observation)) {
      this.#ignored += 1;
      return;
    }
    const timeMs = timeOfFrame(observation);
    if (observation.times === null || observation.times === undefined) {
      this.#bufferFor(timeMs, position)?.add(source, timeMs, observation);
      return;
    }
    for (let index = 0; index < observation.points.length; index++) {
      const instant = timeOfReading(observation, index, timeMs);
      this.#bufferFor(instant, position)?.addSingle(source, instant, observation, index);
    }
  }

  /** Undefined: the day's file has this position already. */
  #bufferFor(timeMs: number, position: number): DayBuffer | undefined {
    const day = dayOf(timeMs);
    let entry = this.#buffers.get(day);
    if (!entry) {
      const stored = this.#days.has(day) ? this.#file(day).stored : 0;
      entry = { buffer: new DayBuffer(), stored };
      this.#buffers.set(day, entry);
    }
    return position > entry.stored ? entry.buffer : undefined;
  }

  /** Writes what is buffered. @param position everything of the log up to here was added */
  flush(position: number): void {
    if (position === this.#stored) return;
    for (const [day, { buffer }] of this.#buffers) {
      if (buffer.cells > 0) this.#file(day).write(buffer.strips(), position);
      this.#buffers.delete(day);
    }
    // Last: until here a crash reads the log again, and the days' own positions tell what they have.
    inTransaction(this.#state, () =>
      this.#state
        .prepare('insert into source values (?, ?) on conflict (log) do update set position = excluded.position')
        .run([this.#log, position]),
    );
    this.#stored = position;
  }

  raw(query: RawQuery): Sample[] {
    checkRaw(query);
    const samples: Sample[] = [];
    const newestFirst = query.newestFirst === true;
    for (const { column, from, to } of this.#runs(query, newestFirst)) {
      const step = newestFirst ? -1 : 1;
      for (let index = newestFirst ? to - 1 : from; index >= from && index < to; index += step) {
        if (samples.length === query.limit) return samples;
        const quality = QUALITIES[qualityOf(column, index)] ?? 'BAD';
        samples.push({ timeMs: column.times[index] ?? 0, value: pointValueOf(column, index), quality });
      }
    }
    return samples;
  }

  windows(query: WindowQuery): WindowRow[] {
    checkWindows(query);
    const windows = new Windows(query.windowMs, query.limit);
    for (const { column, from, to } of this.#runs(query, false)) {
      windows.add(column, from, to);
      if (windows.full) break;
    }
    windows.finish();
    return windows.rows;
  }

  /** The samples of a series by runs, each in the order of time and all of them apart. */
  *#runs(query: RawQuery, newestFirst: boolean): Generator<{ column: Column; from: number; to: number }> {
    const { entity, series, fromMs, toMs } = query;
    const days = [...new Set([...this.#days, ...this.#buffers.keys()])]
      .filter((day) => day < toMs && day + DAY_MS > fromMs)
      .sort((a, b) => (newestFirst ? b - a : a - b));
    let scanned = 0;
    for (const day of days) {
      const runs = runsOf(this.#pieces(day, entity, series, fromMs, toMs));
      for (const run of newestFirst ? runs.reverse() : runs) {
        const column = merge(run.map((piece) => piece.read()));
        scanned += column.size;
        if (scanned > MAX_SCANNED)
          throw new ErrorWithCode(
            'QUERY_TOO_LARGE',
            `the question covers over ${MAX_SCANNED} samples; ask for less time`,
          );
        yield { column, from: firstFrom(column, fromMs), to: firstFrom(column, toMs) };
      }
    }
  }

  /** In the order of their arrival. */
  #pieces(day: number, entity: string, series: string, fromMs: number, toMs: number): Piece[] {
    const pieces: Piece[] = [];
    if (this.#days.has(day)) {
      for (const { id, point, startMs, endMs } of this.#file(day).places(entity, series, fromMs, toMs)) {
        const read = () => decodeColumn(this.#file(day).data(id), point);
        pieces.push({ order: pieces.length, startMs, endMs, read });
      }
    }
    for (const { strip, point } of this.#buffers.get(day)?.buffer.stripsOf(entity, series) ?? []) {
      const read = () => strip.column(point, strip.times());
      pieces.push({ order: pieces.length, startMs: strip.startMs, endMs: strip.endMs, read });
    }
    return pieces;
  }

  #file(day: number): DayFile {
    let file = this.#files.get(day);
    if (file) {
      // To the end of the map: the first in it was not used for the longest time.
      this.#files.delete(day);
    } else {
      file = new DayFile(fileOfDay(this.#dir, day), this.#log);
      this.#days.add(day);
      const [oldest] = this.#files;
      if (oldest && this.#files.size >= MAX_OPEN_FILES) {
        oldest[1].close();
        this.#files.delete(oldest[0]);
      }
    }
    this.#files.set(day, file);
    return file;
  }

  statistics(): Record<string, Json> {
    const days = [...this.#days].sort((a, b) => a - b);
    const [oldest] = days;
    const newest = days.at(-1);
    let bytes = 0;
    for (const day of days) bytes += bytesOfFile(fileOfDay(this.#dir, day));
    const extent = newest === undefined ? undefined : this.#file(newest).extent();
    return {
      bytes,
      days: days.length,
      series: extent?.series ?? 0,
      oldestMs: oldest === undefined ? null : this.#file(oldest).extent().startMs,
      newestMs: extent?.endMs ?? null,
      bufferedCells: this.bufferedCells,
      storedPosition: this.#stored,
      ignored: this.#ignored,
    };
  }

  /** Deletes the files of days that ended before an instant. */
  trim(olderThanMs: number): void {
    for (const day of this.#days) {
      if (day + DAY_MS > olderThanMs) continue;
      this.#files.get(day)?.close();
      this.#files.delete(day);
      removeFile(fileOfDay(this.#dir, day));
      this.#days.delete(day);
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
    this.#state.close();
  }
}

interface Piece {
  readonly order: number;
  readonly startMs: number;
  readonly endMs: number;
  read(): Column;
}

/**
 * Pieces that overlap in time belong together, and only they have to be sorted. Data in order makes runs of one piece;
 * within a run pieces are in the order of their arrival again.
 */
function runsOf(pieces: Piece[]): Piece[][] {
  const runs: Piece[][] = [];
  let run: Piece[] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const piece of pieces.sort((a, b) => a.startMs - b.startMs)) {
    if (piece.startMs > endMs) {
      run = [];
      runs.push(run);
    }
    run.push(piece);
    endMs = Math.max(endMs, piece.endMs);
  }
  for (const one of runs) one.sort((a, b) => a.order - b.order);
  return runs;
}

/** Index of the first sample at or after an instant. */
function firstFrom(column: Column, timeMs: number): number {
  let low = 0;
  let high = column.size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((column.times[middle] ?? 0) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
