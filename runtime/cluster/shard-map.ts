import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
import type { Step } from './machine.ts';
import { placeOf } from './rendezvous.ts';
import type { Timing } from './timing.ts';

/**
 * Who should own what, and the way there. Every node computes it for itself from the same rows and comes to the same answer,
 * so nobody coordinates: only the target claims, only the owner releases, and the database decides between them.
 */
export interface ShardMap {
  /** Nodes and what they may hold, as one text: planned moves wait until it stood still. */
  readonly membership: string;
  readonly stableSinceMonoMs: number;
}

/** The rows of a cell at one moment, judged by the database's clock in the query. */
export interface ClusterView {
  /** The newest incarnation of each node. */
  readonly members: readonly MemberRow[];
  readonly shards: readonly ShardRow[];
}

export interface MemberRow {
  readonly node: string;
  readonly incarnation: string;
  /** Its beat is younger than the lease. */
  readonly live: boolean;
  /** False for a node that serves people or devices alone. */
  readonly mayHold: boolean;
  readonly leaving: boolean;
}

export interface ShardRow {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly state: 'free' | 'claiming' | 'open' | 'handing_off' | 'released';
  /** Null while free or released. */
  readonly owner: { readonly node: string; readonly incarnation: string } | null;
  /** The very incarnation that owns it has a beat younger than the lease. */
  readonly ownerLive: boolean;
  readonly target: string | null;
}

export interface ShardMapInput {
  readonly kind: 'view';
  readonly at: Instant;
  readonly node: string;
  readonly view: ClusterView;
}

export type ShardMapEffect =
  /** Nobody holds it any more and this node should. */
  | { readonly kind: 'claimOrphan'; readonly shard: Shard; readonly expected: Epoch }
  | { readonly kind: 'moveAway'; readonly shard: Shard; readonly target: string | null };

export function shardMapAt(at: Instant): ShardMap {
  return { membership: '', stableSinceMonoMs: at.monoMs };
}

export function stepShardMap(
  state: ShardMap,
  { at, node, view }: ShardMapInput,
  timing: Timing,
): Step<ShardMap, ShardMapEffect> {
  const membership = membershipOf(view);
  const next = membership === state.membership ? state : { membership, stableSinceMonoMs: at.monoMs };
  const targets = targetsOf(view);
  const leaving = leavingNodes(view);
  const stable = at.monoMs - next.stableSinceMonoMs >= timing.stableMs;
  const effects: ShardMapEffect[] = [];
  for (const row of view.shards) {
    if (isOrphan(row) && targets.get(row.shard) === node)
      effects.push({ kind: 'claimOrphan', shard: row.shard, expected: row.epoch });
  }
  // The last node of a cell has nobody to wait for: it lets go of everything, and whoever comes next finds it free.
  if (targets.size === 0 && leaving.has(node)) {
    for (const row of view.shards)
      if (row.owner?.node === node) effects.push({ kind: 'moveAway', shard: row.shard, target: null });
  }
  for (const row of roundOf(view, targets, timing)) {
    const target = targets.get(row.shard);
    if (row.owner?.node !== node || target === undefined) continue;
    // A node that leaves is waiting for it; what only balances the load can wait for quiet times.
    if (stable || leaving.has(node)) effects.push({ kind: 'moveAway', shard: row.shard, target });
  }
  return { state: next, effects };
}

/** Where every shard belongs. Empty without a node that may hold any. */
export function targetsOf(view: ClusterView): Map<Shard, string> {
  const staying = view.members.filter((member) => member.live && member.mayHold && !member.leaving);
  const targets = new Map<Shard, string>();
  for (const { shard } of view.shards) {
    const target = placeOf(
      shard,
      staying.map((member) => member.node),
    );
    if (target !== undefined) targets.set(shard, target);
  }
  return targets;
}

export function isOrphan(row: ShardRow): boolean {
  return row.owner === null || !row.ownerLive;
}

/**
 * The shards that move next, for the whole cell: none while a round is under way, which the rows tell, so that every node
 * picks the same ones without asking. A shard without an owner counts as under way: its place is more urgent than balance.
 */
function roundOf(view: ClusterView, targets: ReadonlyMap<Shard, string>, timing: Timing): ShardRow[] {
  const size = Math.max(1, Math.floor(view.shards.length * timing.moveShare));
  if (view.shards.some((row) => row.state !== 'open' || isOrphan(row))) return [];
  const misplaced = view.shards.filter((row) => {
    const target = targets.get(row.shard);
    return target !== undefined && row.owner?.node !== target;
  });
  const leaving = leavingNodes(view);
  const first = misplaced.filter((row) => leaving.has(row.owner?.node));
  return (first.length > 0 ? first : misplaced).slice(0, size);
}

function leavingNodes(view: ClusterView): Set<string | undefined> {
  return new Set(view.members.filter((member) => member.leaving).map((member) => member.node));
}

function membershipOf(view: ClusterView): string {
  return view.members
    .filter((member) => member.live)
    .map(
      ({ node, incarnation, mayHold, leaving }) => `${node}#${incarnation}${mayHold ? '+' : ''}${leaving ? '-' : ''}`,
    )
    .sort()
    .join(' ');
}
