import type { Logger } from 'pino';
import type { Checkpoints } from './checkpoints.ts';
import type { Entities } from './entities.ts';
import type { Watchers } from './watchers.ts';

const TICK_MS = 100;
const EMIT_EVERY_TICKS = 10;
const WATCH_INTERVAL_MS = 250;
/** Part of the interval over which a checkpoint is spread. */
const CHECKPOINT_SHARE = 0.6;

/** What a node does again and again: time passes for its entities, watchers are told, snapshots are saved. */
export class NodeRounds {
  #timers: NodeJS.Timeout[] = [];
  #ticks = 0;

  start(options: {
    readonly entities: Entities;
    readonly watchers: Watchers;
    readonly checkpoints: Checkpoints;
    readonly checkpointIntervalMs: number;
    readonly log: Logger;
  }): void {
    const { entities, watchers, checkpoints, checkpointIntervalMs, log } = options;
    this.#timers = [
      setInterval(() => entities.tick(Date.now(), ++this.#ticks % EMIT_EVERY_TICKS === 0), TICK_MS),
      setInterval(() => watchers.tell(), WATCH_INTERVAL_MS),
      setInterval(
        () => void this.#checkpoint(checkpoints, checkpointIntervalMs * CHECKPOINT_SHARE, log),
        checkpointIntervalMs,
      ),
    ];
  }

  /** Says once that it fails, and once that it does no more: a disk may be full for days. */
  async #checkpoint(checkpoints: Checkpoints, spreadMs: number, log: Logger): Promise<void> {
    const failed = checkpoints.failure;
    try {
      await checkpoints.take(spreadMs);
      if (failed !== undefined && checkpoints.failure === undefined) log.warn('snapshots are saved again');
    } catch (error) {
      if (failed === undefined) log.warn({ err: error }, 'snapshots could not be saved; tried again');
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
