import { pack, unpack } from 'msgpackr';
import {
  type AnyActorKind,
  type ObservationTurn,
  type Self,
  SUPERVISION,
  type Turn,
  type View,
  type Who,
} from './actor-kind.ts';
import type { Committer } from './committer.ts';
import type { EffectRunner } from './effects.ts';
import { codeOf, ErrorWithCode, messageOf } from './errors.ts';
import type { CommandId, EntityId } from './ids.ts';
import type { Append, Journal, JournalEntry, Snapshot } from './journal.ts';
import type { Json } from './json.ts';
import type { LiveCells } from './live-cells.ts';
import type { DeadLetter, LogRecord, PositionedRecord } from './log.ts';
import { Mailbox } from './mailbox.ts';
import type { LocalCell } from './nact/cell.ts';
import { type Ownership, type Shard, shardOf } from './ownership.ts';
import type { AskOptions, Reply } from './runtime.ts';
import { CrashBudget } from './supervisor.ts';

/** What an entity needs of its node. */
export interface EntityHost {
  readonly cell: LocalCell;
  readonly ownership: Ownership;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly live: LiveCells;
  readonly effects: EffectRunner;
  now(): number;
  append(record: LogRecord): Promise<void>;
  /** Gives the entity the records that it has to observe and has not, in order. */
  replay(entity: Entity): Promise<void>;
  deadLetter(letter: DeadLetter): void;
  /** A record left the mailbox of an entity of this kind. */
  observed(kind: string): void;
  crashed(id: EntityId, error: unknown, restartInMs: number | undefined): void;
  /** Its snapshot cannot be read, for instance because another version wrote it. */
  unreadable(id: EntityId, error: unknown): void;
}

export type Message =
  | {
      readonly kind: 'command';
      readonly command: unknown;
      readonly options: AskOptions;
      readonly reply: (reply: Reply) => void;
    }
  | {
      readonly kind: 'input';
      readonly input: unknown;
      readonly taken: () => void;
      readonly refused: (error: unknown) => void;
    }
  | { readonly kind: 'record'; readonly record: PositionedRecord }
  | { readonly kind: 'watch'; readonly changed: ReadonlyMap<EntityId, View> }
  | { readonly kind: 'note'; readonly note: Json }
  | { readonly kind: 'due' }
  | { readonly kind: 'emit' }
  | { readonly kind: 'recover' }
  /** `upTo`: every record up to this position that concerns the entity was posted before this message. */
  | { readonly kind: 'snapshot'; readonly upTo: number; readonly take: (snapshot: Snapshot | undefined) => void };

export type EntityStatus = 'recovering' | 'live' | 'waiting' | 'stopped';

const DEFAULT_MAILBOX_CAPACITY = 256;
const BY_LOG: Who = { user: 'system', via: 'log' };
const BY_TIMER: Who = { user: 'system', via: 'timer' };
const NONE: readonly string[] = [];

/**
 * One live actor: a kind's pure functions, run one message at a time over a journal and a log.
 *
 * A turn that decides nothing is synchronous. A turn that decides something waits for its commit: the new state is taken,
 * the sender answered and effects begun only after the journal has the events. When the journal does not take them, the
 * state in memory is given up and built again from snapshot, journal and log, so that memory never runs ahead of history.
 */
export class Entity {
  readonly id: EntityId;
  readonly kind: AnyActorKind;
  readonly shard: Shard;
  readonly #host: EntityHost;
  readonly #self: Self<unknown>;
  readonly #budget: CrashBudget;
  readonly #mailbox: Mailbox<Message>;
  readonly #view = () => this.kind.view(this.#state, this.#self);
  #status: EntityStatus = 'recovering';
  #state: unknown;
  #seq = 0;
  #logPosition = 0;
  #savedSeq = 0;
  #savedLogPosition = 0;
  #replayed: { readonly events: JournalEntry[]; next: number; readonly journaledTo: number } | undefined;
  #poison: number | undefined;
  /** The newest append that is under way: the state knows of its reading, the log does not yet. */
  #logging: Promise<void> | undefined;
  #refusals = 0;
  #restart: NodeJS.Timeout | undefined;
  #commandsWaiting = 0;
  #touched = false;
  /** The next instant at which it wants to be woken; looked at again only after something happened. */
  #dueMs: number | undefined;
  #lastActiveMs: number;
  #observedSinceEmit = false;

