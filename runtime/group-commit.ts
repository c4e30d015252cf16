import { invariant } from './cluster/machine.ts';

/**
 * Group commit without its I/O: what is sent to the journal when, and what becomes of it. While one batch is on its way to the
 * journal the next one collects. One batch is under way at a time, hence rows of one entity never overtake each other.
 *
 * A batch without an answer may be in the journal. Who waits for it is told so at once, and rebuilds what it knows from the
 * journal; what the batch leads to elsewhere, announcements and effects, is for this place: before anything else is appended
 * it is read back, turn by turn, and what is there is made known in its turn.
 *
 * The queue changes in place: every commit of a node goes through it.
 */
export class GroupCommit<Turn, Answer> {
  readonly #options: GroupCommitOptions<Turn>;
  #waiting: Turn[] = [];
  #step: 'resting' | 'gathering' | 'reading' | 'appending' = 'resting';
  #batch: readonly Turn[] = [];
  /** Turns of batches that had no answer. */
  #unknown: Turn[] = [];

  constructor(options: GroupCommitOptions<Turn>) {
    this.#options = options;
  }

  /** Nothing is on its way to the journal or waits for it. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#batch.length === 0;
  }

  /** What became of some turns is not known: `settle`, as soon as the journal answers. */
  get unsettled(): boolean {
    return this.#unknown.length > 0;
  }

  take(input: CommitInput<Turn, Answer>): readonly CommitEffect<Turn, Answer>[] {
    switch (input.kind) {
      case 'commit':
        this.#waiting.push(input.turn);
        if (this.#step !== 'resting') return [];
        this.#step = 'gathering';
        return [{ kind: 'gather' }];
      case 'gathered':
        return this.#step === 'gathering' ? this.#next() : [];
      case 'settle':
        if (this.#unknown.length === 0) return [{ kind: 'settled' }];
        // What has gathered until now goes with the end of the reading.
        return this.#step === 'resting' || this.#step === 'gathering' ? this.#next() : [];
      case 'appended':
        return this.#appended(input.answers);
      case 'appendFailed':
        return this.#appendFailed(input.error, input.away);
      case 'readBack':
        return this.#readBack(input.position);
      case 'readBackFailed':
        return this.#readBackFailed(input.error, input.away);
    }
  }

  #next(): CommitEffect<Turn, Answer>[] {
    const [unknown] = this.#unknown;
    if (unknown !== undefined) {
      this.#step = 'reading';
      return [{ kind: 'readBack', turn: unknown }];
    }
    if (this.#waiting.length === 0) {
      this.#step = 'resting';
      return [];
    }
    this.#step = 'appending';
    this.#batch = this.#waiting.splice(0, this.#options.batchTurns);
    return [{ kind: 'append', turns: this.#batch }];
  }

  #appended(answers: readonly Answer[]): CommitEffect<Turn, Answer>[] {
    invariant(this.#step === 'appending', 'an answer follows an append');
    const turns = this.#batch;
    invariant(answers.length === turns.length, 'the journal answers for every turn');
    this.#batch = [];
    const effects: CommitEffect<Turn, Answer>[] = [{ kind: 'outcome', error: undefined }];
    for (const [index, answer] of answers.entries()) {
      const turn = turns[index];
      if (turn !== undefined) effects.push({ kind: 'answered', turn, answer });
    }
    return effects.concat(this.#next());
  }

  #appendFailed(error: unknown, away: boolean): CommitEffect<Turn, Answer>[] {
    invariant(this.#step === 'appending', 'a failure follows an append');
    const turns = this.#batch;
    this.#batch = [];
    // A turn without events leads to nothing elsewhere.
    this.#unknown.push(...turns.filter(this.#options.leadsElsewhere));
    return this.#refuse([...turns, ...this.#behind(away)], error);
  }

  #readBack(position: number | undefined): CommitEffect<Turn, Answer>[] {
    const turn = this.#unknown.shift();
    invariant(this.#step === 'reading' && turn !== undefined, 'what is read back is not known');
    const effects: CommitEffect<Turn, Answer>[] = position === undefined ? [] : [{ kind: 'found', turn, position }];
    if (this.#unknown.length === 0) effects.push({ kind: 'settled' });
    return effects.concat(this.#next());
  }

  #readBackFailed(error: unknown, away: boolean): CommitEffect<Turn, Answer>[] {
    invariant(this.#step === 'reading', 'a failure follows a reading');
    const batch = this.#waiting.splice(0, this.#options.batchTurns);
    const still: CommitEffect<Turn, Answer> = { kind: 'unsettled', error };
    if (batch.length > 0) return [still, ...this.#refuse([...batch, ...this.#behind(away)], error)];
    // Read again once the journal is known to answer, or somebody wants it to.
    this.#step = 'resting';
    return [still];
  }

  /** Those behind a batch that failed since the journal is away would each wait for as long, for nothing. */
  #behind(away: boolean): readonly Turn[] {
    return away ? this.#waiting.splice(0) : [];
  }

  /** What waits behind has another try, which begins with what is unknown. */
  #refuse(turns: readonly Turn[], error: unknown): CommitEffect<Turn, Answer>[] {
    const refused = turns.map((turn): CommitEffect<Turn, Answer> => ({ kind: 'refused', turn, error }));
    this.#step = 'resting';
    return [{ kind: 'outcome', error }, ...refused, ...(this.#waiting.length > 0 ? this.#next() : [])];
  }
}

export interface GroupCommitOptions<Turn> {
  /** Turns in one batch at most. */
  readonly batchTurns: number;
  /** Whether a turn, once it is in the journal, has to be made known. */
  readonly leadsElsewhere: (turn: Turn) => boolean;
}

export type CommitInput<Turn, Answer> =
  | { readonly kind: 'commit'; readonly turn: Turn }
  /** After `gather`. */
  | { readonly kind: 'gathered' }
  /** In the order of the turns. */
  | { readonly kind: 'appended'; readonly answers: readonly Answer[] }
  /** No answer, or one that says nothing. `away`: whatever is asked of the journal now has to wait as long. */
  | { readonly kind: 'appendFailed'; readonly error: unknown; readonly away: boolean }
  /** Where the turn stands in the journal, under its own sequence number and epoch; undefined: nowhere, and never will. */
  | { readonly kind: 'readBack'; readonly position: number | undefined }
  | { readonly kind: 'readBackFailed'; readonly error: unknown; readonly away: boolean }
  /** The journal answers again: what became of the batches that had no answer? */
  | { readonly kind: 'settle' };

export type CommitEffect<Turn, Answer> =
  /** `gathered` as soon as whatever comes in this moment has come. */
  | { readonly kind: 'gather' }
  | { readonly kind: 'append'; readonly turns: readonly Turn[] }
  /** Only after what was sent before can get into the journal no more. */
  | { readonly kind: 'readBack'; readonly turn: Turn }
  | { readonly kind: 'answered'; readonly turn: Turn; readonly answer: Answer }
  /** It is not known whether the journal has it, or it was never sent. */
  | { readonly kind: 'refused'; readonly turn: Turn; readonly error: unknown }
  /** The journal has a turn that nobody waits for any more. */
  | { readonly kind: 'found'; readonly turn: Turn; readonly position: number }
  /** What the journal said to a batch; undefined: it took it. */
  | { readonly kind: 'outcome'; readonly error: unknown }
  /** Answers `settle`: all is known, or still not. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'unsettled'; readonly error: unknown };
