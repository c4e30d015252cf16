import type { Append, Appended, Journal } from './journal.ts';

const MAX_BATCH = 512;

export interface CommitListener {
  /** Called in the order of the commit, before the waiting turns go on. */
  committed(append: Append, firstPosition: number): void;
  /** After each batch: what went wrong with the journal, or undefined. */
  outcome(error: unknown): void;
}

/**
 * Group commit: while one batch is on its way to the journal the next one collects, so that many entities share a
 * transaction without waiting for a timer. One batch is under way at a time, hence rows of one entity never overtake.
 */
export class Committer {
  readonly #journal: Journal;
  readonly #listener: CommitListener;
  #waiting: { append: Append; resolve: (appended: Appended) => void; reject: (error: unknown) => void }[] = [];
  #running = false;
  #sinceMs: number | undefined;

  constructor(journal: Journal, listener: CommitListener) {
    this.#journal = journal;
    this.#listener = listener;
  }

  /** Nothing is on its way to the journal. */
  get idle(): boolean {
    return !this.#running;
  }

  /** Since when the batch that is under way waits for the journal. */
  get underWaySinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** Rejects when the journal cannot say whether it has the turn: the caller has to read it again. */
  append(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        queueMicrotask(() => void this.#run());
      }
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#sinceMs = Date.now();
      try {
        const answers = await this.#journal.append(batch.map((entry) => entry.append));
        this.#listener.outcome(undefined);
        for (const [index, entry] of batch.entries()) {
          const answer = answers[index];
          if (answer === undefined) throw new Error('the journal gave no answer for a turn');
          if (answer.kind === 'committed') this.#listener.committed(entry.append, answer.firstPosition);
          entry.resolve(answer);
        }
      } catch (error) {
        this.#listener.outcome(error);
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#sinceMs = undefined;
    this.#running = false;
  }
}
