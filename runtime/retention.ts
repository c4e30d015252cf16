import type { Logger } from 'pino';
import type { Historian } from './historian.ts';
import type { DeadLetterStore, TelemetryLog } from './log.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const INTERVAL_MS = 10 * 60_000;

export interface RetentionOptions {
  /** Null where the log has limits of its own, since others read it too. */
  readonly log: Pick<TelemetryLog, 'trim'> | null;
  readonly historian: Historian;
  readonly deadLetters: DeadLetterStore;
  /** Of several nodes on the same history and dead letters, one lets go of them. The log is each node's own. Left out: this one. */
  readonly isOurs?: () => boolean;
  /** Log position that the snapshots of all entities cover. */
  readonly covered: () => number;
  readonly logHours: number;
  readonly telemetryDays: number;
  readonly deadLetterDays: number;
  readonly logger: Logger;
}

/**
 * Lets go of what is older than it has to be kept. Of the log only what every consumer is past: a historian that is behind,
 * or a snapshot that is old, keeps it however old it is.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#apply(), INTERVAL_MS).unref();
  }

  async apply(nowMs: number): Promise<void> {
    const { log, historian, deadLetters, covered, logHours, telemetryDays, deadLetterDays, isOurs } = this.#options;
    const beforePosition = Math.min(covered(), await historian.position());
    await log?.trim({ beforePosition, olderThanMs: nowMs - logHours * HOUR_MS });
    if (isOurs?.() === false) return;
    await deadLetters.trim(nowMs - deadLetterDays * DAY_MS);
    // Last: on a server of its own it may be away, which keeps nothing else.
    await historian.trim(nowMs - telemetryDays * DAY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #apply(): Promise<void> {
    try {
      await this.apply(Date.now());
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'what is old could not be let go of; tried again in ten minutes');
    }
  }
}
