import type { NodeLife } from './cluster-rows.ts';
import { ErrorWithCode } from './errors.ts';
import { type CommitEffect, type CommitInput, GroupCommit } from './group-commit.ts';
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

interface Turn {
  readonly append: Append;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

type Effect = CommitEffect<Turn, Appended>;

/**
 * The way of a node's turns into the journal, many entities in one transaction. What is sent when is for `GroupCommit`; this
 * carries it out.
 */
export class Committer {
  readonly #journal: Journal;
  readonly #listener: CommitListener;
  readonly #writer: () => NodeLife | undefined;
  readonly #group = new GroupCommit<Turn, Appended>({
    batchTurns: MAX_BATCH,
    leadsElsewhere: ({ append }) => append.events.length > 0,
  });
  #sinceMs: number | undefined;
  #settling: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  /** @param writer the life of this node whose shards these have to be; undefined where all of them are this process's */
  constructor(journal: Journal, listener: CommitListener, writer: () => NodeLife | undefined = () => undefined) {
    this.#journal = journal;
    this.#listener = listener;
    this.#writer = writer;
  }

  /** Nothing is on its way to the journal. */
  get idle(): boolean {
    return this.#group.idle;
  }

  /** Since when the batch that is under way waits for the journal. */
  get underWaySinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** Rejects when the journal cannot say whether it has the turn: the caller has to read it again. */
  append(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => this.#take({ kind: 'commit', turn: { append, resolve, reject } }));
  }

  /** The journal answers again: what became of the batch that had no answer? To be asked whenever that is so. */
  settle(): Promise<void> {
    if (!this.#group.unsettled) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#settling.push({ resolve, reject });
      this.#take({ kind: 'settle' });
    });
  }

  #take(input: CommitInput<Turn, Appended>): void {
    for (const effect of this.#group.take(input)) this.#carryOut(effect);
    if (this.#group.idle) this.#sinceMs = undefined;
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'gather':
        queueMicrotask(() => this.#take({ kind: 'gathered' }));
        return;
      case 'append':
        void this.#append(effect.turns);
        return;
      case 'readBack':
        void this.#readBack(effect.turn.append);
        return;
      case 'answered':
        this.#answered(effect);
        return;
      case 'refused':
        effect.turn.reject(effect.error);
        return;
      case 'found':
        this.#listener.found(effect.turn.append);
        this.#listener.committed(effect.turn.append, effect.position);
        return;
      case 'outcome':
        this.#listener.outcome(effect.error);
        return;
      case 'settled':
        for (const { resolve } of this.#settling.splice(0)) resolve();
        return;
      case 'unsettled':
        for (const { reject } of this.#settling.splice(0)) reject(effect.error);
        return;
    }
  }

  #answered({ turn, answer }: Extract<Effect, { kind: 'answered' }>): void {
    try {
      if (answer.kind === 'committed') this.#listener.committed(turn.append, answer.firstPosition);
      turn.resolve(answer);
    } catch (error) {
      // A defect of ours; the entity is built again from what the journal has.
      turn.reject(error);
    }
  }

  async #append(turns: readonly Turn[]): Promise<void> {
    this.#sinceMs = Date.now();
    let input: CommitInput<Turn, Appended>;
    try {
      const answers = await this.#journal.append(
        turns.map(({ append }) => append),
        this.#writer(),
      );
      if (answers.length < turns.length) throw new Error('the journal gave no answer for a turn');
      input = { kind: 'appended', answers };
    } catch (error) {
      input = { kind: 'appendFailed', error, away: isAway(error) };
    }
    this.#take(input);
  }

  async #readBack({ entity, firstSeq, epoch }: Append): Promise<void> {
    this.#sinceMs ??= Date.now();
    let input: CommitInput<Turn, Appended>;
    try {
      const [row] = await this.#journal.events(entity, firstSeq - 1);
      // Under another epoch it is somebody else's.
      const isThis = row?.seq === firstSeq && row.epoch === epoch;
      input = { kind: 'readBack', position: isThis ? row.position : undefined };
    } catch (error) {
      input = { kind: 'readBackFailed', error, away: isAway(error) };
    }
    this.#take(input);
  }
}

function isAway(error: unknown): boolean {
  return !(error instanceof ErrorWithCode) || error.retryable;
}
