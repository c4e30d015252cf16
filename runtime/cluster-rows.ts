import type { ClusterView } from './cluster/shard-map.ts';
import type { Epoch, Shard } from './ownership.ts';

/** One life of one node: what a process is called from its joining to its end. */
export interface NodeLife {
  readonly node: string;
  readonly incarnation: string;
}

export interface Joining extends NodeLife {
  readonly leaving: boolean;
  /** The former process of this node is known to be gone: its shards are free at once, without waiting for its lease to end. */
  readonly successor: boolean;
  /** False for a node that serves people or devices alone. */
  readonly mayHold: boolean;
}

export interface OwnedShard extends NodeLife {
  readonly shard: Shard;
  readonly epoch: Epoch;
}

/**
 * The rows of a cell that say who is there and who owns what. Every method is one transaction, and ages are judged by the
 * database's own clock. Each rejects after a time-out of its own; what it did is then unknown, and the next `view` tells.
 */
export interface ClusterRows {
  /** Puts this life in the place of any other of the node; where it stands already, a renewal. False: replaced or evicted. */
  join(life: Joining): Promise<boolean>;
  /** False: this life was replaced, evicted, or has said goodbye. Final. */
  renew(life: NodeLife, leaving: boolean): Promise<boolean>;
  goodbye(life: NodeLife): Promise<void>;
  view(): Promise<ClusterView>;
  /**
   * Takes a shard that is still at the expected epoch and has no owner, or one whose lease has ended, who is evicted in the
   * same transaction. The new epoch, or undefined when it is not to be had.
   */
  claim(life: NodeLife, shard: Shard, expected: Epoch): Promise<Epoch | undefined>;
  /** False where the row names another owner or epoch. */
  mark(owned: OwnedShard, as: 'open' | 'handing_off', target: string | null): Promise<boolean>;
  /** False where the row names another owner or epoch. */
  release(owned: OwnedShard, target: string | null): Promise<boolean>;
}
