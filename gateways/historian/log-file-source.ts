import { z } from 'zod';
import { decodeRecords } from '../../runtime/batch-codec.ts';
import { EntityId } from '../../runtime/ids.ts';
import { BlockReader, logIdOf } from '../../runtime/sql/log-file.ts';
import { openSqliteFile, type SqliteConnection } from '../../runtime/sql/sqlite.ts';
import type { LoggedRecord, LogSource } from './sample-store.ts';

const End = z.array(z.object({ position: z.number() }));

/** The telemetry log read from its file, on a connection and in a thread of its own: whoever appends is not asked. */
export class LogFileSource implements LogSource {
  readonly #db: SqliteConnection;
  readonly #reader: BlockReader;

  constructor(file: string) {
    this.#db = openSqliteFile(file);
    this.#reader = new BlockReader(this.#db);
  }

  get id(): string {
    return logIdOf(this.#db);
  }

  async read(afterPosition: number, limit: number): Promise<readonly LoggedRecord[]> {
    const records: LoggedRecord[] = [];
    for (const { first, count, timeMs, data } of this.#reader.read(afterPosition, limit)) {
      const flat = decodeRecords(data);
      for (let index = Math.max(0, afterPosition + 1 - first); index < count; index++) {
        const source = EntityId.parse(flat[2 * index]);
        records.push({ position: first + index, source, observation: flat[2 * index + 1], loggedAtMs: timeMs });
      }
    }
    return records;
  }

  async end(): Promise<number> {
    const rows = this.#db
      .prepare('select first + count - 1 as position from block order by first desc limit 1')
      .all([]);
    return End.parse(rows)[0]?.position ?? 0;
  }

  close(): void {
    this.#db.close();
  }
}
