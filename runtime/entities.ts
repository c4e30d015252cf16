import type { AnyActorKind, View } from './actor-kind.ts';
import { commandHash, journalCommandId } from './command-identity.ts';
import { Entity } from './entity/entity.ts';
import type { EntityHost } from './entity/host.ts';
import { Memory } from './entity/memory.ts';
import type { Message, Sent } from './entity/message.ts';
import { Recovery } from './entity/recovery.ts';
import { ErrorWithCode } from './errors.ts';
import { type EntityId, kindOf } from './ids.ts';
import type { Snapshot } from './journal.ts';
import type { Json } from './json.ts';
import type { PositionedRecord } from './log.ts';
import type { Shard } from './ownership.ts';
import { permits } from './permissions.ts';
import type { Population } from './population.ts';
import type { AskOptions, Reply } from './runtime.ts';

const DEFAULT_ASK_TIMEOUT_MS = 10_000;
/** Somebody sent a command to an entity that never was; it is let go of before many such names fill memory. */
const PHANTOM_MS = 1000;

/** How far the snapshots of a shard reach, where that is not as far as was asked for. */
interface Behind {
  readonly shard: Shard;
  readonly position: number;
}

/** The entities of one node: brings them up when somebody wants them, hands them their messages, lets the idle go. */
export class Entities {
  readonly #population: Population;
  readonly #host: EntityHost;
  readonly #kinds = new Map<string, AnyActorKind>();
  readonly #entities = new Map<EntityId, Entity>();
  /** The same, for whoever asks for those of one shard again and again while it moves. */
  readonly #byShard = new Map<Shard, Map<EntityId, Entity>>();
  readonly #residents: ReadonlySet<EntityId>;
  /** Passivated, with the instant at which they want to be woken; those that nothing but a command wakes are not here. */
  readonly #asleep = new Map<EntityId, number | undefined>();
  #outstanding = 0;
  #stopping = false;

  constructor(population: Population, host: EntityHost) {
    this.#population = population;
    this.#host = host;
    this.#residents = new Set(population.residents);
    for (const kind of population.kinds) this.#kinds.set(kind.name, kind);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  get size(): number {
    return this.#entities.size;
  }

  all(): IterableIterator<Entity> {
    return this.#entities.values();
  }

  get(id: EntityId): Entity | undefined {
    return this.#entities.get(id);
  }

  /** Records taken out of mailboxes, by kind of entity. */
  readonly observedByKind = new Map<string, number>();

  observed(kind: string): void {
    this.#outstanding--;
    this.observedByKind.set(kind, (this.observedByKind.get(kind) ?? 0) + 1);
  }

  /** Creates an entity without recovering it, for the common pass over the log at the start. None for those of other nodes. */
  create(id: EntityId): Entity | undefined {
    const kind = this.#kinds.get(kindOf(id));
    const definition = this.#population.definitionOf(id);
    const epoch = this.#host.ownership.heldUnder(this.#host.shardOf(id));
    if (!kind || definition === undefined || epoch === undefined) return undefined;
    const entity = new Entity(id, kind, definition, epoch, this.#host);
    this.#entities.set(id, entity);
    const ofShard = this.#byShard.get(entity.shard);
    if (ofShard) ofShard.set(id, entity);
    else this.#byShard.set(entity.shard, new Map([[id, entity]]));
    return entity;
  }

  async ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const kind = this.#kinds.get(kindOf(to));
    if (!kind) return { ok: false, code: 'NOT_FOUND', message: `there is no kind of entity called ${kindOf(to)}` };
    const parsed = kind.command.safeParse(command);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return {
        ok: false,
        code: 'INVALID_COMMAND',
        message: issue?.message ?? 'not a command',
        field: issue?.path.join('.') || 'kind',
      };
    }
    const permission = kind.permission(parsed.data);
    if (!permits(options.permissions, permission === 'internal' ? 'internal:command' : permission)) {
      return { ok: false, code: 'FORBIDDEN', message: `this needs the permission ${permission}` };
    }
    const entity = this.#awake(to);
    if (!entity) return { ok: false, code: this.#stopping ? 'STOPPED' : 'NOT_FOUND', message: `there is no ${to}` };
    const { by, permissions, deadlineMs } = options;
    const sent: Sent = {
      commandId: journalCommandId(options),
      // Of the command as it was sent; see there why.
      commandHash: commandHash(command),
      by,
      permissions,
      ...(deadlineMs !== undefined && { deadlineMs }),
    };
    return this.#post(entity, parsed.data, sent, options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS);
  }

