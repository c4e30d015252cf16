import { pack } from 'msgpackr';
import type { Logger } from 'pino';
import type { Entities } from './entities.ts';
import { entityId } from './ids.ts';
import type { Journal } from './journal.ts';

const CHECKPOINT = entityId('node', 'checkpoint');
/** Few enough that a value on its way to the wall does not notice. */
const ENTITIES_AT_ONCE = 4;
const MAX_PAUSE_MS = 100;

/**
 * Snapshots of what changed, and beside them the log position that all snapshots together cover: an entity whose snapshot
 * is older had nothing to observe up to there. So a restart reads the log from that position and not from the oldest
 * snapshot of an entity that has been quiet for weeks.
 */
export class Checkpoints {
  readonly #options: {
    readonly entities: Entities;
    readonly journal: Journal;
    readonly log: Logger;
    readonly delivered: () => number;
  };
  #covered = 0;
  #hurry = false;
  #running: Promise<void> | undefined;

  constructor(options: {
    readonly entities: Entities;
    readonly journal: Journal;
    readonly log: Logger;
    readonly delivered: () => number;
  }) {
    this.#options = options;
  }

  /** As of the last one that was saved. */
  get covered(): number {
    return this.#covered;
  }

  async coveredTo(): Promise<number> {
    const stored = await this.#options.journal.snapshot(CHECKPOINT);
    this.#covered = stored?.logPosition ?? 0;
    return this.#covered;
  }

  /**
   * One at a time; a second call waits for the running one and then takes its own.
   * @param spreadMs time over which to spread the work, so that live values do not wait for it; 0: as fast as it goes
   */
  async take(spreadMs = 0): Promise<void> {
    if (spreadMs === 0) this.#hurry = true;
    await this.#running?.catch(() => undefined);
    this.#hurry = spreadMs === 0;
    this.#running = this.#take(spreadMs);
    await this.#running;
  }

  async #take(spreadMs: number): Promise<void> {
    const { entities, journal, delivered } = this.#options;
    const upTo = delivered();
    let coveredTo = upTo;
    const all = [...entities.all()];
    const pauseMs = Math.min(MAX_PAUSE_MS, (spreadMs * ENTITIES_AT_ONCE) / Math.max(1, all.length));
    for (let start = 0; start < all.length; start += ENTITIES_AT_ONCE) {
      if (start > 0 && !this.#hurry) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const some = await entities.snapshots(all.slice(start, start + ENTITIES_AT_ONCE), upTo);
      coveredTo = Math.min(coveredTo, some.coveredTo);
      if (some.snapshots.length === 0) continue;
      await journal.saveSnapshots(some.snapshots);
      entities.saved(some.snapshots);
    }
    if (coveredTo <= this.#covered) return;
    // Last, for it says that all of the others are there.
    const checkpoint = { entity: CHECKPOINT, seq: 0, logPosition: coveredTo, timeMs: Date.now(), state: pack(null) };
    await journal.saveSnapshots([checkpoint]);
    this.#covered = coveredTo;
  }
}
