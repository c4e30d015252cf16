import { type AnyActorKind, SUPERVISION } from '../actor-kind.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { EntityId } from '../ids.ts';
import type { Snapshot } from '../journal.ts';
import type { PositionedRecord } from '../log.ts';
import { Mailbox } from '../mailbox.ts';
import { type Shard, shardOf } from '../ownership.ts';
import { CrashBudget } from '../supervisor.ts';
import type { EntityHost } from './host.ts';
import { BY_LOG, BY_TIMER, Memory } from './memory.ts';
import { decline, type Message } from './message.ts';
import { Recovery } from './recovery.ts';
import { Turns } from './turns.ts';

export type EntityStatus = 'recovering' | 'live' | 'waiting' | 'stopped';

const DEFAULT_MAILBOX_CAPACITY = 256;

/**
 * One supervised actor: a mailbox, the memory of it, the turns it takes while it is live, and what becomes of it when a turn
 * fails. Whenever memory may not be what the journal says (a crash, an append without an answer) it is given up and built
 * again from snapshot, journal and log, so that memory never runs ahead of history.
 */
export class Entity {
  readonly id: EntityId;
  readonly kind: AnyActorKind;
  readonly shard: Shard;
  readonly #host: EntityHost;
  readonly #memory: Memory;
  readonly #turns: Turns;
  readonly #budget: CrashBudget;
  readonly #mailbox: Mailbox<Message>;
  readonly #view = () => this.#memory.view();
  #status: EntityStatus = 'recovering';
  #recovery: Recovery | undefined;
  #restart: NodeJS.Timeout | undefined;
  #commandsWaiting = 0;
  #changed = false;
  /** The next instant at which it wants to be woken; looked at again only after something happened. */
  #dueMs: number | undefined;

