import type { Logger } from 'pino';
import type { View } from './actor-kind.ts';
import { Checkpoints } from './checkpoints.ts';
import { Committer } from './committer.ts';
import { DeadLetterBuffer } from './dead-letters.ts';
import { EffectRunner, type Outlet } from './effects.ts';
import { Entities } from './entities.ts';
import type { Entity } from './entity/entity.ts';
import type { EntityHost } from './entity/host.ts';
import { ErrorWithCode, messageOf } from './errors.ts';
import { FollowingPump } from './following-pump.ts';
import type { Historian } from './historian.ts';
import { HistorianWatch } from './historian-watch.ts';
import { type EntityId, kindOf } from './ids.ts';
import { type Append, entriesOf, type Journal } from './journal.ts';
import { probeJournal } from './journal-probe.ts';
import type { Json } from './json.ts';
import type { LiveCell } from './live-bus.ts';
import { LiveCells } from './live-cells.ts';
import { type DeadLetter, type DeadLetterStore, recordsBetween, type TelemetryLog } from './log.ts';
import { LogPump, type Pump, type PumpOptions } from './log-pump.ts';
import type { Metrics } from './metrics.ts';
import { LocalCell } from './nact/cell.ts';
import { healthOf } from './node-health.ts';
import { describeNode } from './node-metrics.ts';
import { LocalOwnership, SHARD_COUNT, shardOf } from './ownership.ts';
import type { Population } from './population.ts';
import { recoverAll } from './recovery.ts';
import type { AskOptions, Health, Reply, Restarted, Runtime } from './runtime.ts';
import { SharedReplay } from './shared-replay.ts';
import type { StoreName } from './store-failure.ts';
import { StoreWatch } from './store-watch.ts';

const TICK_MS = 100;
const EMIT_EVERY_TICKS = 10;
const WATCH_INTERVAL_MS = 250;
const JOURNAL_LOOK_INTERVAL_MS = 2000;
/** Part of the interval over which a checkpoint is spread. */
const CHECKPOINT_SHARE = 0.6;

export interface Storage {
  readonly journal: Journal;
  readonly log: TelemetryLog;
  readonly deadLetters: DeadLetterStore;
  readonly historian: Historian;
  /** Raised at every start, so that nothing of an earlier run can write. */
  readonly epoch: number;
}

