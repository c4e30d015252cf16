import type { Logger } from 'pino';
import { type DiskUse, dropsFor, isNearlyFull, usedShare } from './disk-budget.ts';
import type { DiskReport, Dropped } from './edge-report.ts';

/** One class of what is kept, that may be dropped. */
export interface Droppable {
  readonly name: string;
  /** What dropping all of it would free. */
  bytes(): Promise<number>;
  /** Drops the oldest of it until about so much is free. */
  drop(bytes: number): Promise<DropReport>;
}

export interface DropReport {
  readonly bytes: number;
  readonly segments: number;
  /** Of what is lost by it: what nobody else has. */
  readonly lost: number;
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
}

export interface Overflow extends DropReport {
  readonly what: string;
}

export interface DiskGuardOptions {
  readonly use: () => Promise<DiskUse>;
  /** The least important first. */
  readonly classes: readonly Droppable[];
  /** Something was dropped: told to whoever keeps it for people to see. */
  readonly overflowed: (overflow: Overflow) => void;
  readonly logger: Pick<Logger, 'warn'>;
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 30_000;

/**
 * Keeps an edge within its disk (EDG-04): looks every half minute, and drops by class what matters least. Decisions are no class:
 * an event that is missing would tear the copy at the centre, and they are little beside the rest.
 */
export class DiskGuard {
  readonly #options: DiskGuardOptions;
  readonly #timer: NodeJS.Timeout;
  #looking = false;
  #share = 0;
  #bytes = { usedBytes: 0, budgetBytes: 0 };
  readonly #dropped = new Map<string, Dropped>();
  #problem: string | undefined;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), options.lookEveryMs ?? LOOK_EVERY_MS);
  }

  /** Of the budget, or of the disk, as it was found last. */
  get state(): { readonly share: number; readonly problem: string | undefined } {
    return { share: this.#share, problem: this.#problem };
  }

  /** With what was dropped since the start. */
  report(): DiskReport {
    const dropped = [...this.#dropped.values()];
    return { share: this.#share, ...this.#bytes, problem: this.#problem ?? null, dropped };
  }

  /** One look at a time; what fails is tried again with the next. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = String(error);
      this.#options.logger.warn({ err: error }, 'the disk could not be looked at, or made free; tried again');
    }
    this.#looking = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { use, classes, overflowed } = this.#options;
    const used = await use();
    this.#share = usedShare(used);
    this.#bytes = { usedBytes: used.usedBytes, budgetBytes: used.budgetBytes };
    // To look how much each class has costs a pass over some of them.
    if (!isNearlyFull(used)) return;
    const sizes: { name: string; bytes: number }[] = [];
    for (const one of classes) sizes.push({ name: one.name, bytes: await one.bytes() });
    for (const { name, bytes } of dropsFor(used, sizes)) {
      const report = await classes.find((one) => one.name === name)?.drop(bytes);
      if (report === undefined || report.segments === 0) continue;
      this.#note(name, report);
      overflowed({ ...report, what: name });
    }
  }

  #note(what: string, { lost, oldestMs, newestMs }: DropReport): void {
    const before = this.#dropped.get(what);
    this.#dropped.set(what, {
      what,
      atMs: Date.now(),
      oldestMs: before?.oldestMs ?? oldestMs,
      newestMs: newestMs ?? before?.newestMs ?? null,
      lost: (before?.lost ?? 0) + lost,
    });
  }
}
