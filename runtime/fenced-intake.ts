import { messageOf } from './errors.ts';
import type { Journal } from './journal.ts';
import { isLogFenced, type LogRecord, type TelemetryLog } from './log.ts';
import type { Epoch, Ownership, Shard } from './ownership.ts';
import { SharedRead } from './shared-read.ts';

export interface FencedIntakeOptions {
  readonly log: Pick<TelemetryLog, 'claim'>;
  readonly journal: Pick<Journal, 'identity' | 'end' | 'includes'>;
  readonly ownership: () => Pick<Ownership, 'heldUnder' | 'fenced'>;
  readonly shardOf: (id: LogRecord['source']) => Shard;
  readonly append: (record: LogRecord) => Promise<void>;
  /** The log did not take a record, since another node owns its shard by now. */
  readonly refused: () => void;
}

/** The way into a log that other nodes write too: every record under the claim of its shard, see `TelemetryLog.claim`. */
export class FencedIntake {
  readonly #options: FencedIntakeOptions;
  /** One for all shards that come to a node at about the same time. */
  readonly #place: SharedRead<{ readonly identity: string; readonly position: number }>;

  constructor(options: FencedIntakeOptions) {
    this.#options = options;
    const { journal } = options;
    this.#place = new SharedRead(async () => {
      const [identity, position] = await Promise.all([journal.identity(), journal.end()]);
      return { identity, position };
    });
  }

  /** Before anything of the shard is read: what its owner before this one was told to be logged is then in what is read. */
  async claim(shard: Shard, epoch: Epoch): Promise<void> {
    const { log, journal } = this.#options;
    const includes = (identity: string, position: number) => journal.includes(identity, position);
    await log.claim?.({ shard, epoch, journal: await this.#place.read(), includes });
  }

  /** @param epoch under which its source is in memory. Rejects with LOG_FENCED, also as a cause, where that is over. */
  async append(record: LogRecord, epoch: Epoch | undefined): Promise<void> {
    const { log, ownership, shardOf, append, refused } = this.#options;
    if (log.claim === undefined || epoch === undefined) return append(record);
    const shard = shardOf(record.source);
    try {
      await append({ ...record, under: { shard, epoch } });
    } catch (error) {
      if (isLogFenced(error)) {
        refused();
        // Under a newer epoch the shard may be back here by now; that one is not over.
        if (ownership().heldUnder(shard) === epoch) ownership().fenced(shard, messageOf(error));
      }
      throw error;
    }
  }
}