  constructor(id: EntityId, kind: AnyActorKind, definition: unknown, host: EntityHost) {
    this.id = id;
    this.kind = kind;
    this.shard = shardOf(id);
    this.#host = host;
    this.#self = { id, definition };
    this.#budget = new CrashBudget({ ...SUPERVISION, ...kind.supervision });
    this.#mailbox = new Mailbox(host.cell, (message) => this.#receive(message));
    this.#lastActiveMs = host.now();
  }

  get status(): EntityStatus {
    return this.#status;
  }

  get seq(): number {
    return this.#seq;
  }

  get logPosition(): number {
    return this.#logPosition;
  }

  get savedLogPosition(): number {
    return this.#savedLogPosition;
  }

  get lastActiveMs(): number {
    return this.#lastActiveMs;
  }

  get waiting(): number {
    return this.#mailbox.size;
  }

  /** Has changed since the last snapshot of it that the journal has. */
  get unsaved(): boolean {
    return this.#seq !== this.#savedSeq || this.#logPosition !== this.#savedLogPosition;
  }

  get wantsToEmit(): boolean {
    return this.#observedSinceEmit && this.kind.emit !== undefined;
  }

  /** False when the mailbox takes no more commands, or the entity is gone. */
  post(message: Message): 'posted' | 'full' | 'gone' {
    if (message.kind === 'command') {
      if (this.#commandsWaiting >= (this.kind.mailboxCapacity ?? DEFAULT_MAILBOX_CAPACITY)) return 'full';
      this.#commandsWaiting++;
    }
    return this.#mailbox.post(message) ? 'posted' : 'gone';
  }

  /** When it next wants `due`; computed only after something happened. */
  nextDueMs(): number | undefined {
    if (this.#touched) {
      this.#touched = false;
      this.#dueMs = this.#status === 'live' ? this.kind.nextDueMs?.(this.#state, this.#self) : undefined;
    }
    return this.#dueMs;
  }

  /** Ends after the running turn; what waited is answered or counted as a dead letter. */
  async stop(): Promise<void> {
    clearTimeout(this.#restart);
    const rest = await this.#mailbox.close();
    this.#status = 'stopped';
    for (const message of rest) this.#decline(message, 'STOPPED', 'the entity was stopped');
  }

  // Recovery: load, then replay record by record, then finish. At the start of a node many entities share one pass over the log.

  async load(): Promise<void> {
    this.#status = 'recovering';
    let snapshot = await this.#host.journal.snapshot(this.id);
    this.#state = this.kind.initial(this.#self);
    try {
      if (snapshot) this.#state = this.#decode(snapshot.state);
    } catch (error) {
      // A snapshot is a shortcut. The journal has every decision, so one that cannot be read costs time and live values, not truth.
      this.#host.unreadable(this.id, error);
      snapshot = undefined;
    }
    this.#seq = this.#savedSeq = snapshot?.seq ?? 0;
    this.#logPosition = this.#savedLogPosition = snapshot?.logPosition ?? 0;
    const events = await this.#host.journal.events(this.id, this.#seq);
    this.#replayed = {
      events,
      next: 0,
      journaledTo: events.reduce((top, entry) => Math.max(top, entry.logPosition), this.#logPosition),
    };
  }

  /** Applies a record that the log has. What the journal already says of it is taken from there; what it does not is decided now. */
  replay(record: PositionedRecord): void | Promise<void> {
    const replayed = this.#replayed;
    if (!replayed || record.position <= this.#logPosition) return;
    this.#applyJournaled(record.position);
    this.#logPosition = record.position;
    if (record.position === this.#poison || !this.kind.observe) return;
    const replay = record.position <= replayed.journaledTo;
    const events = this.kind.observe(this.#state, record.observation, this.#observationTurn(record, replay));
    if (!replay && events.length > 0) return this.#commitOwn(events, BY_LOG);
  }

  async finish(): Promise<void> {
    this.#applyJournaled(Number.POSITIVE_INFINITY);
    this.#replayed = undefined;
    const events = this.kind.reconcile?.(this.#state, this.#turn(BY_TIMER)) ?? [];
    if (events.length > 0) await this.#commitOwn(events, BY_TIMER);
    this.#status = 'live';
    this.#touch();
  }

  #applyJournaled(beforeLogPosition: number): void {
    const replayed = this.#replayed;
    if (!replayed) return;
    for (
      let entry = replayed.events[replayed.next];
      entry && entry.logPosition < beforeLogPosition;
      entry = replayed.events[++replayed.next]
    ) {
      const turn = { id: this.id, definition: this.#self.definition, nowMs: entry.timeMs, by: entry.by, permissions: NONE };
      this.#state = this.kind.evolve(this.#state, entry.event, turn);
      this.#seq = entry.seq;
    }
  }

  // Turns

  #receive(message: Message): void | Promise<void> {
    if (message.kind === 'command') this.#commandsWaiting--;
    if (message.kind === 'record') this.#host.observed(this.kind.name);

    if (message.kind === 'recover') return this.#recover();
    if (this.#status !== 'live')
      return this.#decline(message, 'UNAVAILABLE', `the entity is ${this.#status}, try again`);
    try {
      return this.#handle(message)?.catch((error: unknown) => this.#crash(message, error));
    } catch (error) {
      this.#crash(message, error);
    }
  }

  #handle(message: Exclude<Message, { kind: 'recover' }>): void | Promise<void> {
    switch (message.kind) {
      case 'record':
        return this.#observe(message.record);
      case 'input':
        return this.#admit(message);
      case 'command':
        return this.#command(message);
      case 'due': {
        const events = this.kind.due?.(this.#state, this.#turn(BY_TIMER)) ?? [];
        this.#touch();
        if (events.length > 0) return this.#commitOwn(events, BY_TIMER);
        return;
      }
      case 'watch':
        this.kind.watch?.(this.#state, message.changed, this.#turn(BY_LOG));
        return this.#touch();
      case 'note':
        this.kind.note?.(this.#state, message.note, this.#turn(BY_LOG));
        return this.#touch();
      case 'emit':
        return this.#emit();
      case 'snapshot':
        return this.#snapshot(message);
    }
  }

  #observe(record: PositionedRecord): void | Promise<void> {
    if (record.position <= this.#logPosition || !this.kind.observe) return;
    const events = this.kind.observe(this.#state, record.observation, this.#observationTurn(record, false));
    this.#logPosition = record.position;
    this.#observedSinceEmit = true;
    this.#touch();
    if (events.length > 0) return this.#commitOwn(events, BY_LOG);
  }

  #admit(message: Extract<Message, { kind: 'input' }>): void {
    if (!this.kind.admit) {
      message.refused(new ErrorWithCode('NO_INPUT', `${this.id} takes no input`));
      return;
    }
    const admission = this.kind.admit(this.#state, message.input, this.#turn(BY_LOG));
    for (const { code, reason, body } of admission.rejected) {
      this.#host.deadLetter({
        timeMs: this.#host.now(),
        stream: 'invalid_telemetry',
        source: this.id,
        code,
        reason,
        body,
      });
    }
    if (admission.rejected.length > 0) this.#touch();
    if (admission.observation === null) {
      // A duplicate may be one of a reading that is still on its way to the log: its sender must not let go of it before.
      if (this.#logging === undefined) message.taken();
      else this.#logging.then(message.taken, message.refused);
      return;
    }
    const logging = this.#host.append({ source: this.id, observation: admission.observation });
    this.#logging = logging;
    logging.then(
      () => {
        if (this.#logging === logging) this.#logging = undefined;
        message.taken();
      },
      (error: unknown) => {
        if (this.#logging === logging) this.#logging = undefined;
        this.#refusals++;
        // It was judged against readings that the log does not have now: build the state again from what it has.
        if (this.#status === 'live') this.#mailbox.post({ kind: 'recover' });
        message.refused(error);
      },
    );
  }

  async #command(message: Extract<Message, { kind: 'command' }>): Promise<void> {
    const { commandId, by, permissions } = message.options;
    const decision = this.kind.decide(this.#state, message.command, { ...this.#turn(by), permissions, commandId });
    this.#lastActiveMs = this.#host.now();
    if (!decision.ok) {
      // A repeat is usually refused by the state that its first arrival left behind; then the first answer counts.
      const first = await this.#host.journal.answerOf(this.id, commandId);
      return message.reply(first === undefined ? decision : { ok: true, result: first, repeated: true });
    }
    const outcome = await this.#commit(decision.events, by, commandId, decision.result ?? null);
    message.reply(outcome);
  }

  async #commitOwn(events: readonly { readonly kind: string }[], by: Who): Promise<void> {
    await this.#commit(events, by, null, null);
  }

  /** Commits events of this turn. Throws when the journal cannot say whether it has them: the state is then built again. */
  async #commit(
    events: readonly { readonly kind: string }[],
    by: Who,
    commandId: CommandId | null,
    answer: Json,
  ): Promise<Reply> {
    const epoch = this.#host.ownership.epochOf(this.shard);
    if (epoch === undefined) return this.#fenced('this node does not own the shard');
    const nowMs = this.#host.now();
    const { state, rows, effects } = this.#fold(events, { ...this.#turn(by), nowMs });
    const append: Append = {
      entity: this.id,
      firstSeq: this.#seq + 1,
      shard: this.shard,
      epoch,
      commandId,
      answer,
      timeMs: nowMs,
      by,
      logPosition: this.#logPosition,
      events: rows,
      effects,
    };
    const appended = await this.#host.committer.append(append).catch((cause: unknown) => {
      throw new ErrorWithCode('UNAVAILABLE', `the journal did not answer: ${messageOf(cause)}`, { cause });
    });
    if (appended.kind === 'repeated') return { ok: true, result: appended.answer, repeated: true };
    if (appended.kind === 'fenced') return this.#fenced(appended.reason);
    const firstSeq = this.#seq + 1;
    this.#state = state;
    this.#seq += events.length;
    this.#touch();
    for (const { index, effect } of effects)
      this.#host.effects.begin({ entity: this.id, seq: firstSeq, index, effect });
    return { ok: true, result: answer, repeated: false };
  }

  #fold(
    events: readonly { readonly kind: string }[],
    turn: Turn<unknown>,
  ): { state: unknown; rows: Append['events']; effects: Append['effects'] } {
    let state = this.#state;
    const effects: { index: number; effect: Json }[] = [];
    const rows = events.map((event) => {
      const before = this.kind.describe?.(state, event) ?? null;
      state = this.kind.evolve(state, event, turn);
      const after = this.kind.describe?.(state, event) ?? null;
      for (const effect of this.kind.effects?.(event, state, this.#self) ?? [])
        effects.push({ index: effects.length, effect });
      return { kind: event.kind, event: event as unknown as Json, before, after };
    });
    return { state, rows, effects };
  }

  #emit(): void {
    this.#observedSinceEmit = false;
    const observation = this.kind.emit?.(this.#state, this.#turn(BY_TIMER)) ?? null;
    if (observation === null) return;
    // Derived values can be computed again, so a log that is full or away costs a gap in their history, not a crash.
    this.#host.append({ source: this.id, observation }).catch(() => undefined);
  }

  #snapshot({ upTo, take }: Extract<Message, { kind: 'snapshot' }>): void {
    this.#logPosition = Math.max(this.#logPosition, upTo);
    const stored = this.kind.snapshot ? this.kind.snapshot.encode(this.#state) : this.#state;
    const snapshot: Snapshot = {
      entity: this.id,
      seq: this.#seq,
      logPosition: this.#logPosition,
      timeMs: this.#host.now(),
      state: pack(stored),
    };
    if (this.#logging === undefined) {
      take(snapshot);
      return;
    }
    // What was admitted is in the state already. Saved before the log has it, a crash would leave an actor that takes the
    // second delivery of a lost reading for a duplicate.
    const refusals = this.#refusals;
    const settled = () => take(this.#refusals === refusals ? snapshot : undefined);
    this.#logging.then(settled, settled);
  }

  /** The journal has this snapshot of it. */
  saved({ seq, logPosition }: Snapshot): void {
    this.#savedSeq = Math.max(this.#savedSeq, seq);
    this.#savedLogPosition = Math.max(this.#savedLogPosition, logPosition);
  }

  #decode(state: Uint8Array): unknown {
    const stored: unknown = unpack(state);
    return this.kind.snapshot ? this.kind.snapshot.decode(stored, this.#self) : stored;
  }

  // Failure

  #fenced(reason: string): Reply {
    this.#host.ownership.fenced(this.shard, reason);
    this.#status = 'stopped';
    this.#host.crashed(this.id, new Error(`fenced: ${reason}`), undefined);
    return { ok: false, code: 'STALE_ROUTE', message: `another node owns ${this.id}: ${reason}` };
  }

  #crash(message: Message, error: unknown): void {
    if (message.kind === 'record') this.#poisoned(message.record, error);
    if (message.kind === 'input') this.#poisonedInput(message, error);
    else
      this.#decline(
        message,
        codeOf(error) ?? 'UNAVAILABLE',
        `the outcome is not known: ${messageOf(error)}; repeat with the same command id`,
      );
    const verdict = this.#budget.crashed(this.#host.now(), Math.random());
    this.#status = verdict.kind === 'restart' ? 'waiting' : 'stopped';
    this.#host.crashed(this.id, error, verdict.kind === 'restart' ? verdict.afterMs : undefined);
    if (verdict.kind === 'restart')
      this.#restart = setTimeout(() => this.#mailbox.post({ kind: 'recover' }), verdict.afterMs);
  }

  /** A record that the kind's own code cannot take would crash every recovery: it is left out from now on, and said so. */
  #poisoned(record: PositionedRecord, error: unknown): void {
    if (codeOf(error) !== undefined) return;
    this.#poison = record.position;
    const body = { position: record.position, source: record.source };
    this.#host.deadLetter({
      timeMs: this.#host.now(),
      stream: 'messages',
      source: this.id,
      code: 'CRASHED',
      reason: messageOf(error),
      body,
    });
  }

  #poisonedInput(message: Extract<Message, { kind: 'input' }>, error: unknown): void {
    this.#host.deadLetter({
      timeMs: this.#host.now(),
      stream: 'invalid_telemetry',
      source: this.id,
      code: 'CRASHED',
      reason: messageOf(error),
      body: null,
    });
    message.taken();
  }

