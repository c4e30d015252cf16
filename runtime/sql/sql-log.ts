import { decodeRecords, encodeRecords } from '../batch-codec.ts';
import type { Backlog } from '../edge/forwarder.ts';
import type { TimedRecord } from '../edge/telemetry-lane.ts';
import { ErrorWithCode } from '../errors.ts';
import { EntityId } from '../ids.ts';
import type { LogRecord, PositionedRecord, TelemetryLog } from '../log.ts';
import type { Dropped, LogBlock, StoredBlock } from './log-file.ts';
import { WorkerClient as Client, type WorkerClient } from './rpc.ts';

export interface SqlLogOptions {
  readonly file: string;
  /** Records that wait for their commit; beyond it `append` rejects with LOG_FULL. Default 100,000. */
  readonly maxWaiting?: number;
  /**
   * Shortest time from the start of one commit to the next. A commit costs about 0.1 ms of processor time whatever it
   * carries; under load this makes 500 large ones a second of them, and alone a record does not wait. Default 2: with 4 a value
   * was twice as long on its way to the wall, for no less work.
   */
  readonly minCommitIntervalMs?: number;
  /** Size of the file beyond which appends are rejected with LOG_DISK_FULL until `trim` made room. Default: the disk's. */
  readonly maxBytes?: number;
}

/** Also the unit that `read` and `trim` go by. */
const MAX_BLOCK_RECORDS = 1024;
const MAX_COMMIT_RECORDS = 16_384;

interface Waiting {
  readonly records: readonly LogRecord[];
  resolve(firstPosition: number): void;
  reject(error: unknown): void;
}

/**
 * The telemetry log on SQLite. Appends that come while a commit is under way share the next one. Records are encoded here
 * and handed to the worker without a copy, which is cheaper than letting the thread boundary clone them.
 */
export class SqlLog implements TelemetryLog {
  readonly #client: WorkerClient;
  readonly #maxWaiting: number;
  readonly #minCommitIntervalMs: number;
  readonly #listeners = new Set<(end: number) => void>();
  #waiting: Waiting[] = [];
  #waitingRecords = 0;
  #running = false;
  #closed = false;
  #drained: (() => void) | undefined;
  #lastCommitMs = 0;

  private constructor(client: WorkerClient, options: SqlLogOptions) {
    this.#client = client;
    this.#maxWaiting = options.maxWaiting ?? 100_000;
    this.#minCommitIntervalMs = options.minCommitIntervalMs ?? 2;
  }

  static async open(options: SqlLogOptions): Promise<SqlLog> {
    const { file, maxBytes } = options;
    return new SqlLog(
      await Client.start('telemetry log', './log-worker', import.meta.url, { file, maxBytes }),
      options,
    );
  }

  append(records: readonly LogRecord[]): Promise<number> {
    if (this.#closed) return Promise.reject(new ErrorWithCode('STORE_CLOSED', 'the telemetry log is closed'));
    if (this.#waitingRecords + records.length > this.#maxWaiting) {
      return Promise.reject(
        new ErrorWithCode('LOG_FULL', `${this.#waitingRecords} records wait for the telemetry log already`),
      );
    }
    if (records.length === 0) return this.end().then((end) => end + 1);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      this.#waitingRecords += records.length;
      if (this.#running) return;
      this.#running = true;
      // What arrives in this turn of the event loop goes along.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pauseMs = this.#lastCommitMs + this.#minCommitIntervalMs - performance.now();
      if (pauseMs > 0 && !this.#closed) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      this.#lastCommitMs = performance.now();
      await this.#commit(this.#take());
    }
    this.#running = false;
    this.#drained?.();
  }

  #take(): Waiting[] {
    let records = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && records + entry.records.length > MAX_COMMIT_RECORDS) break;
      records += entry.records.length;
      count += 1;
    }
    this.#waitingRecords -= records;
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const blocks = blocksOf(
        batch.length === 1 && batch[0] ? batch[0].records : batch.flatMap((entry) => entry.records),
      );
      let first = Number(
        await this.#client.call(
          'log',
          'append',
          [blocks],
          blocks.map((block) => block.data.buffer),
        ),
      );
      for (const { records, resolve } of batch) {
        resolve(first);
        first += records.length;
      }
      for (const listener of this.#listeners) listener(first - 1);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async read(afterPosition: number, limit: number): Promise<PositionedRecord[]> {
    const records: PositionedRecord[] = [];
    for (const block of await this.#blocks(afterPosition, limit))
      eachRecord(block, afterPosition, (position, source, observation) =>
        records.push({ position, source, observation }),
      );
    return records;
  }

  /** As `read`, with the time at which each record was written. */
  async readTimed(afterPosition: number, limit: number): Promise<TimedRecord[]> {
    const records: TimedRecord[] = [];
    for (const block of await this.#blocks(afterPosition, limit)) {
      const { timeMs } = block;
      eachRecord(block, afterPosition, (position, source, observation) =>
        records.push({ position, source, observation, timeMs }),
      );
    }
    return records;
  }

  async end(): Promise<number> {
    return Number(await this.#client.call('log', 'end', []));
  }

  async begin(): Promise<number> {
    return Number(await this.#client.call('log', 'begin', []));
  }

  /** `olderThanMs` is an instant: blocks written before it may go. */
  async trim(options: { readonly beforePosition: number; readonly olderThanMs: number }): Promise<void> {
    await this.#client.call('log', 'trim', [options]);
  }

  /** The id that it was made with: positions mean something only together with it. */
  async identity(): Promise<string> {
    return String(await this.#client.call('log', 'identity', []));
  }

  /** How much comes after a position, and since when it waits. */
  async backlog(afterPosition: number): Promise<Backlog> {
    return (await this.#client.call('log', 'backlog', [afterPosition])) as Backlog;
  }

  /** What it holds, in bytes. */
  async heldBytes(): Promise<number> {
    return Number(await this.#client.call('log', 'heldBytes', []));
  }

  /** Drops the oldest records below a position, whoever still wants them, until so many bytes have gone. */
  async dropOldest(options: { readonly bytes: number; readonly beforePosition: number }): Promise<Dropped> {
    return (await this.#client.call('log', 'dropOldest', [options])) as Dropped;
  }

  /** Positions go on after this one at least. */
  async skipTo(position: number): Promise<void> {
    await this.#client.call('log', 'skipTo', [position]);
  }

  /** Called after each commit with the newest position. Returns the unsubscribe. */
  onAppended(listener: (end: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #blocks(afterPosition: number, limit: number): Promise<StoredBlock[]> {
    return (await this.#client.call('blocks', 'read', [afterPosition, limit])) as StoredBlock[];
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running) await new Promise<void>((resolve) => (this.#drained = resolve));
    await this.#client.close();
  }
}

function eachRecord(
  { first, count, data }: StoredBlock,
  afterPosition: number,
  take: (position: number, source: EntityId, observation: unknown) => void,
): void {
  const flat = decodeRecords(data);
  for (let index = Math.max(0, afterPosition + 1 - first); index < count; index++)
    take(first + index, EntityId.parse(flat[index * 2]), flat[index * 2 + 1]);
}

function blocksOf(records: readonly LogRecord[]): (LogBlock & { data: Uint8Array<ArrayBuffer> })[] {
  const blocks = [];
  for (let from = 0; from < records.length; from += MAX_BLOCK_RECORDS) {
    const to = Math.min(from + MAX_BLOCK_RECORDS, records.length);
    blocks.push({ count: to - from, data: encodeRecords(records, from, to) });
  }
  return blocks;
}
