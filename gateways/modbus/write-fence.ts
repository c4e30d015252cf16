import { z } from 'zod';
import type { DriverLog } from '../driver.ts';
import { KeptFile } from './kept-file.ts';

/**
 * The highest epoch that each device has been written under: an owner that was replaced while it slept cannot write any more.
 * Kept on disk, since a restart must not open the door to it again.
 */
export class WriteFence {
  readonly #file: KeptFile<Content>;
  readonly #log: DriverLog;
  /** Null: the file is there and cannot be read. Without it an old owner cannot be told from the new, so nobody may write. */
  readonly #epochs: Map<string, number> | null;

  constructor(path: string, log: DriverLog) {
    this.#file = new KeptFile(path, Content);
    this.#log = log;
    this.#epochs = this.#load();
  }

  /** False: a newer owner has written already. */
  admit(device: string, epoch: number): boolean {
    if (this.#epochs === null) return false;
    const highest = this.#epochs.get(device) ?? Number.NEGATIVE_INFINITY;
    if (epoch < highest) return false;
    if (epoch > highest) {
      this.#epochs.set(device, epoch);
      this.#save();
    }
    return true;
  }

  /** Whether the epoch is still the newest, asked once more right before sending. */
  isCurrent(device: string, epoch: number): boolean {
    return this.#epochs !== null && epoch >= (this.#epochs.get(device) ?? Number.NEGATIVE_INFINITY);
  }

  /** False: no write is admitted until somebody has looked at the file. */
  get readable(): boolean {
    return this.#epochs !== null;
  }

  #load(): Map<string, number> | null {
    try {
      return new Map(Object.entries(this.#file.read()?.epochs ?? {}));
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be read; writes are refused, reading goes on');
      return null;
    }
  }

  #save(): void {
    try {
      this.#file.write({ version: 1, epochs: Object.fromEntries(this.#epochs ?? []) });
    } catch (error) {
      this.#log.error({ error: String(error) }, 'write epochs cannot be kept; they hold until this process ends');
    }
  }
}

const Content = z.object({ version: z.literal(1), epochs: z.record(z.string(), z.number()) });
type Content = z.infer<typeof Content>;
