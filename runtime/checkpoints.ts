import { pack } from 'msgpackr';
import type { Entities } from './entities.ts';
import type { Entity } from './entity/entity.ts';
import { messageOf } from './errors.ts';
import { type EntityId, entityId } from './ids.ts';
import type { Journal, Restored, Snapshot } from './journal.ts';
import { type Epoch, SHARD_COUNT, type Shard } from './ownership.ts';
import { SharedRead } from './shared-read.ts';

/** As versions before wrote it, for all shards together. */
const OF_ALL_SHARDS = entityId('node', 'checkpoint');
/** Few enough that a value on its way to the wall does not notice. */
const ENTITIES_AT_ONCE = 4;
/** Where callers wait for the end of it: a statement of the database, and not dozens. */
const ENTITIES_IN_A_HURRY = 100;
const MAX_PAUSE_MS = 100;
const NOTHING = pack(null);

export interface CheckpointsOptions {
  readonly entities: Pick<Entities, 'all' | 'ofShard' | 'snapshots' | 'saved'>;
  readonly journal: Pick<Journal, 'restore' | 'saveSnapshots'>;
  readonly delivered: () => number;
  /** The epoch under which this node may speak for a shard; undefined where it may not. */
  readonly epochOf: (shard: Shard) => Epoch | undefined;
}

/**
 * Snapshots of what changed, and beside them, for each shard, the log position that all snapshots of it together cover: an
 * entity whose snapshot is older had nothing to observe up to there. So a recovery reads the log from that position and not
 * from the oldest snapshot of an entity that has been quiet for weeks.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** Of all shards, since many come at once. */
  readonly #rows: SharedRead<ReadonlyMap<EntityId, Restored>>;
  /** Of the shards that are here, as saved last. */
  readonly #covered = new Map<Shard, number>();
  /** Those of them whose entities are all here. */
  readonly #whole = new Set<Shard>();
  #failure: { readonly reason: string; readonly sinceMs: number } | undefined;
  #hurry = false;
  #running: Promise<void> | undefined;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    const ids = [OF_ALL_SHARDS, ...Array.from({ length: SHARD_COUNT }, (_, shard) => rowOf(shard))];
    this.#rows = new SharedRead(() => options.journal.restore(ids));
  }

  /** Position up to which nobody here needs the log any more. */
  get covered(): number {
    return this.#covered.size === 0 ? 0 : Math.min(...this.#covered.values());
  }

  /** Why the last round could not be finished, and since when none could. */
  get failure(): { readonly reason: string; readonly sinceMs: number } | undefined {
    return this.#failure;
  }

  /** Position up to which no entity of a shard has anything to observe that is not in its snapshot. */
  coveredOf(shard: Shard): number {
    return this.#covered.get(shard) ?? 0;
  }

  /** A shard comes here; what its last owner saved counts. */
  async begin(shard: Shard): Promise<void> {
    const rows = await this.#rows.read();
    const { snapshot } = rows.get(rowOf(shard)) ?? rows.get(OF_ALL_SHARDS) ?? {};
    this.#covered.set(shard, snapshot?.logPosition ?? 0);
  }

  /** All entities of the shard are here: from now on snapshots are taken of it. */
  follow(shard: Shard): void {
    this.#whole.add(shard);
  }

  /** A shard is here no more. */
  end(shard: Shard): void {
    this.#covered.delete(shard);
    this.#whole.delete(shard);
  }

  /**
   * One round at a time. One that is spread does not begin beside another: where a round takes longer than the time between
   * two, as many of them would save the same entities as were due meanwhile, and wait for each other's locks.
   * @param spreadMs time over which to spread the work, so that live values do not wait for it; 0: what runs is awaited, and
   * then everything saved as fast as it goes
   */
  async take(spreadMs = 0): Promise<void> {
    if (spreadMs > 0 && this.#running !== undefined) return;
    if (spreadMs === 0) this.#hurry = true;
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
    this.#hurry = spreadMs === 0;
    this.#running = this.#take(spreadMs).finally(() => {
      this.#running = undefined;
    });
    try {
      await this.#running;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = { reason: messageOf(error), sinceMs: this.#failure?.sinceMs ?? Date.now() };
      throw error;
    }
  }

  /** Of one shard, at once: it goes to another node. */
  async takeOf(shard: Shard): Promise<void> {
    await this.#takeFrom(this.#options.entities.ofShard(shard), [shard], 0);
  }

  #take(spreadMs: number): Promise<void> {
    return this.#takeFrom([...this.#options.entities.all()], [...this.#whole], spreadMs);
  }

  async #takeFrom(all: readonly Entity[], shards: readonly Shard[], spreadMs: number): Promise<void> {
    const { entities, journal, delivered } = this.#options;
    const upTo = delivered();
    const covered = new Map(shards.map((shard) => [shard, upTo]));
    // A shard that goes and comes back meanwhile has other entities here.
    const epochs = new Map(shards.map((shard) => [shard, this.#options.epochOf(shard)]));
    const pauseMs = Math.min(MAX_PAUSE_MS, (spreadMs * ENTITIES_AT_ONCE) / Math.max(1, all.length));
    for (let start = 0, next = 0; start < all.length; start = next) {
      const hurry = spreadMs === 0 || this.#hurry;
      if (start > 0 && !hurry) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      next = start + (hurry ? ENTITIES_IN_A_HURRY : ENTITIES_AT_ONCE);
      const { snapshots, behind } = await entities.snapshots(all.slice(start, next), upTo);
      for (const { shard, position } of behind) covered.set(shard, Math.min(covered.get(shard) ?? 0, position));
      if (snapshots.length === 0) continue;
      await journal.saveSnapshots(snapshots);
      entities.saved(snapshots);
    }
    await this.#save(covered, epochs);
  }

  /** Last, for it says that all of the snapshots are there. */
  async #save(covered: ReadonlyMap<Shard, number>, epochs: ReadonlyMap<Shard, Epoch | undefined>): Promise<void> {
    const timeMs = Date.now();
    const rows: Snapshot[] = [];
    const moved: [Shard, number][] = [];
    for (const [shard, logPosition] of covered) {
      const epoch = epochs.get(shard);
      if (logPosition <= (this.#covered.get(shard) ?? Number.MAX_VALUE)) continue;
      if (epoch === undefined || this.#options.epochOf(shard) !== epoch) continue;
      moved.push([shard, logPosition]);
      rows.push({ entity: rowOf(shard), seq: 0, logPosition, timeMs, state: NOTHING, under: { shard, epoch } });
    }
    if (rows.length === 0) return;
    await this.#options.journal.saveSnapshots(rows);
    for (const [shard, position] of moved) if (this.#covered.has(shard)) this.#covered.set(shard, position);
  }
}

function rowOf(shard: Shard): EntityId {
  return entityId('shard', `${shard}`);
}
