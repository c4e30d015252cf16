import { type AnyActorKind, SUPERVISION } from '../actor-kind.ts';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { EntityId } from '../ids.ts';
import type { Snapshot } from '../journal.ts';
import type { Json } from '../json.ts';
import type { PositionedRecord } from '../log.ts';
import type { Epoch, Shard } from '../ownership.ts';
import { StoreFailure } from '../store-failure.ts';
import { record } from './commit.ts';
import type { EntityHost } from './host.ts';
import { letterBody } from './letter-body.ts';
import { BY_LOG, BY_TIMER, Memory } from './memory.ts';
import { decline, type Message } from './message.ts';
import { DEFAULT_COMMAND_CAPACITY, EntityQueue, type Posted } from './queue.ts';
import { Recovery } from './recovery.ts';
import { type Down, Supervision } from './supervision.ts';
import { Turns } from './turns.ts';
import { Unrecorded } from './unrecorded.ts';

/** `unrecorded`: as `live`, but the journal is away. It observes and decides, and is shown; nothing of it is saved or answered. */
export type EntityStatus = 'recovering' | 'live' | 'unrecorded' | 'waiting' | 'stopped';

/**
 * One supervised actor: a mailbox, the memory of it, the turns it takes while it is live, and what becomes of it when a turn
 * fails. Whenever memory may not be what the journal says (a crash, a command without an answer) it is given up and built
 * again from snapshot, journal and log. While the journal is away what it decides by itself runs ahead of history, and says so.
 */
export class Entity {
  readonly id: EntityId;
  readonly kind: AnyActorKind;
  readonly shard: Shard;
  /** Under which this memory of it was begun. Under a later one of the same node there is another. */
  readonly epoch: Epoch;
  readonly #host: EntityHost;
  readonly #memory: Memory;
  readonly #turns: Turns;
  readonly #supervision: Supervision;
  readonly #mailbox: EntityQueue;
  readonly #view = () => this.#memory.view();
  #status: EntityStatus = 'recovering';
  #recovery: Recovery | undefined;
  /** What keeps it from the journal, while something does. */
  #failure: StoreFailure | undefined;
  /** Memory knows of readings that the log did not take: it has to be built again before it takes another. */
  #isAhead = false;
  /** Those who wait for it to be live. */
  readonly #rising: ((error: unknown) => void)[] = [];
  #changed = false;
  /** The next instant at which it wants to be woken; looked at again only after something happened. */
  #dueMs: number | undefined;

