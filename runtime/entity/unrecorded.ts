import type { Append } from '../journal.ts';

/** So much of one entity is kept to be recorded as it was decided; where there is more, the log is asked what was decided. */
const MAX_TURNS = 32;

/** What has to be known of a turn to find it in the journal. */
export interface UnrecordedTurn {
  readonly firstSeq: number;
  readonly epoch: number;
  readonly timeMs: number;
  readonly events: readonly { readonly kind: string }[];
}

/** An event as the journal has it. */
export interface RecordedEvent {
  readonly kind: string;
  readonly timeMs: number;
  readonly epoch: number;
}

/**
 * What an entity has decided while the journal could not take it. It stands in the entity's memory and is shown, with a mark;
 * nobody was answered because of it and nothing was begun. Once the journal is back it is recorded as it stands here, each
 * turn once and with the time that it had.
 */
export class Unrecorded<Turn extends UnrecordedTurn = Append> {
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** The last state that the journal has all of. What of a state is changed in place is as new in it as in the newest. */
  readonly recorded: unknown;
  readonly #turns: Turn[] = [];
  #doubtful: readonly Turn[] = [];
  #superseded = false;

  constructor(recorded: unknown, nowMs: number) {
    this.recorded = recorded;
    this.sinceMs = nowMs;
  }

  /** Oldest first. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** What was given to the journal, which has not said whether it has it: to be settled before anything else is given to it. */
  get isDoubtful(): boolean {
    return this.#doubtful.length > 0;
  }

  /** The journal has something else, or more was decided than is kept here: memory is to be built again. */
  get superseded(): boolean {
    return this.#superseded;
  }

  /** As much as is kept. */
  get isFull(): boolean {
    return this.#turns.length >= MAX_TURNS;
  }

  /** Sequence number behind all that was decided, where the journal has everything up to `seq`. */
  nextSeq(seq: number): number {
    return this.#turns.reduce((next, { events }) => next + events.length, seq + 1);
  }

  add(turn: Turn): void {
    if (this.#turns.length < MAX_TURNS) this.#turns.push(turn);
    else this.#superseded = true;
  }

  /** @param turns given to the journal one after the other; a turn alone may be one that is not kept here, a command for instance */
  sent(turns: readonly Turn[]): void {
    this.#doubtful = [...turns];
  }

  /** The journal has the oldest turn. */
  taken(): void {
    const turn = this.#turns.shift();
    if (turn === this.#doubtful[0]) this.#doubtful = this.#doubtful.slice(1);
  }

  /**
   * What became of the turns that had no answer. Where the journal has something else than what the entity went on from, a
   * command that was refused to its sender for instance, all that came after it counts for nothing.
   *
   * @param seq up to which the entity knew the journal
   * @param events all that the journal has behind it; nothing that was sent may still get there
   * @returns up to where the journal is known now
   */
  settle(seq: number, events: readonly RecordedEvent[]): number {
    let found = 0;
    for (const turn of this.#doubtful) {
      const these = events.slice(found, found + turn.events.length);
      if (turn !== this.#turns[0] || turn.firstSeq !== seq + found + 1 || !isOf(turn, these)) break;
      this.#turns.shift();
      found += these.length;
    }
    this.#doubtful = [];
    if (found < events.length) this.#superseded = true;
    return seq + found;
  }
}

function isOf({ events, timeMs, epoch }: UnrecordedTurn, rows: readonly RecordedEvent[]): boolean {
  return (
    rows.length === events.length &&
    rows.every((row, nth) => row.kind === events[nth]?.kind && row.timeMs === timeMs && row.epoch === epoch)
  );
}
