import { z } from 'zod';
import type { Instant } from '../runtime/cluster/instant.ts';
import type { Journal } from '../runtime/journal.ts';
import type { DriverHost, DriverLog, FencedWrite, WriteOutcome, WriteRefusal, WriteRequest } from './driver.ts';
import { KeptFile } from './kept-file.ts';
import { refusalOf } from './write-rule.ts';

/**
 * The last look before a write leaves: whether it is in time, whether this node still owns the device, and whether nobody has
 * written to it under a newer epoch from here.
 *
 * The highest epoch of each device is one for all drivers of a node, since a device may move to another connection. Kept on
 * disk before the first write under a new epoch leaves, since a restart must not open the door to the old owner again.
 *
 * Epochs are those of one journal. In another, or in one that was restored, they begin lower: there nobody could write any more,
 * and no former owner is left who may. So the place in the journal is kept with them, and they count as long as that is of it.
 */
export class WriteFence implements Fence {
  readonly #file: KeptFile<Content>;
  readonly #log: DriverLog;
  readonly #now: () => Instant;
  /** Null: the file is there and cannot be read. Without it an old owner cannot be told from the new, so nobody may write. */
  readonly #epochs: Map<string, number> | null;
  /** Where the journal was when they were last known to be of it. */
  #history: History | undefined;

  constructor(path: string, log: DriverLog, now: () => Instant = instantNow) {
    this.#file = new KeptFile(path, Content);
    this.#log = log;
    this.#now = now;
    this.#epochs = this.#load();
  }

  /** To be called before the first write: forgets the epochs of another journal. Rejects while the journal does not answer. */
  async follow(journal: Pick<Journal, 'identity' | 'end' | 'includes'>): Promise<void> {
    const kept = this.#history;
    if (kept !== undefined && !(await journal.includes(kept.identity, kept.position))) {
      this.#epochs?.clear();
      this.#log.warn({ kept }, 'the journal is not the one under which devices were written before; epochs begin anew');
    }
    this.#history = { identity: await journal.identity(), position: await journal.end() };
  }

  /** Null: the write may go on. */
  refusal(write: FencedWrite): WriteRefusal | null {
    const { device, epoch } = write;
    const highestEpoch = this.#epochs === null ? null : this.#epochs.get(device);
    const refusal = refusalOf(write, { at: this.#now(), mayAct: write.mayAct(), highestEpoch });
    if (refusal === null && epoch !== highestEpoch && !this.#keep(device, epoch)) return 'epoch_unknown';
    return refusal;
  }

  #keep(device: string, epoch: number): boolean {
    const epochs = this.#epochs ?? new Map<string, number>();
    try {
      const all = { ...Object.fromEntries(epochs), [device]: epoch };
      this.#file.write({ version: 1, ...(this.#history && { history: this.#history }), epochs: all });
      epochs.set(device, epoch);
      return true;
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be kept; the write is refused');
      return false;
    }
  }

  #load(): Map<string, number> | null {
    try {
      const kept = this.#file.read();
      this.#history = kept?.history;
      return new Map(Object.entries(kept?.epochs ?? {}));
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be read; writes are refused, reading goes on');
      return null;
    }
  }
}

/** How a write ends that the fence has stopped. */
export function notSent({ writeId }: Pick<WriteRequest, 'writeId'>, code: WriteRefusal): WriteOutcome {
  return { writeId, state: code === 'deadline_passed' ? 'timed_out' : 'failed', code, message: MESSAGES[code] };
}

export function isRefusal(code: string): code is WriteRefusal {
  return code in MESSAGES;
}

export function instantNow(): Instant {
  return { monoMs: performance.now(), wallMs: Date.now() };
}

/** What a person reads beside the code. */
const MESSAGES: Readonly<Record<WriteRefusal, string>> = {
  deadline_passed: 'not sent: its time was over before it could be',
  authority_lost: 'not sent: this node does not own the device any more, or cannot tell',
  epoch_stale: 'not sent: the device has been written under a newer epoch, this owner has been replaced',
  epoch_unknown: 'not sent: under which epoch the device was written last cannot be read from disk, or kept there',
};

type Fence = DriverHost['writeFence'];

const History = z.object({ identity: z.string(), position: z.number() });
type History = z.infer<typeof History>;

const Content = z.object({
  version: z.literal(1),
  history: History.exactOptional(),
  epochs: z.record(z.string(), z.number()),
});
type Content = z.infer<typeof Content>;
