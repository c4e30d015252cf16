import type { View } from './actor-kind.ts';
import { Checkpoints } from './checkpoints.ts';
import { type CommitListener, Committer } from './committer.ts';
import { DeadLetterBuffer } from './dead-letters.ts';
import { EffectRunner } from './effects.ts';
import { Entities } from './entities.ts';
import type { Entity } from './entity/entity.ts';
import { messageOf } from './errors.ts';
import { FencedIntake } from './fenced-intake.ts';
import type { Historian } from './historian.ts';
import { type EntityId, kindOf } from './ids.ts';
import { type Append, entriesOf, type Journal, type JournalEntry } from './journal.ts';
import type { Json } from './json.ts';
import { LiveCells } from './live-cells.ts';
import { type DeadLetter, type DeadLetterStore, recordsBetween } from './log.ts';
import type { Pump } from './log-pump.ts';
import { LocalCell } from './nact/cell.ts';
import { healthOf } from './node-health.ts';
import { NodeHost } from './node-host.ts';
import { describeNode } from './node-metrics.ts';
import type { NodeOptions } from './node-options.ts';
import { NodeRounds } from './node-rounds.ts';
import { openPump } from './open-pump.ts';
import { LocalOwnership, type Ownership, type Shard } from './ownership.ts';
import { shardIn } from './population.ts';
import { restartEntity } from './restart-entity.ts';
import type { AskOptions, Health, Readiness, Reply, Restarted, Runtime } from './runtime.ts';
import { type Seat, TakenSeat } from './seat.ts';
import { Shards } from './shards.ts';
import { StoreWatches } from './store-watches.ts';
import { takeAll } from './take-all.ts';
import { Watchers } from './watchers.ts';
import { Whereabouts } from './whereabouts.ts';

/**
 * One node: entities over a journal and a log, with everything around them. `start` recovers every resident to the state
 * that snapshot, journal and log give; from then on it is a `Runtime`.
 */
export class Node implements Runtime {
  readonly live: LiveCells;
  readonly journal: Journal;
  readonly historian: Historian;
  readonly deadLetters: DeadLetterStore;
  readonly #options: NodeOptions;
  readonly #cell = new LocalCell();
  readonly #seat: TakenSeat | undefined;
  readonly #ownership: Ownership;
  readonly #shards: Shards;
  readonly #whereabouts = new Whereabouts();
  readonly #watchers: Watchers;
  readonly #committer: Committer;
  readonly #host: NodeHost;
  readonly #entities: Entities;
  readonly #effects: EffectRunner;
  readonly #deadLetterBuffer: DeadLetterBuffer;
  readonly #pump: Pump;
  readonly #checkpoints: Checkpoints;
  readonly #rounds = new NodeRounds();
  readonly #stores: StoreWatches;
  readonly #intake: FencedIntake;
  readonly #residents: ReadonlySet<EntityId>;
  #logRefusal: { readonly reason: string; readonly sinceMs: number } | undefined;

