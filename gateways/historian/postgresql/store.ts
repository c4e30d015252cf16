import { CompiledQuery, type Kysely } from 'kysely';
import { z } from 'zod';
import type { Frame } from '../../../actors/frame.ts';
import type { RawQuery, Sample, WindowQuery, WindowRow } from '../../../runtime/historian.ts';
import { kyselyOnPostgres } from '../../../runtime/sql/postgres.ts';
import type { PostgresAddress } from '../../../runtime/sql/postgres-url.ts';
import { DAY_MS } from '../day-file.ts';
import { checkRaw, checkWindows } from '../questions.ts';
import { isFrame } from '../readings.ts';
import { writeWithoutRefused } from '../refused.ts';
import type { LoggedRecord, SampleStore, Stored } from '../sample-store.ts';
import { SampleBatch } from './batch.ts';
import { RAW, sampleOf, WINDOWS, windowOf, within } from './questions.ts';
import { SeriesIds } from './series-ids.ts';
import { dayOfPartition, INSERT_SAMPLES, KEEP_POSITION, partitionOfDay, TABLES } from './tables.ts';

export interface PostgresStoreOptions {
  readonly address: PostgresAddress;
  /** Id of the telemetry log: positions of another log mean nothing. */
  readonly log: string;
  readonly answerTimeoutMs: number;
}

/** In one statement: some megabytes. */
const MAX_READINGS = 50_000;
/** One writes, the others answer questions. */
const MAX_CONNECTIONS = 4;

type FrameRecord = LoggedRecord & { readonly observation: Frame };

/** Samples in PostgreSQL, beside the journal or in a database of their own. What is acknowledged can be asked for at once. */
export class PostgresStore implements SampleStore {
  readonly #db: Kysely<unknown>;
  readonly #log: string;
  readonly #ids = new SeriesIds();
  readonly #days = new Set<number>();

  constructor({ address, log, answerTimeoutMs }: PostgresStoreOptions) {
    this.#log = log;
    this.#db = kyselyOnPostgres<unknown>(address, {
      name: 'signalbox historian',
      maxConnections: MAX_CONNECTIONS,
      statementTimeoutMs: answerTimeoutMs,
      answerTimeoutMs: answerTimeoutMs + 2000,
    });
  }

  async connect(): Promise<number> {
    // What somebody has dropped meanwhile is made again.
    this.#ids.clear();
    this.#days.clear();
    for (const table of TABLES) await this.#query(table);
    return this.position();
  }

  async position(): Promise<number> {
    const [row] = await this.#query('select position from history_position where log = $1', [this.#log]);
    return row === undefined ? 0 : z.object({ position: z.number() }).parse(row).position;
  }

  async store(given: readonly LoggedRecord[]): Promise<Stored> {
    const records = atOnce(given);
    const frames = records.filter((record): record is FrameRecord => isFrame(record.observation));
    await this.#ids.learn(
      frames.map(({ source, observation }) => [source, observation.points] as const),
      (text, parameters) => this.#query(text, parameters),
    );
    const storedAtMs = Date.now();
    let readings = 0;
    const refused = await writeWithoutRefused(frames, async (parts) => {
      readings += await this.#insert(parts, storedAtMs);
    });
    const position = records.at(-1)?.position ?? 0;
    // Last: a crash before it makes the same rows be sent again, which changes nothing.
    await this.#query(KEEP_POSITION, [this.#log, position]);
    return { position, readings, ignored: records.length - frames.length, refused };
  }

  async #insert(frames: readonly FrameRecord[], storedAtMs: number): Promise<number> {
    const batch = new SampleBatch();
    for (const { source, observation, loggedAtMs } of frames) {
      const ids = observation.points.map((point) => this.#ids.get(source, point) ?? 0);
      batch.add(ids, observation, loggedAtMs);
    }
    for (const day of batch.days) {
      if (this.#days.has(day)) continue;
      await this.#query(partitionOfDay(day).create);
      this.#days.add(day);
    }
    await this.#query(INSERT_SAMPLES, batch.parameters(storedAtMs));
    return batch.rows;
  }

  async settle(): Promise<void> {}

  async raw(query: RawQuery): Promise<Sample[]> {
    checkRaw(query);
    const text = query.newestFirst === true ? RAW.newestFirst : RAW.oldestFirst;
    return (await this.#query(text, parametersOf(query))).map(sampleOf);
  }

  async windows(query: WindowQuery): Promise<WindowRow[]> {
    checkWindows(query);
    const rows = await this.#query(WINDOWS, [...parametersOf(query), query.windowMs]);
    return rows.map((row) => windowOf(row, query));
  }

  async trim(olderThanMs: number): Promise<void> {
    for (const { name, day } of await this.#partitions()) {
      if (day + DAY_MS > olderThanMs) continue;
      await this.#query(`drop table if exists ${name}`);
      this.#days.delete(day);
    }
  }

  async extent(): Promise<Record<string, number | null>> {
    const partitions = await this.#partitions();
    const [oldest] = partitions;
    const newest = partitions.at(-1);
    const [row] = await this.#query('select count(*) as series from history_series');
    return {
      bytes: partitions.reduce((sum, { bytes }) => sum + bytes, 0),
      days: partitions.length,
      series: z.object({ series: z.number() }).parse(row).series,
      oldestMs: oldest === undefined ? null : await this.#endOf(oldest.name, 'asc'),
      newestMs: newest === undefined ? null : await this.#endOf(newest.name, 'desc'),
    };
  }

  /** The first or last instant of a day, by one look at the index for each series instead of one at each sample. */
  async #endOf(partition: string, order: 'asc' | 'desc'): Promise<number | null> {
    const [row] = await this.#query(`select (extract(epoch from ends.time) * 1000)::float8 as time_ms
      from history_series n cross join lateral
        (select time from ${partition} where series = n.id order by time ${order} limit 1) ends
      order by ends.time ${order} limit 1`);
    return row === undefined ? null : z.object({ time_ms: z.number() }).parse(row).time_ms;
  }

  /** In the order of their days. */
  async #partitions(): Promise<{ readonly name: string; readonly day: number; readonly bytes: number }[]> {
    const rows = await this.#query(`select c.relname as name, pg_total_relation_size(c.oid) as bytes
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'history_sample'::regclass order by c.relname`);
    return z
      .array(Partition)
      .parse(rows)
      .flatMap(({ name, bytes }) => {
        const day = dayOfPartition(name);
        return day === undefined ? [] : [{ name, day, bytes }];
      });
  }

  async #query(text: string, parameters: readonly unknown[] = []): Promise<readonly unknown[]> {
    return (await this.#db.executeQuery(CompiledQuery.raw(text, [...parameters]))).rows;
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

/** The first of them, with about as many readings as one statement should have. */
function atOnce(records: readonly LoggedRecord[]): readonly LoggedRecord[] {
  let readings = 0;
  for (const [index, { observation }] of records.entries()) {
    if (isFrame(observation)) readings += observation.points.length;
    if (readings >= MAX_READINGS) return records.slice(0, index + 1);
  }
  return records;
}

const Partition = z.object({ name: z.string(), bytes: z.number() });

/** In the order of the parameters of `RAW` and `WINDOWS`. */
function parametersOf({ entity, series, fromMs, toMs, limit }: RawQuery): readonly unknown[] {
  return [entity, series, within(fromMs), within(toMs), limit];
}
