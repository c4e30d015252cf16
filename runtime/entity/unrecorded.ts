import type { Append } from '../journal.ts';

/** So much of one entity is kept to be recorded as it was decided; where there is more, the log is asked what was decided. */
const MAX_TURNS = 32;

/**
 * What an entity has decided while the journal could not take it. It stands in the entity's memory and is shown, with a mark;
 * nobody was answered because of it and nothing was begun. Once the journal is back it is recorded as it stands here, each
 * turn once and with the time that it had.
 */
export class Unrecorded {
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** The last state that the journal has all of. What of a state is changed in place is as new in it as in the newest. */
  readonly recorded: unknown;
  readonly turns: Append[] = [];
  /** Sent to the journal, which has not said whether it has it. */
  doubtful: Append | undefined;
  /** The journal has something else, or more was decided than is kept here: memory is to be built again. */
  superseded = false;

  constructor(recorded: unknown, nowMs: number) {
    this.recorded = recorded;
    this.sinceMs = nowMs;
  }

  /** Sequence number behind all that was decided, where the journal has everything up to `seq`. */
  nextSeq(seq: number): number {
    return this.turns.reduce((next, { events }) => next + events.length, seq + 1);
  }

  add(turn: Append): void {
    if (this.turns.length < MAX_TURNS) this.turns.push(turn);
    else this.superseded = true;
  }
}
