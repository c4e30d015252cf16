import { decodeRecords, encodeRecords } from '../../runtime/batch-codec.ts';
import { EntityId } from '../../runtime/ids.ts';
import type { LogRecord, PositionedRecord, TelemetryLog } from '../../runtime/log.ts';

/** A log for tests of its consumers: records are those that a real one gives back, and no thread has to start for them. */
export class MemoryLog implements TelemetryLog {
  /** Ids of logs are any text. */
  readonly id = "a log, of tests = 'mine'";
  readonly #records: PositionedRecord[] = [];
  readonly #listeners = new Set<(end: number) => void>();

  async append(records: readonly LogRecord[]): Promise<number> {
    const first = this.#records.length + 1;
    const flat = decodeRecords(encodeRecords(records, 0, records.length));
    for (let index = 0; index < records.length; index++) {
      const source = EntityId.parse(flat[2 * index]);
      this.#records.push({ position: first + index, source, observation: flat[2 * index + 1] });
    }
    for (const listener of this.#listeners) listener(this.#records.length);
    return first;
  }

  async read(afterPosition: number, limit: number): Promise<PositionedRecord[]> {
    return this.#records.slice(afterPosition, afterPosition + limit);
  }

  async end(): Promise<number> {
    return this.#records.length;
  }

  async begin(): Promise<number> {
    return 1;
  }

  async trim(): Promise<void> {}

  onAppended(listener: (end: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {}
}
