import type { NodeLife } from './cluster-rows.ts';
import { ErrorWithCode } from './errors.ts';
import type { Append, Appended, Journal } from './journal.ts';

const MAX_BATCH = 512;

export interface CommitListener {
  /** Called in the order of the commit, before the waiting turns go on. */
  committed(append: Append, firstPosition: number): void;
  /** Before `committed`, for a turn that nobody waits for any more: the journal has it, though it gave no answer. */
  found(append: Append): void;
  /** After each batch: what went wrong with the journal, or undefined. */
  outcome(error: unknown): void;
}

/**
 * Group commit: while one batch is on its way to the journal the next one collects, so that many entities share a
 * transaction without waiting for a timer. One batch is under way at a time, hence rows of one entity never overtake.
 *
 * A batch without an answer may be in the journal. Who waits for it is told so at once, and rebuilds what it knows from the
 * journal; what the batch leads to elsewhere, announcements and effects, is for this place: before anything else is appended
 * it is read back, by entity, sequence number and epoch, and what is there is made known in its turn.
 */
export class Committer {
  readonly #journal: Journal;
  readonly #listener: CommitListener;
  readonly #writer: () => NodeLife | undefined;
  #waiting: { append: Append; resolve: (appended: Appended) => void; reject: (error: unknown) => void }[] = [];
  #running = false;
  #sinceMs: number | undefined;
  /** Turns of a batch that had no answer. */
  #unknown: Append[] = [];
  #settling: Promise<void> | undefined;

  /** @param writer the life of this node whose shards these have to be; undefined where all of them are this process's */
  constructor(journal: Journal, listener: CommitListener, writer: () => NodeLife | undefined = () => undefined) {
    this.#journal = journal;
    this.#listener = listener;
    this.#writer = writer;
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

  async #append(batch: readonly Append[]): Promise<readonly Appended[]> {
    try {
      return await this.#journal.append(batch, this.#writer());
    } catch (error) {
      // A turn without events leads to nothing elsewhere.
      this.#unknown.push(...batch.filter(({ events }) => events.length > 0));
      throw error;
    }
  }

  /** The journal answers again: what became of the batch that had no answer? To be asked whenever that is so. */
  settle(): Promise<void> {
    if (this.#unknown.length === 0) return Promise.resolve();
    this.#settling ??= this.#readBack().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #readBack(): Promise<void> {
    for (let append = this.#unknown[0]; append !== undefined; append = this.#unknown[0]) {
      const { entity, firstSeq, epoch } = append;
      const [row] = await this.#journal.events(entity, firstSeq - 1);
      // Under another epoch it is somebody else's.
      if (row?.seq === firstSeq && row.epoch === epoch) {
        this.#listener.found(append);
        this.#listener.committed(append, row.position);
      }
      this.#unknown.shift();
    }
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#sinceMs = Date.now();
      try {
        await this.settle();
        const answers = await this.#append(batch.map(({ append }) => append));
        this.#listener.outcome(undefined);
        for (const [index, entry] of batch.entries()) {
          const answer = answers[index];
          if (answer === undefined) throw new Error('the journal gave no answer for a turn');
          if (answer.kind === 'committed') this.#listener.committed(entry.append, answer.firstPosition);
          entry.resolve(answer);
        }
      } catch (error) {
        this.#listener.outcome(error);
        // Those behind it would each wait for as long, for nothing.
        const behind = isAway(error) ? this.#waiting.splice(0) : [];
        for (const entry of [...batch, ...behind]) entry.reject(error);
      }
    }
    this.#sinceMs = undefined;
    this.#running = false;
  }
}

function isAway(error: unknown): boolean {
  return !(error instanceof ErrorWithCode) || error.retryable;
}
