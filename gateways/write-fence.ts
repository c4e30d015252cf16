import { z } from 'zod';
import type { DriverHost, DriverLog } from './driver.ts';
import { KeptFile } from './kept-file.ts';

/**
 * The highest epoch that each device has been written under: an owner that was replaced while it slept cannot write any more.
 * One for all drivers of a node, since a device may move to another connection. Kept on disk before the first write under a
 * new epoch leaves, since a restart must not open the door to the old owner again.
 */
export class WriteFence implements Fence {
  readonly #file: KeptFile<Content>;
  readonly #log: DriverLog;
  /** Null: the file is there and cannot be read. Without it an old owner cannot be told from the new, so nobody may write. */
  readonly #epochs: Map<string, number> | null;

  constructor(path: string, log: DriverLog) {
    this.#file = new KeptFile(path, Content);
    this.#log = log;
    this.#epochs = this.#load();
  }

  /** Null: the write may go on. */
  refusal(device: string, epoch: number): ReturnType<Fence['refusal']> {
    if (this.#epochs === null) return 'epoch_unknown';
    const highest = this.#epochs.get(device) ?? Number.NEGATIVE_INFINITY;
    if (epoch < highest) return 'epoch_stale';
    if (epoch > highest && !this.#keep(device, epoch)) return 'epoch_unknown';
    return null;
  }

  #keep(device: string, epoch: number): boolean {
    const epochs = this.#epochs ?? new Map<string, number>();
    try {
      this.#file.write({ version: 1, epochs: { ...Object.fromEntries(epochs), [device]: epoch } });
      epochs.set(device, epoch);
      return true;
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be kept; the write is refused');
      return false;
    }
  }

  #load(): Map<string, number> | null {
    try {
      return new Map(Object.entries(this.#file.read()?.epochs ?? {}));
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be read; writes are refused, reading goes on');
      return null;
    }
  }
}

/** What a person reads beside the code. */
export const FENCE_MESSAGES = {
  epoch_stale: 'the device has been written under a newer epoch: this owner has been replaced',
  epoch_unknown: 'under which epoch the device was written last cannot be read from disk, or kept there',
} as const;

type Fence = DriverHost['writeFence'];

const Content = z.object({ version: z.literal(1), epochs: z.record(z.string(), z.number()) });
type Content = z.infer<typeof Content>;
