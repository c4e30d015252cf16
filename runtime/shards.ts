import type { Checkpoints } from './checkpoints.ts';
import type { ShardHost } from './cluster/membership.ts';
import type { EffectRunner } from './effects.ts';
import type { Entities } from './entities.ts';
import type { Entity } from './entity/entity.ts';
import type { EntityId } from './ids.ts';
import type { Journal, PendingEffect } from './journal.ts';
import { foundEntities } from './known-entities.ts';
import type { Epoch, Shard } from './ownership.ts';
import type { Population } from './population.ts';
import { SharedRead } from './shared-read.ts';

/** What else of a node goes with a shard: drivers, routes. */
export interface ShardListener {
  /** It is open here: whoever works for its entities may begin. */
  opened(shard: Shard, epoch: Epoch): void;
  /** It goes to another node: whoever works for its entities ends first. */
  closing(shard: Shard): Promise<void>;
  /** Nothing of it is here any more. */
  closed(shard: Shard): void;
}

export interface ShardsOptions {
  readonly entities: Entities;
  readonly effects: EffectRunner;
  readonly checkpoints: Checkpoints;
  readonly journal: Pick<Journal, 'entities' | 'pendingEffects'>;
  readonly population: Pick<Population, 'residents' | 'found'>;
  /** Those who stand for the nodes of the cell as they are now. */
  readonly ofNodes: () => readonly EntityId[];
  readonly shardOf: (id: EntityId) => Shard;
  /** Before anything of the shard is read from the log: what its former owner was told to be logged is then in what is read. */
  readonly claimLog: (shard: Shard, epoch: Epoch) => Promise<void>;
  readonly listener: ShardListener;
}

/** Turns that run when a shard is given up at once may wait for a database that is away; nothing comes of them any more. */
const HALT_WITHIN_MS = 1000;
const DRAIN_LOOK_MS = 5;

/** So much of a turn of the event loop is for shards that come up, and then claims get their answers, and the lease its renewal. */
const COMES_UP_MS = 20;

/** The entities of a node, shard by shard: brings up those that come to it and lets go of those that leave. */
export class Shards implements ShardHost {
  readonly #options: ShardsOptions;
  readonly #residents: ReadonlyMap<Shard, readonly EntityId[]>;
  readonly #found: SharedRead<ReadonlyMap<Shard, readonly EntityId[]>>;
  readonly #effects: SharedRead<readonly PendingEffect[]>;
  readonly #pending = new Map<Shard, readonly PendingEffect[]>();
  /** Those that are being recovered and are not open yet. */
  readonly #opening = new Set<Shard>();
  /** Ends when the shards before have come up. */
  #comingUp: Promise<void> = Promise.resolve();
  #turnEndsMs = 0;
  /** Those whose entities are not all live yet. */
  readonly #rising = new Map<Shard, Promise<void>>();
  /** Those of them some of which wait for a store: they come up by themselves, one after the other. */
  readonly #waiting = new Set<Shard>();

  constructor(options: ShardsOptions) {
    this.#options = options;
    const { journal, shardOf, population, ofNodes } = options;
    this.#residents = byShard(population.residents, shardOf);
    this.#found = new SharedRead(async () =>
      byShard([...ofNodes(), ...(await foundEntities(population, journal))], shardOf),
    );
    this.#effects = new SharedRead(() => journal.pendingEffects());
  }

  /**
   * Resolves when the entities of the shard are there, and not when they are live: whoever has something for one of them need
   * not wait for all the others. What comes meanwhile waits in their mailboxes, and has them built first.
   */
  async recover(shard: Shard, epoch: Epoch): Promise<void> {
    const { entities, checkpoints, shardOf, claimLog } = this.#options;
    this.#opening.add(shard);
    // The journal has the claim already. The log is read once the entities are there, and has to have it by then.
    const lists = Promise.all([
      this.#found.read(),
      this.#effects.read(),
      checkpoints.begin(shard),
      claimLog(shard, epoch),
    ]);
    lists.catch(() => this.#opening.delete(shard));
    const [found, effects] = await lists;
    // The lists of many are answered at once.
    this.#comingUp = this.#comingUp.then(() => this.#myTurn());
    await this.#comingUp;
    // What is decided from here on begins its effects by itself.
    this.#pending.set(
      shard,
      effects.filter(({ entity }) => shardOf(entity) === shard),
    );
    const rising = entities.bringUp([...(this.#residents.get(shard) ?? []), ...(found.get(shard) ?? [])]);
    this.#rising.set(shard, rising);
    this.#waiting.delete(shard);
    const risen = () => this.#rising.get(shard) === rising && this.#rising.delete(shard);
    // Who waits for a store is supervised by itself, and says so; until it is up not all of the shard is shown.
    rising.then(risen, () => risen() && this.#waiting.add(shard));
    checkpoints.follow(shard);
  }

  async #myTurn(): Promise<void> {
    if (performance.now() < this.#turnEndsMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnEndsMs = performance.now() + COMES_UP_MS;
  }

  /** What they need to be open comes before what nobody waits for. */
  get isOpening(): boolean {
    return this.#opening.size > 0;
  }

  /** Shards that are here and have entities that are still being built, or wait for a store to be. */
  get rising(): ReadonlySet<Shard> {
    const { entities } = this.#options;
    for (const shard of this.#waiting) if (!entities.ofShard(shard).some(isToRise)) this.#waiting.delete(shard);
    return new Set([...this.#rising.keys(), ...this.#waiting]);
  }

  open(shard: Shard, epoch: Epoch): void {
    this.#opening.delete(shard);
    const pending = this.#pending.get(shard) ?? [];
    this.#pending.delete(shard);
    this.#options.listener.opened(shard, epoch);
    for (const effect of pending) this.#options.effects.begin(effect);
  }

  async drain(shard: Shard): Promise<void> {
    await this.#options.listener.closing(shard);
    while (this.#options.entities.ofShard(shard).some(({ waiting }) => waiting > 0))
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
  }

  async flush(shard: Shard): Promise<void> {
    try {
      await this.#options.checkpoints.takeOf(shard);
    } finally {
      await this.#end(shard);
    }
  }

  async halt(shard: Shard): Promise<void> {
    void this.#options.listener.closing(shard);
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, HALT_WITHIN_MS);
    });
    await Promise.race([this.#end(shard), enough]);
    clearTimeout(timer);
  }

  async #end(shard: Shard): Promise<void> {
    const { entities, checkpoints, listener } = this.#options;
    this.#pending.delete(shard);
    this.#opening.delete(shard);
    this.#rising.delete(shard);
    this.#waiting.delete(shard);
    checkpoints.end(shard);
    const gone = entities.letGo(shard);
    listener.closed(shard);
    await gone;
  }
}

/** One that its own code keeps from it is not waited for. */
function isToRise({ runs, down }: Pick<Entity, 'runs' | 'down'>): boolean {
  return !runs && (down === undefined || down.cause === 'store');
}

function byShard(ids: Iterable<EntityId>, shardOf: (id: EntityId) => Shard): ReadonlyMap<Shard, readonly EntityId[]> {
  const shards = new Map<Shard, EntityId[]>();
  for (const id of ids) {
    const shard = shardOf(id);
    const known = shards.get(shard);
    if (known) known.push(id);
    else shards.set(shard, [id]);
  }
  return shards;
}