  async #recover(): Promise<void> {
    if (this.#status === 'stopped') return;
    try {
      await this.load();
      await this.#host.replay(this);
      await this.finish();
    } catch (error) {
      this.#crash({ kind: 'recover' }, error);
    }
  }

  #decline(message: Message, code: string, text: string): void {
    if (message.kind === 'command') message.reply({ ok: false, code, message: text });
    if (message.kind === 'input') message.refused(new ErrorWithCode(code, text));
    if (message.kind === 'snapshot') message.take(undefined);
  }

  #touch(): void {
    this.#touched = true;
    this.#host.live.touch(this.id, this.#view);
  }

  #turn(by: Who): Turn<unknown> {
    return { id: this.id, definition: this.#self.definition, nowMs: this.#host.now(), by, permissions: NONE };
  }

  /** Time is that of the record, so that a replay sees what the first run saw. */
  #observationTurn(record: PositionedRecord, replay: boolean): ObservationTurn<unknown> {
    return {
      id: this.id,
      definition: this.#self.definition,
      nowMs: timeOf(record, this.#host),
      by: BY_LOG,
      permissions: NONE,
      source: record.source,
      replay,
    };
  }
}

function timeOf(record: PositionedRecord, host: EntityHost): number {
  const { observation } = record;
  if (
    typeof observation === 'object' &&
    observation !== null &&
    'gatewayTimeMs' in observation &&
    typeof observation.gatewayTimeMs === 'number'
  ) {
    return observation.gatewayTimeMs;
  }
  return host.now();
}
