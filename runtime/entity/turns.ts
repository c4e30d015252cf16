import type { Who } from '../actor-kind.ts';
import { ErrorWithCode } from '../errors.ts';
import { isRepeat } from '../journal.ts';
import type { PositionedRecord } from '../log.ts';
import type { Reply } from '../runtime.ts';
import { answerOf, type StoreFailure } from '../store-failure.ts';
import { type Committed, commit, commitLater, type Decided, type DecidedEvent, record } from './commit.ts';
import type { EntityHost } from './host.ts';
import { Intake } from './intake.ts';
import { BY_LOG, BY_TIMER, type Memory } from './memory.ts';
import type { Message, MessageOf } from './message.ts';

const REUSED: Reply = {
  ok: false,
  code: 'COMMAND_ID_REUSED',
  message: 'this command id was used for another command; nothing was done',
  field: 'commandId',
};

const EXPIRED = {
  ok: false,
  code: 'EXPIRED',
  message: 'its time was over before it could be decided',
} as const satisfies Reply;

/** What the supervision of an entity is told by its turns. */
export interface TurnListener {
  /** Something may look different from outside. */
  changed(): void;
  /** The journal has what it decided. */
  committed(): void;
  /** The journal is away: from here on it goes on without. */
  unrecorded(failure: StoreFailure): void;
  /** It must not go on: another node owns it. */
  fenced(reason: string): void;
  /** Memory is ahead of the log: it has to be built again. */
  unlogged(): void;
}

/**
 * The turns of a live entity: a kind's pure functions over what it holds in memory, one message at a time.
 *
 * A turn that decides nothing is synchronous. A turn that decides something waits for its commit: the new state is taken, the
 * sender answered and effects begun only after the journal has the events. A turn that throws has decided nothing that
 * anybody was told of. While the journal is away the state is taken without it (`Unrecorded`), and nothing else is done.
 */
export class Turns {
  readonly #memory: Memory;
  readonly #host: EntityHost;
  readonly #listener: TurnListener;
  readonly #intake: Intake;
  #lastActiveMs: number;
  #observedSinceEmit = false;

  constructor(memory: Memory, host: EntityHost, listener: TurnListener) {
    this.#memory = memory;
    this.#host = host;
    this.#listener = listener;
    this.#intake = new Intake(memory, host, () => listener.unlogged());
    this.#lastActiveMs = host.now();
  }

  /** When a command last came. */
  get lastActiveMs(): number {
    return this.#lastActiveMs;
  }

  get wantsToEmit(): boolean {
    return this.#observedSinceEmit && this.#memory.kind.emit !== undefined;
  }

