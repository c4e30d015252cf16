import type { Logger } from 'pino';
import { ErrorWithCode } from './errors.ts';
import type { Historian } from './historian.ts';
import { HistorianWatch } from './historian-watch.ts';
import type { Journal } from './journal.ts';
import { probeJournal } from './journal-probe.ts';
import type { TelemetryLog } from './log.ts';
import { hasNoRoom, StoreFailure, type StoreName } from './store-failure.ts';
import { StoreWatch } from './store-watch.ts';

const JOURNAL_LOOK_INTERVAL_MS = 2000;

export interface StoreWatchesOptions {
  readonly journal: Journal;
  readonly telemetry: TelemetryLog;
  readonly historian: Historian;
  /** A position at which the log can be read for a try. */
  readonly delivered: () => number;
  /** The journal answers again: what became of what it gave no answer to? */
  readonly journalBack: () => Promise<void>;
  readonly log: Pick<Logger, 'warn' | 'error'>;
}

/** Whether each store of a node answers, and who waits for it to do so. */
export class StoreWatches {
  readonly journal: StoreWatch;
  readonly log: StoreWatch;
  readonly historian: HistorianWatch;
  readonly #options: StoreWatchesOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(options: StoreWatchesOptions) {
    this.#options = options;
    const { journal, telemetry, historian, delivered } = options;
    this.journal = new StoreWatch({
      probe: (failure) => probeJournal(journal, hasNoRoom(failure)),
      changed: (failure) => this.#changed('journal', failure),
    });
    this.log = new StoreWatch({
      probe: () => telemetry.read(delivered(), 1),
      changed: (failure) => this.#changed('telemetry log', failure),
    });
    this.historian = new HistorianWatch(historian);
  }

  start(): void {
    this.historian.start();
    this.#timer = setInterval(() => void this.#lookAtJournal(), JOURNAL_LOOK_INTERVAL_MS);
  }

  /** `resume` is called once the store answers again. Returns how to wait no longer. */
  await({ store, cause }: StoreFailure, resume: () => void): () => void {
    const watch = store === 'journal' ? this.journal : this.log;
    watch.failed(cause);
    return watch.wait(resume);
  }

  /** What the journal said last, while it is known to be away. */
  get journalAway(): StoreFailure | undefined {
    const { failure } = this.journal;
    return failure && new StoreFailure('journal', failure.cause);
  }

  /** What came of an append. A journal that says that it will never take what it was given has answered. */
  appended(error: unknown): void {
    if (error === undefined || (error instanceof ErrorWithCode && !error.retryable)) this.journal.answered();
    else this.journal.failed(error);
  }

  close(): void {
    clearInterval(this.#timer);
    this.journal.close();
    this.log.close();
    this.historian.close();
  }

  #changed(store: StoreName, failure: string | undefined): void {
    const { log, journalBack } = this.#options;
    if (failure !== undefined) {
      log.error({ store, reason: failure }, 'a store does not answer; it is tried again');
      return;
    }
    log.warn({ store }, 'a store answers again');
    if (store === 'journal') journalBack().catch((error: unknown) => this.journal.failed(error));
  }

  /** Where nothing is decided, nobody else would notice that the journal is away. */
  async #lookAtJournal(): Promise<void> {
    if (this.#looking || this.journal.failure !== undefined) return;
    this.#looking = true;
    await this.#options.journal.end().catch((error: unknown) => this.journal.failed(error));
    this.#looking = false;
  }
}