  #post(entity: Entity, command: unknown, sent: Sent, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () =>
          resolve({
            ok: false,
            code: 'TIMEOUT',
            message: `no answer within ${timeoutMs} ms; repeat with the same command id`,
          }),
        timeoutMs,
      );
      const reply = (answer: Reply) => {
        clearTimeout(timer);
        resolve(answer);
      };
      const posted = entity.post({ kind: 'command', command, sent, reply });
      if (posted === 'full')
        reply({ ok: false, code: 'OVERLOADED', message: `${entity.id} has too many commands waiting` });
      if (posted === 'gone')
        reply({ ok: false, code: 'UNAVAILABLE', message: `${entity.id} is being stopped, try again` });
    });
  }

  ingest(source: EntityId, input: unknown): Promise<void> {
    const entity = this.#entities.get(source);
    if (!entity) return Promise.reject(new ErrorWithCode('NOT_FOUND', `there is no ${source}`));
    return new Promise((taken, refused) => {
      const posted = entity.post({ kind: 'input', input, taken, refused });
      if (posted === 'full') refused(new ErrorWithCode('OVERLOADED', `${source} has too many inputs waiting`));
      if (posted === 'gone') refused(new ErrorWithCode('STOPPED', `${source} is being stopped`));
    });
  }

  note(to: EntityId, note: Json): void {
    this.#entities.get(to)?.post({ kind: 'note', note });
  }

  /** Those of a shard that are here. */
  ofShard(shard: Shard): Entity[] {
    return [...(this.#byShard.get(shard)?.values() ?? [])];
  }

  /**
   * Brings entities up, which all live here, whether they slept or were not here. At once all of them are there, and take
   * messages, which wait; resolves when all are live, and rejects where one has to wait for a store.
   */
  async bringUp(ids: Iterable<EntityId>): Promise<void> {
    const rising: Promise<void>[] = [];
    for (const id of ids) {
      const entity = this.#awake(id);
      // One that its own code keeps from rising is supervised like any other; the rest need not wait for it.
      if (entity)
        rising.push(entity.up().catch((error) => (entity.down?.cause === 'store' ? Promise.reject(error) : undefined)));
    }
    await Promise.all(rising);
  }

  /** Ends what is here of a shard after the running turns; what waits is declined. Nothing of it is to be found at once. */
  async letGo(shard: Shard): Promise<void> {
    const going = this.ofShard(shard);
    for (const { id } of going) this.#entities.delete(id);
    this.#byShard.delete(shard);
    for (const id of this.#asleep.keys()) if (this.#host.shardOf(id) === shard) this.#asleep.delete(id);
    await Promise.all(going.map((entity) => entity.stop()));
  }

  /** Whether `deliver` has anybody to hand records of this source to, among those that are here. */
  observes(source: EntityId): boolean {
    if (this.#isHere(source) && this.#kinds.get(kindOf(source))?.admit !== undefined) return true;
    for (const follower of this.#population.followersOf(source)) if (this.#isHere(follower)) return true;
    return false;
  }

  #isHere(id: EntityId): boolean {
    return this.#entities.has(id) || this.#asleep.has(id);
  }

  deliver(record: PositionedRecord): void {
    const message: Message = { kind: 'record', record };
    // What an entity derived by itself is for others; what it admitted comes back to it now that the log has it.
    if (this.#kinds.get(kindOf(record.source))?.admit) this.#deliverTo(record.source, message);
    for (const follower of this.#population.followersOf(record.source)) this.#deliverTo(follower, message);
  }

  #deliverTo(id: EntityId, message: Message): void {
    const entity = this.#entities.get(id) ?? (this.#asleep.has(id) ? this.#awake(id) : undefined);
    if (entity?.kind.observe && entity.post(message) === 'posted') this.#outstanding++;
  }

  watch(id: EntityId, changed: ReadonlyMap<EntityId, View>): void {
    this.#entities.get(id)?.post({ kind: 'watch', changed });
  }

  /** Wakes whoever is due, asks for derived observations, lets the idle go. Called a few times a second. */
  tick(nowMs: number, emitting: boolean): void {
    for (const entity of this.#entities.values()) {
      if (!entity.runs) continue;
      const dueMs = entity.nextDueMs();
      if (dueMs !== undefined && dueMs <= nowMs) entity.post({ kind: 'due' });
      if (emitting && entity.wantsToEmit) entity.post({ kind: 'emit' });
      // What the journal has not of it is nowhere else.
      if (entity.status !== 'live') continue;
      const idleMs = this.#isPhantom(entity) ? PHANTOM_MS : entity.kind.passivateAfterMs;
      if (idleMs !== undefined && nowMs - entity.lastActiveMs > idleMs && entity.waiting === 0 && !entity.unsaved)
        this.#passivate(entity, dueMs, nowMs);
    }
    for (const [id, dueMs] of this.#asleep) if (dueMs !== undefined && dueMs <= nowMs) this.#awake(id);
  }

  #isPhantom(entity: Entity): boolean {
    return entity.seq === 0 && !this.#residents.has(entity.id);
  }

  #passivate(entity: Entity, dueMs: number | undefined, nowMs: number): void {
    const { id, kind, seq } = entity;
    this.#entities.delete(id);
    this.#byShard.get(entity.shard)?.delete(id);
    void entity.stop();
    const retiresAtMs = entity.retiresAtMs();
    if (retiresAtMs !== undefined && retiresAtMs <= nowMs) {
      this.#host.retired(id, seq);
      return;
    }
    const wakeMs = Math.min(dueMs ?? Number.POSITIVE_INFINITY, retiresAtMs ?? Number.POSITIVE_INFINITY);
    if (wakeMs < Number.POSITIVE_INFINITY) this.#asleep.set(id, wakeMs);
    else if (kind.observe) this.#asleep.set(id, undefined);
  }

  /** Built aside from its records; nothing of it stays, and nothing comes of it. */
  async remembered(id: EntityId): Promise<View | undefined> {
    const kind = this.#kinds.get(kindOf(id));
    const definition = this.#population.definitionOf(id);
    if (!kind || definition === undefined) return undefined;
    const memory = new Memory(kind, { id, definition }, () => this.#host.now());
    const recovery = await Recovery.begin(memory, this.#host, { id, isAwaited: true });
    recovery.end();
    return memory.seq === 0 ? undefined : memory.view();
  }

  /** Commands that arrive while it recovers wait behind the recovery in its mailbox. */
  #awake(id: EntityId): Entity | undefined {
    const present = this.#entities.get(id);
    if (present || this.#stopping) return present;
    const entity = this.create(id);
    this.#asleep.delete(id);
    entity?.post({ kind: 'recover' });
    return entity;
  }

  /** Snapshots of those that changed, of some entities, and who is not covered up to the position by them, and how far. */
  async snapshots(some: readonly Entity[], upTo: number): Promise<{ snapshots: Snapshot[]; behind: Behind[] }> {
    const behind: Behind[] = [];
    const taken = some.map(async (entity) => {
      const { shard } = entity;
      // What it observed since its snapshot is lost with its memory, and what came while it was down it never saw.
      if (entity.status !== 'live') behind.push({ shard, position: entity.savedLogPosition });
      // What waits in its mailbox counts as observed by then.
      if (entity.status !== 'live' || (!entity.unsaved && entity.waiting === 0)) return undefined;
      const snapshot = await this.#snapshotOf(entity, upTo);
      // One that crashed meanwhile is still behind: the next round covers it.
      if (snapshot === undefined) behind.push({ shard, position: 0 });
      return snapshot && { ...snapshot, under: { shard, epoch: entity.epoch } };
    });
    const snapshots = (await Promise.all(taken)).filter((snapshot) => snapshot !== undefined);
    return { snapshots, behind };
  }

  /** The journal has these snapshots; until then their entities count as unsaved. */
  saved(snapshots: readonly Snapshot[]): void {
    for (const snapshot of snapshots) this.#entities.get(snapshot.entity)?.saved(snapshot);
  }

  #snapshotOf(entity: Entity, upTo: number): Promise<Snapshot | undefined> {
    return new Promise((take) => {
      if (entity.post({ kind: 'snapshot', upTo, take }) !== 'posted') take(undefined);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#entities.values()].map((entity) => entity.stop()));
  }
}