  constructor(id: EntityId, kind: AnyActorKind, definition: unknown, epoch: Epoch, host: EntityHost) {
    this.id = id;
    this.kind = kind;
    this.shard = host.shardOf(id);
    this.epoch = epoch;
    this.#host = host;
    this.#memory = new Memory(kind, { id, definition }, () => host.now(), epoch);
    this.#turns = new Turns(this.#memory, host, {
      changed: () => this.#touch(),
      committed: () => this.#supervision.answered(),
      unrecorded: (failure) => this.#goOn(failure),
      fenced: (reason) => this.#fenced(reason),
      unlogged: () => {
        if (!this.runs) return;
        this.#isAhead = true;
        this.#mailbox.post({ kind: 'recover' });
      },
    });
    this.#supervision = new Supervision({ ...SUPERVISION, ...kind.supervision }, host, () =>
      this.#mailbox.post({ kind: 'recover' }),
    );
    this.#mailbox = new EntityQueue(
      host.cell,
      kind.mailboxCapacity ?? DEFAULT_COMMAND_CAPACITY,
      (message) => this.#receive(message),
      host.overflowed,
    );
  }

  get status(): EntityStatus {
    return this.#status;
  }

  /** It takes part: readings are observed, and what is due is done. */
  get runs(): boolean {
    return this.#status === 'live' || this.#status === 'unrecorded';
  }

  /** Since when the journal has not all of what is shown of it; epoch milliseconds. */
  get unrecordedSinceMs(): number | undefined {
    return this.#status === 'unrecorded' ? this.#memory.unrecorded?.sinceMs : undefined;
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

  /** Why it is not running; undefined where it is, or is just being built. */
  get down(): Down | undefined {
    return this.#status === 'waiting' || this.#status === 'stopped' ? this.#supervision.down : undefined;
  }

  /** While it is being built: somebody has sent it something, or waits for its end. */
  get isAwaited(): boolean {
    return this.#mailbox.isAwaited;
  }

  post(message: Message): Posted {
    const posted = this.#mailbox.post(message);
    if (this.#status === 'recovering' && this.#mailbox.isAwaited) this.#host.awaited();
    return posted;
  }

  /**
   * Builds it again by the will of a person, whatever it has crashed before. Resolves when it is live, rejects with what keeps
   * it from that: INVALID_STATE_TRANSITION where it runs, STALE_ROUTE where it is not this node's to run.
   */
  restart(): Promise<void> {
    const { down } = this;
    if (down === undefined)
      return Promise.reject(new ErrorWithCode('INVALID_STATE_TRANSITION', `${this.id} is ${this.#status}`));
    if (down.cause === 'fenced')
      return Promise.reject(new ErrorWithCode('STALE_ROUTE', `another node owns ${this.id}: ${down.reason}`));
    return new Promise((resolve, reject) => {
      this.#rising.push((error) => (error === undefined ? resolve() : reject(error)));
      this.#supervision.renew();
      this.#status = 'waiting';
      this.#mailbox.post({ kind: 'recover' });
    });
  }

  /** When it next wants `due`; computed only after something happened. */
  nextDueMs(): number | undefined {
    if (this.#changed) {
      this.#changed = false;
      const { state, self } = this.#memory;
      this.#dueMs = this.runs ? this.kind.nextDueMs?.(state, self) : undefined;
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

  /** Resolves when it runs; rejects with what keeps it from that, where it has to wait for something. */
  up(): Promise<void> {
    if (this.runs) return Promise.resolve();
    if (this.down !== undefined) return Promise.reject(new ErrorWithCode('UNAVAILABLE', this.#whyNot()));
    return new Promise((resolve, reject) => {
      this.#rising.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Ends after the running turn; what waited is declined. */
  async stop(): Promise<void> {
    this.#supervision.close();
    const closed = this.#mailbox.close();
    if (this.#status === 'recovering') this.#host.awaited();
    const rest = await closed;
    this.#status = 'stopped';
    for (const message of rest) {
      if (message.kind === 'record') this.#host.observed(this.kind.name);
      decline(message, 'STOPPED', 'the entity was stopped');
    }
    this.#risen(new ErrorWithCode('STOPPED', 'the entity was stopped'));
  }

  #receive(message: Message): void | Promise<void> {
    if (message.kind === 'record') this.#host.observed(this.kind.name);
    if (message.kind === 'recover')
      return this.#status === 'unrecorded' && !this.#isAhead ? this.#record() : this.#recover();
    if (!this.runs || this.#isKept(message)) {
      decline(message, 'UNAVAILABLE', this.#whyNot());
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
    this.#recovery = await Recovery.begin(this.#memory, this.#host, this);
    this.#isAhead = false;
  }

  replay(record: PositionedRecord): void | Promise<void> {
    return this.#turns.gathered(this.#recovery?.replay(record), BY_LOG);
  }

  async finish(): Promise<void> {
    const events = this.#recovery?.end();
    this.#recovery = undefined;
    await this.#turns.gathered(events, BY_TIMER);
    await this.#turns.recordGathered();
    // Fenced meanwhile, it is over.
    if (this.#status !== 'recovering') return;
    this.#status = this.#memory.unrecorded === undefined ? 'live' : 'unrecorded';
    this.#supervision.up();
    if (this.#status === 'unrecorded' && this.#failure !== undefined) this.#supervision.unrecorded(this.#failure);
    this.#risen(undefined);
    this.#touch();
  }

  // Without the journal

  #goOn(failure: StoreFailure): void {
    // While it recovers it has not seen the log to its end, and is not to be called before.
    this.#failure = failure;
    if (this.#status === 'recovering') return;
    this.#status = 'unrecorded';
    this.#supervision.unrecorded(failure);
  }

  /** The journal may be back: what was decided without it becomes history, as it was decided. */
  async #record(): Promise<void> {
    try {
      const recorded = await record(this.#memory, this.#host);
      if (recorded.kind === 'superseded') return await this.#recover();
      if (recorded.kind === 'fenced') return this.#fenced(recorded.reason);
      if (recorded.kind === 'unrecorded') return this.#goOn(recorded.failure);
      this.#status = 'live';
      this.#supervision.answered();
      this.#touch();
    } catch (error) {
      this.#crashed({ kind: 'recover' }, error);
    }
  }

  /**
   * Also while it is live: what it knows of and the log did not take must neither be saved nor be taken for logged by whoever
   * sends it again, and what had come before it was told so may stand in the mailbox before the order to build it again.
   */
  #isKept({ kind }: Message): boolean {
    if (this.#isAhead && (kind === 'input' || kind === 'snapshot')) return true;
    return this.#status === 'unrecorded' && (kind === 'command' || kind === 'snapshot');
  }

  async #recover(): Promise<void> {
    if (this.#status === 'stopped') return;
    this.#supervision.begun();
    const ran = this.runs;
    try {
      await this.load();
    } catch (error) {
      if (!ran || !(error instanceof StoreFailure) || !error.retryable)
        return this.#crashed({ kind: 'recover' }, error);
      // Memory is as it was, and to go on with it better than to stand still.
      this.#memory.unrecorded ??= new Unrecorded(this.#memory.state, this.#host.now());
      this.#status = 'unrecorded';
      return this.#goOn(error);
    }
    try {
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
      this.#letter('invalid_telemetry', error, letterBody(message.input));
      message.taken();
    } else {
      const text = `the outcome is not known: ${messageOf(error)}; repeat with the same command id`;
      decline(message, codeOf(error) ?? 'UNAVAILABLE', text);
    }
    const down = this.#supervision.failed(error);
    this.#status = down.cause === 'stopped' ? 'stopped' : 'waiting';
    this.#risen(error);
    if (down.cause !== 'store') this.#host.crashed(this.id, error, down.restartInMs);
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

  #letter(stream: 'messages' | 'invalid_telemetry', error: unknown, body: Json) {
    const timeMs = this.#host.now();
    this.#host.deadLetter({ timeMs, stream, source: this.id, code: 'CRASHED', reason: messageOf(error), body });
  }

  /** Another node owns it. Whether it ever comes up here again is for its node to say. */
  #fenced(reason: string): void {
    this.#host.ownership.fenced(this.shard, reason);
    this.#supervision.fenced(reason);
    this.#status = 'stopped';
    const error = new Error(`fenced: ${reason}`);
    this.#risen(error);
    this.#host.crashed(this.id, error, undefined);
  }

  #whyNot(): string {
    const { down } = this;
    if (this.#status === 'unrecorded')
      return `nothing can be recorded now: ${this.#failure?.message ?? 'the journal is away'}; repeat with the same command id`;
    if (this.#status === 'live') return 'the telemetry log refused a reading, and the entity is built again; try again';
    if (down?.cause === 'stopped') return `the entity is stopped until somebody restarts it: ${down.reason}`;
    return down === undefined ? `the entity is ${this.#status}, try again` : `${down.reason}; try again`;
  }

  #risen(error: unknown): void {
    for (const tell of this.#rising.splice(0)) tell(error);
  }
}