  take(message: Exclude<Message, { kind: 'recover' }>): void | Promise<void> {
    const { kind, state } = this.#memory;
    switch (message.kind) {
      case 'record':
        return this.#observe(message.record);
      case 'input':
        return this.#admit(message);
      case 'command':
        return this.#command(message);
      case 'due': {
        const events = kind.due?.(state, this.#memory.turn(BY_TIMER));
        this.#listener.changed();
        return this.decided(events, BY_TIMER);
      }
      case 'watch':
        kind.watch?.(state, message.changed, this.#memory.turn(BY_LOG));
        return this.#listener.changed();
      case 'note':
        kind.note?.(state, message.note, this.#memory.turn(BY_LOG));
        return this.#listener.changed();
      case 'emit':
        return this.#emit();
      case 'snapshot':
        return this.#snapshot(message);
    }
  }

  /** Commits what the entity decided by itself. Synchronous when that is nothing. */
  decided(events: readonly DecidedEvent[] | undefined, by: Who): void | Promise<void> {
    if (events === undefined || events.length === 0) return;
    const decided = byItself(events, by);
    if (this.#memory.unrecorded === undefined) return this.#commit(decided).then(() => undefined);
    commitLater(this.#memory, this.#host, decided);
    this.#listener.changed();
  }

  /**
   * What the entity decides while it is built: many turns are committed together, since nobody is told of any before it is
   * live. One commit after the other, a log that leads to hundreds of decisions would keep it from that for seconds.
   */
  gathered(events: readonly DecidedEvent[] | undefined, by: Who): void | Promise<void> {
    if (events === undefined || events.length === 0) return;
    const gathered = commitLater(this.#memory, this.#host, byItself(events, by));
    if (gathered.isFull) return this.recordGathered();
  }

  /** Commits what was gathered. Where the journal is away it stands as not recorded, like any other decision then. */
  async recordGathered(): Promise<void> {
    const { unrecorded } = this.#memory;
    // What the journal did not take is settled when it is back, and beyond what is kept everything is decided again then.
    if (unrecorded === undefined || unrecorded.isDoubtful || unrecorded.superseded) return;
    const recorded = await record(this.#memory, this.#host);
    if (recorded.kind === 'recorded') this.#listener.committed();
    if (recorded.kind === 'fenced') this.#listener.fenced(recorded.reason);
    if (recorded.kind === 'unrecorded') this.#listener.unrecorded(recorded.failure);
  }

  #observe(record: PositionedRecord): void | Promise<void> {
    const memory = this.#memory;
    if (record.position <= memory.logPosition || !memory.kind.observe) return;
    const events = memory.kind.observe(memory.state, record.observation, memory.observationTurn(record, false));
    memory.logPosition = record.position;
    this.#observedSinceEmit = true;
    this.#listener.changed();
    return this.decided(events, BY_LOG);
  }

  #admit(message: MessageOf<'input'>): void {
    const { kind, state, id } = this.#memory;
    if (!kind.admit) {
      message.refused(new ErrorWithCode('NO_INPUT', `${id} takes no input`));
      return;
    }
    const admission = kind.admit(state, message.input, this.#memory.turn(BY_LOG));
    if (admission.rejected.length > 0) this.#listener.changed();
    this.#intake.take(admission, message);
  }

  async #command({ command, sent, reply }: MessageOf<'command'>): Promise<void> {
    const { commandId, commandHash, by, permissions, deadlineMs } = sent;
    const { kind, state, id } = this.#memory;
    const turn = this.#memory.turn(by);
    const isOver = deadlineMs !== undefined && turn.nowMs >= deadlineMs;
    const decision = isOver ? EXPIRED : kind.decide(state, command, { ...turn, permissions, commandId, deadlineMs });
    this.#lastActiveMs = this.#host.now();
    if (!decision.ok) {
      // A repeat is usually refused by the state that its first arrival left behind, or comes late; then the first answer counts.
      const first = await answerOf('journal', this.#host.journal.answered(id, commandId));
      if (first === undefined) return reply(decision);
      return reply(isRepeat(first, commandHash) ? { ok: true, result: first.answer, repeated: true } : REUSED);
    }
    const decided = { events: decision.events, by, commandId, commandHash, answer: decision.result ?? null };
    const committed = await this.#commit(decided);
    if (committed.kind === 'unrecorded') return reply(refusal(committed));
    if (committed.kind === 'fenced') {
      return reply({ ok: false, code: 'STALE_ROUTE', message: `another node owns ${id}: ${committed.reason}` });
    }
    if (committed.kind === 'reused') return reply(REUSED);
    const repeated = committed.kind === 'repeated';
    reply({ ok: true, result: repeated ? committed.answer : decided.answer, repeated });
  }

  async #commit(decided: Decided): Promise<Committed> {
    const committed = await commit(this.#memory, this.#host, decided);
    if (committed.kind === 'committed') {
      this.#listener.committed();
      this.#listener.changed();
    }
    if (committed.kind === 'fenced') this.#listener.fenced(committed.reason);
    // A command that was refused before it was sent has left everything as it was.
    if (committed.kind === 'unrecorded' && this.#memory.unrecorded !== undefined) {
      this.#listener.unrecorded(committed.failure);
      this.#listener.changed();
    }
    return committed;
  }

  #emit(): void {
    this.#observedSinceEmit = false;
    const { kind, state, id, epoch } = this.#memory;
    const observation = kind.emit?.(state, this.#memory.turn(BY_TIMER)) ?? null;
    if (observation === null) return;
    // Derived values can be computed again, so a log that is full or away costs a gap in their history, not a crash.
    this.#host.append({ source: id, observation }, epoch).catch(() => undefined);
  }

  #snapshot({ upTo, take }: MessageOf<'snapshot'>): void {
    this.#memory.logPosition = Math.max(this.#memory.logPosition, upTo);
    const snapshot = this.#memory.snapshot();
    // Saved before the log has what it knows of, a crash would leave an actor that takes the second delivery of a lost
    // reading for a duplicate.
    this.#intake.settled((all) => take(all ? snapshot : undefined));
  }
}

function byItself(events: readonly DecidedEvent[], by: Who): Decided {
  return { events, by, commandId: null, commandHash: null, answer: null };
}

function refusal({ failure, sent }: Extract<Committed, { kind: 'unrecorded' }>): Reply {
  const message = sent
    ? `the outcome is not known: ${failure.message}; repeat with the same command id`
    : `nothing can be recorded now: ${failure.message}; repeat with the same command id`;
  return { ok: false, code: 'UNAVAILABLE', message };
}