  private constructor(options: NodeOptions, logEnd: number) {
    const { storage, metrics } = options;
    this.#options = options;
    this.#residents = new Set(options.population.residents);
    this.journal = storage.journal;
    this.historian = storage.historian;
    this.deadLetters = storage.deadLetters;
    this.live = new LiveCells({
      flushIntervalMs: options.flushIntervalMs,
      groupOf: options.population.groupOf,
      failed: (id, error) => options.log.error({ entity: id, err: error }, 'the view of an entity failed'),
    });
    this.#seat = options.seat && this.#take(options.seat);
    this.#ownership = this.#seat?.cell.membership ?? new LocalOwnership(options.name, storage.epoch ?? 0);
    this.#deadLetterBuffer = new DeadLetterBuffer(storage.deadLetters, metrics, options.log);
    this.#effects = new EffectRunner({
      journal: storage.journal,
      outlets: options.outlets,
      ask: (to, command, askOptions) =>
        options.elsewhere?.(to, command, askOptions) ?? this.ask(to, command, askOptions),
      epochOf: (entity) => this.#ownership.epochOf(this.#shardOf(entity)),
      heldUnder: (entity) => this.#ownership.heldUnder(this.#shardOf(entity)),
      deadLetter: (letter) => this.deadLetter(letter),
      now: () => Date.now(),
    });
    const listener: CommitListener = {
      committed: (append, firstPosition) => this.#committed(append, firstPosition),
      found: ({ entity, firstSeq, shard, epoch, effects }) => {
        // Under another epoch they were among what was pending when the shard came here.
        if (this.#ownership.heldUnder(shard) !== epoch) return;
        for (const { index, effect } of effects) this.#effects.begin({ entity, seq: firstSeq, index, effect });
      },
      outcome: (error) => this.#stores.appended(error),
    };
    this.#committer = new Committer(storage.journal, listener, () => this.#seat?.cell.membership.life);
    this.#stores = new StoreWatches({
      journal: storage.journal,
      telemetry: storage.log,
      historian: storage.historian,
      delivered: () => this.#pump.delivered,
      journalBack: () => this.#committer.settle(),
      log: options.log,
    });
    this.#intake = new FencedIntake({
      log: storage.log,
      journal: storage.journal,
      ownership: () => this.#ownership,
      shardOf: this.#shardOf,
      append: (record) => this.#pump.append(record),
      refused: () => metrics.fencedRecords.inc(),
    });
    this.#host = new NodeHost({
      node: options,
      cell: this.#cell,
      ownership: this.#ownership,
      shardOf: this.#shardOf,
      committer: this.#committer,
      live: this.live,
      effects: this.#effects,
      followersOf: options.population.followersOf,
      covered: (id) => this.#checkpoints.coveredOf(this.#shardOf(id)),
      isOpening: () => this.#shards.isOpening,
      stores: this.#stores,
      append: (record, epoch) => this.#intake.append(record, this.#seat && epoch),
      entities: () => this.#entities,
      deadLetter: (letter) => this.deadLetter(letter),
    });
    this.#entities = new Entities(options.population, this.#host);
    this.#pump = openPump(
      {
        log: storage.log,
        deliver: (record) => this.#entities.deliver(record),
        outcome: (error) => this.#logSaid(error),
        outstanding: () => this.#entities.outstanding,
        maxOutstanding: options.maxOutstanding,
        maxWaiting: options.maxWaiting,
      },
      (source) => this.#entities.observes(source),
      logEnd,
    );
    this.#checkpoints = new Checkpoints({
      entities: this.#entities,
      journal: storage.journal,
      delivered: () => this.#pump.delivered,
      epochOf: (shard) => this.#ownership.epochOf(shard),
    });
    this.#shards = new Shards({
      entities: this.#entities,
      effects: this.#effects,
      checkpoints: this.#checkpoints,
      journal: storage.journal,
      population: options.population,
      ofNodes: () => this.#seat?.nodes.flatMap((name) => options.population.entityOfNode?.(name) ?? []) ?? [],
      shardOf: this.#shardOf,
      claimLog: (shard, epoch) => this.#intake.claim(shard, epoch),
      listener: {
        opened: (shard, epoch) => {
          this.#watchers.opened(shard);
          this.#seat?.cell.opened(shard, epoch);
          this.#whereabouts.opened(shard);
        },
        closing: (shard) => {
          this.#seat?.cell.closing(shard);
          return this.#whereabouts.closing(shard);
        },
        closed: (shard) => this.#seat?.cell.closed(shard),
      },
    });
    this.#watchers = new Watchers({
      population: options.population,
      shardOf: this.#shardOf,
      shown: () => this.live.all(),
      tell: (watcher, changed) => this.#entities.watch(watcher, changed),
    });
  }

  static async start(options: NodeOptions): Promise<Node> {
    const node = new Node(options, await options.storage.log.end());
    // From the first view on: what is shown while others are still recovering may never change again.
    node.live.onFlush((changed) => node.#watchers.changed(changed));
    if (node.#seat) await node.#seat.start();
    else await node.#takeAll();
    node.#pump.start();
    node.live.flush();
    node.#stores.start();
    node.#rounds.start({
      entities: node.#entities,
      watchers: node.#watchers,
      checkpoints: node.#checkpoints,
      checkpointIntervalMs: options.checkpointIntervalMs,
      log: options.log,
    });
    await node.#seat?.settled();
    describeNode(options.metrics, {
      entities: node.#entities,
      pump: node.#pump,
      log: options.storage.log,
      effects: node.#effects,
      overflows: node.#host.overflows,
      historianPosition: () => node.#stores.historian.position,
    });
    return node;
  }

  async #takeAll(): Promise<void> {
    const { storage, population } = this.#options;
    try {
      await takeAll({
        journal: storage.journal,
        population,
        entities: this.#entities,
        checkpoints: this.#checkpoints,
        effects: this.#effects,
        opened: (shard) => this.#whereabouts.opened(shard),
      });
    } catch (error) {
      // Nobody goes on waiting for a store on behalf of a node that there is not.
      await this.halt();
      throw error;
    }
  }

  ask = async (to: EntityId, command: unknown, options: AskOptions): Promise<Reply> => {
    const end = this.#options.metrics.commandSeconds.startTimer();
    const reply = await (this.#seat?.cell.ask(to, command, options) ?? this.#askHere(to, command, options));
    end();
    this.#options.metrics.commands.inc({ kind: kindOf(to), outcome: reply.ok ? 'ok' : reply.code });
    return reply;
  };

  #askHere = async (to: EntityId, command: unknown, options: AskOptions): Promise<Reply> => {
    const reply = await this.#entities.ask(to, command, options);
    if (reply.ok) this.live.refresh(to);
    return reply;
  };

  isHere(id: EntityId): boolean {
    return this.#whereabouts.isHere(this.#shardOf(id));
  }

  onMoved(listener: () => Promise<void>): () => void {
    return this.#whereabouts.onMoved(listener);
  }

  ingest(source: EntityId, input: unknown): Promise<void> {
    return this.#entities.ingest(source, input);
  }

  note(to: EntityId, note: Json): void {
    this.#entities.note(to, note);
  }

  remembered(id: EntityId): Promise<View | undefined> {
    return this.#entities.remembered(id);
  }

  deadLetter(letter: DeadLetter): void {
    this.#deadLetterBuffer.add(letter);
  }

  /** Rows that stand in the journal since now, one after the other: told here and to the other nodes of the cell. */
  announce(entries: readonly JournalEntry[]): void {
    if (this.#seat) this.#seat.committed(entries);
    else this.live.committed(entries);
  }

  health(): Health {
    return healthOf({
      nowMs: Date.now(),
      journal: this.#stores.journal,
      log: this.#stores.log,
      unsaved: this.#checkpoints.failure,
      committingSinceMs: this.#committer.underWaySinceMs,
      logRefusal: this.#logRefusal,
      behind: recordsBetween(this.#options.storage.log, this.#pump.delivered, this.#pump.end),
      maxBehind: this.#options.maxOutstanding,
      waiting: this.#pump.waiting,
      historianLag: recordsBetween(this.#options.storage.log, this.#stores.historian.position, this.#pump.end),
      historianProblem: this.#stores.historian.problem,
      entities: this.#entities.all(),
      beside: [...(this.#seat?.health() ?? []), ...(this.#options.healthBeside?.() ?? [])],
    });
  }

  #logSaid(error: unknown): void {
    this.#logRefusal =
      error === undefined ? undefined : { reason: messageOf(error), sinceMs: this.#logRefusal?.sinceMs ?? Date.now() };
  }

  mayExist(id: EntityId): boolean {
    return this.#residents.has(id) || (this.#isUnserved(id) && this.#options.population.definitionOf(id) !== undefined);
  }

  readiness(): Readiness {
    const { status, parts } = this.health();
    if (status !== 'unhealthy') return this.#seat?.cell.readiness() ?? { ready: true };
    const ill = parts.filter((part) => part.status === 'unhealthy').map(({ name, detail }) => `${name}: ${detail}`);
    return { ready: false, reason: ill.join('; ') };
  }

  #isUnserved(id: EntityId): boolean {
    return this.#seat?.cell.isUnserved(this.#shardOf(id)) ?? false;
  }

  async restart(id: EntityId): Promise<Restarted> {
    return (await this.#seat?.cell.restart(id)) ?? this.#restartHere(id);
  }

  async #restartHere(id: EntityId): Promise<Restarted> {
    if (this.#entities.get(id) === undefined && this.mayExist(id))
      return { ok: false, code: 'UNAVAILABLE', message: `${id} is on its way to another node: try again` };
    return restartEntity(this.#entities, id);
  }

  /** Drains in order: no new input, what is in the log is applied, snapshots, then everything ends. The caller stopped its gateways before. */
  async stop(): Promise<void> {
    this.#rounds.stop();
    this.#stores.close();
    await this.#seat?.leave();
    await this.#pump.close();
    await this.#effects.stop();
    await this.#checkpoints
      .take()
      .catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'no snapshot at the end; the next start reads more of the log'),
      );
    await this.#entities.stop();
    await this.#deadLetterBuffer.close();
    await this.#seat?.close();
    this.live.close();
    this.#cell.stop();
  }

  /** Ends as a crash would: nothing is drained, nothing saved. What was acknowledged is in journal and log. */
  async halt(): Promise<void> {
    this.#rounds.stop();
    this.#stores.close();
    this.#seat?.end();
    await this.#seat?.close();
    this.live.close();
    await Promise.all([this.#pump.halt(), this.#entities.stop(), this.#effects.halt()]);
    this.#cell.stop();
  }

  #take(seat: Seat): TakenSeat {
    const { name, population, storage, log } = this.#options;
    return new TakenSeat({
      ...seat,
      node: name,
      host: {
        recover: (shard, epoch) => this.#shards.recover(shard, epoch),
        open: (shard, epoch) => this.#shards.open(shard, epoch),
        drain: (shard) => this.#shards.drain(shard),
        flush: (shard) => this.#shards.flush(shard),
        halt: (shard) => this.#shards.halt(shard),
      },
      rising: () => this.#shards.rising,
      population,
      live: this.live,
      journal: storage.journal,
      ask: this.#askHere,
      restart: (id) => this.#restartHere(id),
      log,
    });
  }

  #shardOf = (id: EntityId): Shard => shardIn(this.#options.population, id);

  #committed(append: Append, firstPosition: number): void {
    this.#options.metrics.commits.inc(append.events.length);
    this.announce(entriesOf(append, firstPosition));
  }

  /** Log position that the saved snapshots of all entities cover: a restart reads on from there. */
  get covered(): number {
    return this.#checkpoints.covered;
  }

  /** Live entities. */
  get size(): number {
    return this.#entities.size;
  }

  /** Everything that was accepted is in the log and applied, what came of it committed, and every effect carried out. */
  get quiet(): boolean {
    const { waiting, end, delivered } = this.#pump;
    const applied = end === delivered && this.#entities.outstanding === 0 && this.#committer.idle;
    return waiting === 0 && applied && this.#effects.pending === 0;
  }

  /** For tests and tools: the entity as it stands. */
  entity(id: EntityId): Entity | undefined {
    return this.#entities.get(id);
  }
}
