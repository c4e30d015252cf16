import type { Shard } from '../ownership.ts';

/**
 * Rendezvous (highest random weight) placement: every node comes to the same answer from the same list, whatever its order.
 * A node that joins takes its part from all others evenly and moves nothing between them; one that leaves gives its shards
 * to all others. Undefined without a node.
 */
export function placeOf(shard: Shard, nodes: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestWeight = -1;
  for (const node of nodes) {
    const weight = weightOf(shard, node);
    // Equal weights must not be decided by the order of the list.
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && node < best)) {
      best = node;
      bestWeight = weight;
    }
  }
  return best;
}

/** FNV-1a over the name, then murmur's last steps with the shard: FNV alone changes too few bits for names that differ at the end. */
function weightOf(shard: Shard, node: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < node.length; i++) hash = Math.imul(hash ^ node.charCodeAt(i), 0x01000193);
  hash ^= Math.imul(shard + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