export interface NodeOptions {
  readonly name: string;
  readonly population: Population;
  readonly storage: Storage;
  readonly outlets: Readonly<Record<string, Outlet>>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly flushIntervalMs: number;
  readonly checkpointIntervalMs: number;
  readonly maxOutstanding: number;
  readonly maxWaiting: number;
  /** Health of what is watched beside the node, as its clock; none when left out. */
  readonly healthBeside?: () => Health['parts'];
}

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
  readonly #ownership: LocalOwnership;
  readonly #committer: Committer;
  readonly #entities: Entities;
  readonly #effects: EffectRunner;
  readonly #deadLetterBuffer: DeadLetterBuffer;
  readonly #pump: Pump;
  readonly #checkpoints: Checkpoints;
  readonly #watched = new Map<EntityId, Map<EntityId, View>>();
  #timers: NodeJS.Timeout[] = [];
  readonly #journalWatch: StoreWatch;
  readonly #logWatch: StoreWatch;
  readonly #historianWatch: HistorianWatch;
  readonly #replays: SharedReplay;
  readonly #overflows = { refused: new Map<string, number>(), replaced: new Map<string, number>() };
  #logRefusal: string | undefined;
  #ticks = 0;

  private constructor(options: NodeOptions, logEnd: number) {
    const { storage, metrics } = options;
    this.#options = options;
    this.journal = storage.journal;
    this.historian = storage.historian;
    this.deadLetters = storage.deadLetters;
    this.#ownership = new LocalOwnership(options.name, storage.epoch);
    this.#deadLetterBuffer = new DeadLetterBuffer(storage.deadLetters, metrics, options.log);
    this.live = new LiveCells({
      flushIntervalMs: options.flushIntervalMs,
      failed: (id, error) => options.log.error({ entity: id, err: error }, 'the view of an entity failed'),
    });
    this.#effects = new EffectRunner({
      journal: storage.journal,
      outlets: options.outlets,
      ask: (to, command, askOptions) => this.ask(to, command, askOptions),
      epochOf: (entity) => this.#ownership.epochOf(shardOf(entity)),
      deadLetter: (letter) => this.deadLetter(letter),
      now: () => Date.now(),
    });
    this.#committer = new Committer(storage.journal, {
      committed: (append, firstPosition) => this.#committed(append, firstPosition),
      found: ({ entity, firstSeq, effects }) => {
        for (const { index, effect } of effects) this.#effects.begin({ entity, seq: firstSeq, index, effect });
      },
      outcome: (error) => (error === undefined ? this.#journalWatch.answered() : this.#journalWatch.failed(error)),
    });
    this.#journalWatch = new StoreWatch({
      probe: () => probeJournal(storage.journal),
      changed: (failure) => this.#storeChanged('journal', failure),
    });
    this.#logWatch = new StoreWatch({
      probe: () => storage.log.read(this.#pump.delivered, 1),
      changed: (failure) => this.#storeChanged('telemetry log', failure),
    });
    this.#historianWatch = new HistorianWatch(storage.historian);
    this.#replays = new SharedReplay({
      log: storage.log,
      followersOf: options.population.followersOf,
      covered: (id) => this.#checkpoints.coveredOf(shardOf(id)),
    });
    this.#entities = new Entities(options.population, this.#hostOf());
    this.#pump = this.#pumpFor(storage.log, logEnd);
    this.#checkpoints = new Checkpoints({
      entities: this.#entities,
      journal: storage.journal,
      delivered: () => this.#pump.delivered,
    });
  }

  static async start(options: NodeOptions): Promise<Node> {
    const node = new Node(options, await options.storage.log.end());
    const { journal, log } = options.storage;
    await Promise.all(Array.from({ length: SHARD_COUNT }, (_, shard) => node.#checkpoints.begin(shard)));
    const residents = new Set([...options.population.residents, ...(await journal.entities())]);
    // From the first view on: what is shown while others are still recovering may never change again.
    node.live.onFlush((changed) => node.#collectWatched(changed));
    await recoverAll({
      ids: residents,
      entities: node.#entities,
      log,
      followersOf: options.population.followersOf,
      from: node.#checkpoints.covered,
    });
    node.#pump.start();
    for (const effect of await journal.pendingEffects()) node.#effects.begin(effect);
    node.live.flush();
    node.#startTimers();
    describeNode(options.metrics, {
      entities: node.#entities,
      pump: node.#pump,
      log,
      effects: node.#effects,
      overflows: node.#overflows,
      historianPosition: () => node.#historianWatch.position,
    });
    return node;
  }

  ask = async (to: EntityId, command: unknown, options: AskOptions): Promise<Reply> => {
    const end = this.#options.metrics.commandSeconds.startTimer();
    const reply = await this.#entities.ask(to, command, options);
    if (reply.ok) this.live.refresh(to);
    end();
    this.#options.metrics.commands.inc({ kind: kindOf(to), outcome: reply.ok ? 'ok' : reply.code });
    return reply;
  };

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

  health(): Health {
    return healthOf({
      nowMs: Date.now(),
      journal: this.#journalWatch,
      log: this.#logWatch,
      committingSinceMs: this.#committer.underWaySinceMs,
      logRefusal: this.#logRefusal,
      behind: recordsBetween(this.#options.storage.log, this.#pump.delivered, this.#pump.end),
      maxBehind: this.#options.maxOutstanding,
      waiting: this.#pump.waiting,
      historianLag: recordsBetween(this.#options.storage.log, this.#historianWatch.position, this.#pump.end),
      historianProblem: this.#historianWatch.problem,
      entities: this.#entities.all(),
      beside: this.#options.healthBeside?.() ?? [],
    });
  }

  async restart(id: EntityId): Promise<Restarted> {
    const entity = this.#entities.get(id);
    if (!entity) return { ok: false, code: 'NOT_FOUND', message: `there is no ${id} here` };
    try {
      await entity.restart();
      return { ok: true };
    } catch (error) {
      if (error instanceof ErrorWithCode) return { ok: false, code: error.code, message: error.message };
      return { ok: false, code: 'UNAVAILABLE', message: `it crashed again: ${messageOf(error)}` };
    }
  }

  /** Drains in order: no new input, what is in the log is applied, snapshots, then everything ends. The caller stopped its gateways before. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#journalWatch.close();
    this.#logWatch.close();
    this.#historianWatch.close();
    await this.#pump.close();
    await this.#effects.stop();
    await this.#checkpoints
      .take()
      .catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'no snapshot at the end; the next start reads more of the log'),
      );
    await this.#entities.stop();
    await this.#deadLetterBuffer.close();
    this.live.close();
    this.#cell.stop();
  }

  /** Ends as a crash would: nothing is drained, nothing saved. What was acknowledged is in journal and log. */
  async halt(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#journalWatch.close();
    this.#logWatch.close();
    this.#historianWatch.close();
    this.live.close();
    await Promise.all([this.#pump.halt(), this.#entities.stop(), this.#effects.halt()]);
    this.#cell.stop();
  }

  #pumpFor(log: TelemetryLog, end: number): Pump {
    const options: PumpOptions = {
      log,
      deliver: (record) => this.#entities.deliver(record),
      outcome: (error) => (this.#logRefusal = error === undefined ? undefined : messageOf(error)),
      outstanding: () => this.#entities.outstanding,
      maxOutstanding: this.#options.maxOutstanding,
      maxWaiting: this.#options.maxWaiting,
    };
    if (!offersFollow(log)) return new LogPump(options, end);
    return new FollowingPump({ ...options, log, wants: (source) => this.#entities.observes(source) }, end);
  }

  #hostOf(): EntityHost {
    const { journal } = this.#options.storage;
    return {
      cell: this.#cell,
      ownership: this.#ownership,
      journal,
      committer: this.#committer,
      live: this.live,
      effects: this.#effects,
      now: () => Date.now(),
      append: async (record) => {
        await this.#pump.append(record);
        this.#options.metrics.records.inc();
      },
      replay: (entity) => this.#replays.replay(entity),
      deadLetter: (letter) => this.deadLetter(letter),
      awaitStore: (failure, resume) => {
        const watch = failure.store === 'journal' ? this.#journalWatch : this.#logWatch;
        watch.failed(failure.cause);
        return watch.wait(resume);
      },
      overflowed: (message, what) => this.#overflows[what].set(message, (this.#overflows[what].get(message) ?? 0) + 1),
      observed: (kind) => this.#entities.observed(kind),
      retired: (id, seq) => this.#retired(id, seq),
      crashed: (id, error, restartInMs) => this.#crashed(id, error, restartInMs),
      unreadable: (id, error) =>
        this.#options.log.error(
          { entity: id, err: error },
          'a snapshot cannot be read; the entity is built from the journal',
        ),
    };
  }

  #committed(append: Append, firstPosition: number): void {
    this.#options.metrics.commits.inc(append.events.length);
    this.live.committed(entriesOf(append, firstPosition));
  }

  #crashed(id: EntityId, error: unknown, restartInMs: number | undefined): void {
    this.#options.metrics.crashes.inc({ kind: kindOf(id) });
    this.#options.log.error(
      { entity: id, restartInMs: restartInMs ?? null, err: error },
      restartInMs === undefined ? 'an entity is stopped' : 'an entity crashed and is built again',
    );
  }

  #storeChanged(store: StoreName, failure: string | undefined): void {
    if (failure === undefined) this.#options.log.warn({ store }, 'a store answers again');
    else this.#options.log.error({ store, reason: failure }, 'a store does not answer; it is tried again');
    if (failure === undefined && store === 'journal')
      this.#committer.settle().catch((error: unknown) => this.#journalWatch.failed(error));
  }

  #retired(id: EntityId, seq: number): void {
    this.live.remove(id);
    this.journal
      .retire(id, seq)
      .catch((error: unknown) =>
        this.#options.log.warn(
          { entity: id, err: error },
          'an entity could not be retired; it is after the next start',
        ),
      );
  }

  #collectWatched(changed: readonly LiveCell[]): void {
    for (const cell of changed) {
      for (const watcher of this.#options.population.watchersOf(cell.id, cell.view)) {
        const seen = this.#watched.get(watcher);
        if (seen) seen.set(cell.id, cell.view);
        else this.#watched.set(watcher, new Map([[cell.id, cell.view]]));
      }
    }
  }

  #startTimers(): void {
    this.#historianWatch.start();
    this.#timers = [
      setInterval(() => this.#entities.tick(Date.now(), ++this.#ticks % EMIT_EVERY_TICKS === 0), TICK_MS),
      setInterval(() => {
        for (const [watcher, views] of this.#watched) this.#entities.watch(watcher, views);
        this.#watched.clear();
      }, WATCH_INTERVAL_MS),
      setInterval(
        () =>
          void this.#checkpoints
            .take(this.#options.checkpointIntervalMs * CHECKPOINT_SHARE)
            .catch((error: unknown) => this.#options.log.warn({ err: error }, 'snapshots could not be saved')),
        this.#options.checkpointIntervalMs,
      ),
      setInterval(() => void this.#lookAtJournal(), JOURNAL_LOOK_INTERVAL_MS),
    ];
  }

  #looking = false;
  /** Where nothing is decided, nobody else would notice that the journal is away. */
  async #lookAtJournal(): Promise<void> {
    if (this.#looking || this.#journalWatch.failure !== undefined) return;
    this.#looking = true;
    await this.journal.end().catch((error: unknown) => this.#journalWatch.failed(error));
    this.#looking = false;
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

function offersFollow(log: TelemetryLog): log is TelemetryLog & Required<Pick<TelemetryLog, 'follow'>> {
  return log.follow !== undefined;
}
