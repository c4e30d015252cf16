import type { Committer } from './committer.ts';
import type { EffectRunner } from './effects.ts';
import type { Entities } from './entities.ts';
import type { EntityHost, Recovering } from './entity/host.ts';
import type { Overflowed } from './entity/queue.ts';
import { type EntityId, kindOf } from './ids.ts';
import type { Journal, Restored } from './journal.ts';
import type { LiveCells } from './live-cells.ts';
import type { DeadLetter, LogRecord } from './log.ts';
import type { LocalCell } from './nact/cell.ts';
import type { NodeOptions } from './node-options.ts';
import type { Epoch, Ownership, Shard } from './ownership.ts';
import { SharedReplay, type SharedReplayOptions } from './shared-replay.ts';
import { SharedRestore } from './shared-restore.ts';
import type { StoreFailure } from './store-failure.ts';
import type { StoreWatches } from './store-watches.ts';

export interface NodeHostParts {
  readonly node: Pick<NodeOptions, 'storage' | 'metrics' | 'log'>;
  readonly cell: LocalCell;
  readonly ownership: Ownership;
  readonly shardOf: (id: EntityId) => Shard;
  readonly committer: Committer;
  readonly live: LiveCells;
  readonly effects: EffectRunner;
  readonly followersOf: SharedReplayOptions['followersOf'];
  readonly covered: SharedReplayOptions['covered'];
  /** Shards have come to this node that are not open yet. */
  readonly isOpening: () => boolean;
  readonly stores: StoreWatches;
  /** Resolves when the log has it; refuses what is logged under an epoch that is over. */
  readonly append: EntityHost['append'];
  readonly entities: () => Entities;
  readonly deadLetter: (letter: DeadLetter) => void;
}

/** A node as its entities see it. */
export class NodeHost implements EntityHost {
  readonly cell: LocalCell;
  readonly ownership: Ownership;
  readonly shardOf: (id: EntityId) => Shard;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly live: LiveCells;
  readonly effects: EffectRunner;
  readonly deadLetter: (letter: DeadLetter) => void;
  /** What did not fit into mailboxes, by class of message. */
  readonly overflows = { refused: new Map<string, number>(), replaced: new Map<string, number>() };
  readonly #parts: NodeHostParts;
  readonly #restores: SharedRestore;
  readonly #replays: SharedReplay;

  constructor(parts: NodeHostParts) {
    this.#parts = parts;
    this.cell = parts.cell;
    this.ownership = parts.ownership;
    this.shardOf = parts.shardOf;
    this.journal = parts.node.storage.journal;
    this.committer = parts.committer;
    this.live = parts.live;
    this.effects = parts.effects;
    this.deadLetter = parts.deadLetter;
    this.#restores = new SharedRestore(this.journal, () => parts.isOpening() || this.#replays.isAwaited);
    this.#replays = new SharedReplay({
      log: parts.node.storage.log,
      followersOf: parts.followersOf,
      covered: parts.covered,
      gathered: () => this.#restores.calm(),
    });
  }

  now(): number {
    return Date.now();
  }

  async append(record: LogRecord, epoch: Epoch | undefined): Promise<void> {
    await this.#parts.append(record, epoch);
    this.#parts.node.metrics.records.inc();
  }

  restore(entity: Pick<Recovering, 'id' | 'isAwaited'>): Promise<Restored> {
    return this.#restores.restore(entity);
  }

  replay(entity: Recovering): Promise<void> {
    return this.#replays.replay(entity);
  }

  awaited(): void {
    this.#restores.awaited();
    this.#replays.awaited();
  }

  journalAway(): StoreFailure | undefined {
    return this.#parts.stores.journalAway;
  }

  awaitStore(failure: StoreFailure, resume: () => void): () => void {
    return this.#parts.stores.await(failure, resume);
  }

  readonly overflowed: Overflowed = (message, what) => {
    this.overflows[what].set(message, (this.overflows[what].get(message) ?? 0) + 1);
  };

  observed(kind: string): void {
    this.#parts.entities().observed(kind);
  }

  retired(id: EntityId, seq: number): void {
    this.live.remove(id);
    this.journal
      .retire(id, seq)
      .catch((error: unknown) =>
        this.#parts.node.log.warn(
          { entity: id, err: error },
          'an entity could not be retired; it is after the next start',
        ),
      );
  }

  crashed(id: EntityId, error: unknown, restartInMs: number | undefined): void {
    const { metrics, log } = this.#parts.node;
    metrics.crashes.inc({ kind: kindOf(id) });
    log.error(
      { entity: id, restartInMs: restartInMs ?? null, err: error },
      restartInMs === undefined ? 'an entity is stopped' : 'an entity crashed and is built again',
    );
  }

  unreadable(id: EntityId, error: unknown): void {
    this.#parts.node.log.error(
      { entity: id, err: error },
      'a snapshot cannot be read; the entity is built from the journal',
    );
  }
}
