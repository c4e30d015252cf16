import type { EntityId } from './ids.ts';

/** An entity id hashes to one of the cell's shards; a shard has one owner at a time, under a rising epoch. */
export type Shard = number;
export type Epoch = number;

/** Fixed when a cell is created. */
export const SHARD_COUNT = 64;

export interface Ownership {
  /** The epoch under which this node may act for a shard now, or undefined when it may not. */
  epochOf(shard: Shard): Epoch | undefined;
  /**
   * The epoch under which this node has the entities of a shard in memory, or builds them. It may be so without leave to act:
   * while that is to be verified anew, everything stays and waits.
   */
  heldUnder(shard: Shard): Epoch | undefined;
  /** The node that should own a shard, as far as this node knows. */
  ownerOf(shard: Shard): { readonly node: string; readonly epoch: Epoch } | undefined;
  /** Called when a journal append was fenced: the shard is stopped and never restarted under a newer epoch by itself. */
  fenced(shard: Shard, reason: string): void;
}

/** Where an entity lives that lives for itself: FNV-1a over the id, the same on every node and for ever. */
export function shardOf(id: EntityId): Shard {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) {
    hash ^= id.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % SHARD_COUNT;
}

/** One process that owns every shard, under an epoch that rises with each start. */
export class LocalOwnership implements Ownership {
  readonly #node: string;
  readonly #epoch: Epoch;
  readonly #lost = new Set<Shard>();

  constructor(node: string, epoch: Epoch) {
    this.#node = node;
    this.#epoch = epoch;
  }

  epochOf(shard: Shard): Epoch | undefined {
    return this.#lost.has(shard) ? undefined : this.#epoch;
  }

  heldUnder(shard: Shard): Epoch | undefined {
    return this.epochOf(shard);
  }

  ownerOf(_shard: Shard): { readonly node: string; readonly epoch: Epoch } {
    return { node: this.#node, epoch: this.#epoch };
  }

  fenced(shard: Shard): void {
    this.#lost.add(shard);
  }
}