  constructor(id: EntityId, kind: AnyActorKind, definition: unknown, host: EntityHost) {
    this.id = id;
    this.kind = kind;
    this.shard = shardOf(id);
    this.#host = host;
    this.#memory = new Memory(kind, { id, definition }, () => host.now());
    this.#turns = new Turns(this.#memory, host, {
      changed: () => this.#touch(),
      fenced: (reason) => this.#fenced(reason),
      unlogged: () => {
        if (this.#status === 'live') this.#mailbox.post({ kind: 'recover' });
      },
    });
    this.#budget = new CrashBudget({ ...SUPERVISION, ...kind.supervision });
    this.#mailbox = new Mailbox(host.cell, (message) => this.#receive(message));
  }

  get status(): EntityStatus {
    return this.#status;
  }

  get seq(): number {
    return this.#memory.seq;
  }

  get logPosition(): number {
    return this.#memory.logPosition;
  }

  get savedLogPosition(): number {
    return this.#memory.savedLogPosition;
  }

  /** Has changed since the last snapshot of it that the journal has. */
  get unsaved(): boolean {
    return this.#memory.unsaved;
  }

  get lastActiveMs(): number {
    return this.#turns.lastActiveMs;
  }

  get wantsToEmit(): boolean {
    return this.#turns.wantsToEmit;
  }

  get waiting(): number {
    return this.#mailbox.size;
  }

  /** `full`: the mailbox takes no more commands. */
  post(message: Message): 'posted' | 'full' | 'gone' {
    if (message.kind === 'command') {
      if (this.#commandsWaiting >= (this.kind.mailboxCapacity ?? DEFAULT_MAILBOX_CAPACITY)) return 'full';
      this.#commandsWaiting++;
    }
    return this.#mailbox.post(message) ? 'posted' : 'gone';
  }

  /** When it next wants `due`; computed only after something happened. */
  nextDueMs(): number | undefined {
    if (this.#changed) {
      this.#changed = false;
      const { state, self } = this.#memory;
      this.#dueMs = this.#status === 'live' ? this.kind.nextDueMs?.(state, self) : undefined;
    }
    return this.#dueMs;
  }

  /** When it becomes history, as far as it knows now. */
  retiresAtMs(): number | undefined {
    return this.kind.retiresAtMs?.(this.#memory.state, this.#memory.self);
  }

  /** The journal has this snapshot of it. */
  saved(snapshot: Snapshot): void {
    this.#memory.saved(snapshot);
  }

  /** Ends after the running turn; what waited is declined. */
  async stop(): Promise<void> {
    clearTimeout(this.#restart);
    const rest = await this.#mailbox.close();
    this.#status = 'stopped';
    for (const message of rest) decline(message, 'STOPPED', 'the entity was stopped');
  }

  #receive(message: Message): void | Promise<void> {
    if (message.kind === 'command') this.#commandsWaiting--;
    if (message.kind === 'record') this.#host.observed(this.kind.name);
    if (message.kind === 'recover') return this.#recover();
    if (this.#status !== 'live') {
      decline(message, 'UNAVAILABLE', `the entity is ${this.#status}, try again`);
      return;
    }
    try {
      return this.#turns.take(message)?.catch((error: unknown) => this.#crashed(message, error));
    } catch (error) {
      this.#crashed(message, error);
    }
  }

  #touch(): void {
    this.#changed = true;
    this.#host.live.touch(this.id, this.#view);
  }

  // Recovery step by step, since at the start of a node many entities share one pass over the log.

  async load(): Promise<void> {
    this.#status = 'recovering';
    this.#recovery = await Recovery.begin(this.#memory, this.#host);
  }

  replay(record: PositionedRecord): void | Promise<void> {
    return this.#turns.decided(this.#recovery?.replay(record), BY_LOG);
  }

  async finish(): Promise<void> {
    const events = this.#recovery?.end();
    this.#recovery = undefined;
    await this.#turns.decided(events, BY_TIMER);
    // Fenced meanwhile, it is over.
    if (this.#status !== 'recovering') return;
    this.#status = 'live';
    this.#touch();
  }

  async #recover(): Promise<void> {
    if (this.#status === 'stopped') return;
    try {
      await this.load();
      await this.#host.replay(this);
      await this.finish();
    } catch (error) {
      this.#crashed({ kind: 'recover' }, error);
    }
  }

  // Failure

  #crashed(message: Message, error: unknown): void {
    if (message.kind === 'record') this.#leaveOut(message.record, error);
    if (message.kind === 'input') {
      this.#letter('invalid_telemetry', error, null);
      message.taken();
    } else {
      const text = `the outcome is not known: ${messageOf(error)}; repeat with the same command id`;
      decline(message, codeOf(error) ?? 'UNAVAILABLE', text);
    }
    const verdict = this.#budget.crashed(this.#host.now(), Math.random());
    if (verdict.kind === 'restart') {
      this.#status = 'waiting';
      this.#restart = setTimeout(() => this.#mailbox.post({ kind: 'recover' }), verdict.afterMs);
    } else this.#status = 'stopped';
    this.#host.crashed(this.id, error, verdict.kind === 'restart' ? verdict.afterMs : undefined);
  }

  /**
   * A record that the kind's own code cannot take would crash every recovery: it is left out from now on, and said so. An
   * error with a code is not the record's doing.
   */
  #leaveOut({ position, source }: PositionedRecord, error: unknown): void {
    if (codeOf(error) !== undefined) return;
    this.#memory.poison = position;
    this.#letter('messages', error, { position, source });
  }

  #letter(stream: 'messages' | 'invalid_telemetry', error: unknown, body: { position: number; source: string } | null) {
    const timeMs = this.#host.now();
    this.#host.deadLetter({ timeMs, stream, source: this.id, code: 'CRASHED', reason: messageOf(error), body });
  }

  /** Another node owns it. Whether it ever comes up here again is for its node to say. */
  #fenced(reason: string): void {
    this.#host.ownership.fenced(this.shard, reason);
    this.#status = 'stopped';
    this.#host.crashed(this.id, new Error(`fenced: ${reason}`), undefined);
  }
}
