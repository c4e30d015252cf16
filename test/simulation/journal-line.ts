import { type CommitEffect, type CommitInput, GroupCommit } from '../../runtime/group-commit.ts';
import type { Appended, Database, Turn } from './database.ts';
import { BATCH_TURNS, JOURNAL_TIMEOUT_MS, type Sabotage } from './plant.ts';

/** What the way into the journal needs of its process. */
export interface JournalHost {
  readonly sabotage: Sabotage;
  readonly database: Database;
  /** Of the node's life at this moment. */
  writer(): { readonly node: string; readonly incarnation: string };
  /** One transaction. `failed` when there was no answer: it may have been carried out, or may yet be. */
  call<Result>(call: {
    readonly transaction: () => Result;
    readonly answered: (result: Result) => void;
    readonly failed: () => void;
    readonly timeoutMs: number;
    /** The answer arrives. */
    readonly heard?: () => boolean;
  }): void;
  /** Answers of appends arrive. */
  hears(): boolean;
  /** Whether what was asked in this moment failed since the whole database is away. */
  isAway(): boolean;
  /** A batch number that no other process or life uses. */
  batch(): string;
  soon(run: () => void): void;
  /** What the journal makes of a batch, whether that is heard or not. */
  judged(answers: readonly Appended[] | undefined): void;
  answered(turn: Turn, answer: Appended): void;
  /** The journal did not say whether it has the turn. */
  unknown(turn: Turn): void;
  /** A turn that nobody waits for any more is in the journal. */
  found(turn: Turn): void;
}

/** A process's way into the journal and back: the machine of the product, on a database that answers late or never. */
export class JournalLine {
  readonly #host: JournalHost;
  readonly #group = new GroupCommit<Turn, Appended>({
    batchTurns: BATCH_TURNS,
    leadsElsewhere: ({ command }) => command.writes,
  });
  /** Appends that had no answer: nothing is read or written before they are given up. */
  readonly #unanswered = new Set<string>();

  constructor(host: JournalHost) {
    this.#host = host;
  }

  commit(turn: Turn): void {
    this.#take({ kind: 'commit', turn });
  }

  /** The journal may answer again. */
  settle(): void {
    if (this.#group.unsettled) this.#take({ kind: 'settle' });
  }

  /** What is read is all that there will ever be of what was sent before. */
  read<Result>(transaction: () => Result, answered: (result: Result) => void, failed: () => void): void {
    this.#behindGivenUp(
      () => this.#host.call({ transaction, answered, failed, timeoutMs: JOURNAL_TIMEOUT_MS }),
      failed,
    );
  }

  #take(input: CommitInput<Turn, Appended>): void {
    for (const effect of this.#group.take(input)) this.#carryOut(effect);
  }

  #carryOut(effect: CommitEffect<Turn, Appended>): void {
    const { sabotage } = this.#host;
    switch (effect.kind) {
      case 'gather':
        this.#host.soon(() => this.#take({ kind: 'gathered' }));
        return;
      case 'append':
        this.#append(effect.turns);
        return;
      case 'readBack':
        this.#readBack(effect.turn);
        return;
      case 'answered':
        this.#host.answered(effect.turn, effect.answer);
        return;
      case 'refused':
        this.#host.unknown(effect.turn);
        return;
      case 'found':
        if (!sabotage.noSettling) this.#host.found(effect.turn);
        return;
      case 'outcome':
      case 'settled':
      case 'unsettled':
        return;
    }
  }

  #append(turns: readonly Turn[]): void {
    const { database, writer, batch, hears, judged } = this.#host;
    const id = batch();
    const failed = () => this.#failed(turns);
    this.#behindGivenUp(() => {
      const owner = writer();
      this.#host.call({
        transaction: () => {
          const answers = database.append(id, owner, turns);
          judged(answers);
          return answers;
        },
        answered: (answers) => (answers ? this.#take({ kind: 'appended', answers }) : failed()),
        failed: () => {
          this.#unanswered.add(id);
          failed();
        },
        timeoutMs: JOURNAL_TIMEOUT_MS,
        heard: hears,
      });
    }, failed);
  }

  #failed(turns: readonly Turn[]): void {
    const { sabotage, isAway } = this.#host;
    if (sabotage.noReadBack === 'believes-committed')
      this.#take({ kind: 'appended', answers: turns.map(() => ({ kind: 'committed', position: 0 })) });
    else this.#take({ kind: 'appendFailed', error: 'no answer', away: isAway() });
  }

  #readBack({ entity, seq, epoch }: Turn): void {
    this.read(
      () => this.#host.database.events(entity).find((row) => row.seq === seq),
      (row) => this.#take({ kind: 'readBack', position: row?.epoch === epoch ? row.seq : undefined }),
      () => this.#take({ kind: 'readBackFailed', error: 'no answer', away: this.#host.isAway() }),
    );
  }

  #behindGivenUp(go: () => void, failed: () => void): void {
    const [id] = this.#unanswered;
    if (id === undefined || this.#host.sabotage.noGivingUp) {
      go();
      return;
    }
    this.#host.call({
      transaction: () => this.#host.database.giveUp(id),
      answered: () => {
        this.#unanswered.delete(id);
        this.#behindGivenUp(go, failed);
      },
      failed,
      timeoutMs: JOURNAL_TIMEOUT_MS,
    });
  }
}
