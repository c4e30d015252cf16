import { pack } from 'msgpackr';
import type { Logger } from 'pino';
import type { Entities } from './entities.ts';
import { entityId } from './ids.ts';
import type { Journal } from './journal.ts';

const CHECKPOINT = entityId('node', 'checkpoint');

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

  /** One at a time; a second call waits for the running one and then takes its own. */
  async take(): Promise<void> {
    await this.#running?.catch(() => undefined);
    this.#running = this.#take();
    await this.#running;
  }

  async #take(): Promise<void> {
    const { entities, journal, delivered } = this.#options;
    const upTo = delivered();
    const { snapshots, coveredTo } = await entities.snapshots(upTo);
    const covered = Math.max(this.#covered, coveredTo);
    if (snapshots.length === 0 && covered === this.#covered) return;
    await journal.saveSnapshots([
      ...snapshots,
      { entity: CHECKPOINT, seq: 0, logPosition: covered, timeMs: Date.now(), state: pack(null) },
    ]);
    entities.saved(snapshots);
    this.#covered = covered;
  }
}
