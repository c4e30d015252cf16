import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { ErrorWithCode } from '../../../runtime/errors.ts';
import type { RawQuery, Sample, WindowQuery, WindowRow } from '../../../runtime/historian.ts';
import { DAY_MS } from '../day-file.ts';
import { checkRaw, checkWindows } from '../questions.ts';
import { isFrame } from '../readings.ts';
import { writeWithoutRefused } from '../refused.ts';
import type { LoggedRecord, SampleStore, Stored } from '../sample-store.ts';
import { QuestDbClient, type QuestDbOptions } from './client.ts';
import { escapeName, LineEncoder, microseconds } from './lines.ts';
import { rawSql, sampleOf, windowOf, windowsSql } from './questions.ts';
import { literal, positionOf, positionsTable, samplesTable, type Tables, tablesOf } from './tables.ts';

export interface QuestDbStoreOptions extends QuestDbOptions {
  /** Id of the telemetry log: positions of another log mean nothing. */
  readonly log: string;
  /** Before the names of the tables, for several plants in one database. */
  readonly prefix: string;
}

/** A request is cut at about so many bytes, between two records. */
const MAX_REQUEST_CHARS = 8_000_000;
const APPLY_POLL_MS = 10;
const APPLY_TIMEOUT_MS = 30_000;

/** Samples in QuestDB. The acknowledgement of a write is that of its write-ahead log; tables follow in the background. */
export class QuestDbStore implements SampleStore {
  readonly #client: QuestDbClient;
  readonly #tables: Tables;
  readonly #encoder: LineEncoder;
  readonly #log: string;

  constructor(options: QuestDbStoreOptions) {
    this.#client = new QuestDbClient(options);
    this.#tables = tablesOf(options.prefix);
    this.#encoder = new LineEncoder(this.#tables.samples);
    this.#log = options.log;
  }

  async connect(): Promise<number> {
    await this.#client.query(samplesTable(this.#tables));
    await this.#client.query(positionsTable(this.#tables));
    return this.position();
  }

  async position(): Promise<number> {
    const rows = await this.#client.query(positionOf(this.#tables, this.#log));
    return (
      z
        .number()
        .nullable()
        .parse(rows[0]?.[0] ?? null) ?? 0
    );
  }

  async store(records: readonly LoggedRecord[]): Promise<Stored> {
    const storedAtMs = Date.now();
    const lines: string[] = [];
    let readings = 0;
    let ignored = 0;
    let chars = 0;
    let position = 0;
    for (const { position: at, source, observation, loggedAtMs } of records) {
      if (isFrame(observation)) {
        const text = this.#encoder.frame(source, observation, loggedAtMs, storedAtMs);
        readings += observation.points.length;
        if (text !== '') lines.push(text);
        chars += text.length;
      } else ignored += 1;
      position = at;
      if (chars > MAX_REQUEST_CHARS) break;
    }
    const refused = await writeWithoutRefused(lines, (parts) => this.#client.write(parts.join('')));
    // Last: a crash before it makes the same rows be sent again, which changes nothing.
    await this.#mark(position, storedAtMs);
    return { position, readings, ignored, refused };
  }

  async #mark(position: number, timeMs: number): Promise<void> {
    const line = `${this.#tables.positions},log=${escapeName(this.#log)} position=${position}i ${microseconds(timeMs)}\n`;
    await this.#client.write(line);
  }

  async settle(): Promise<void> {
    const endMs = performance.now() + APPLY_TIMEOUT_MS;
    const sql = `select writerTxn, sequencerTxn, suspended from wal_tables() where name = ${literal(this.#tables.samples)}`;
    let wanted: number | undefined;
    for (;;) {
      const row = WalRow.parse((await this.#client.query(sql))[0]);
      const [applied, newest, suspended] = row;
      if (suspended)
        throw new ErrorWithCode('STORE_LOST', `QuestDB has suspended ${this.#tables.samples}; its log tells why`);
      wanted ??= newest;
      if (applied >= wanted) return;
      if (performance.now() > endMs)
        throw new ErrorWithCode('STORE_LOST', `QuestDB has not applied its write-ahead log for ${APPLY_TIMEOUT_MS} ms`);
      await pause(APPLY_POLL_MS);
    }
  }

  async raw(query: RawQuery): Promise<Sample[]> {
    checkRaw(query);
    return (await this.#client.query(rawSql(this.#tables, query))).map(sampleOf);
  }

  async windows(query: WindowQuery): Promise<WindowRow[]> {
    checkWindows(query);
    const rows = await this.#client.query(windowsSql(this.#tables, query));
    return rows.map((row) => windowOf(row, query));
  }

  async trim(olderThanMs: number): Promise<void> {
    const firstKept = Math.floor(olderThanMs / DAY_MS) * DAY_MS;
    const { oldestMs } = await this.extent();
    if (oldestMs === null || oldestMs === undefined || oldestMs >= firstKept) return;
    const until = new Date(firstKept).toISOString();
    await this.#client.query(`alter table ${this.#tables.samples} drop partition where time < '${until}'`);
    await this.settle();
  }

  async extent(): Promise<Record<string, number | null>> {
    const rows = await this.#client.query(`select count(), sum(diskSize), sum(numRows),
      cast(min(minTimestamp) as long), cast(max(maxTimestamp) as long) from table_partitions('${this.#tables.samples}')`);
    const [days, bytes, samples, oldestUs, newestUs] = Extent.parse(rows[0]);
    return {
      bytes: bytes ?? 0,
      days,
      samples: samples ?? 0,
      oldestMs: oldestUs === null ? null : oldestUs / 1000,
      newestMs: newestUs === null ? null : newestUs / 1000,
    };
  }

  async close(): Promise<void> {}
}

const WalRow = z.tuple([z.number(), z.number(), z.boolean()]);
const Extent = z.tuple([
  z.number(),
  z.number().nullable(),
  z.number().nullable(),
  z.number().nullable(),
  z.number().nullable(),
]);
