import type { Epoch, Shard } from '../ownership.ts';
import { SHARD_COUNT } from '../ownership.ts';
import { type Authority, authorityOf } from './authority.ts';
import type { Instant } from './instant.ts';
import { type Lease, type LeaseEffect, type LeaseInput, leaseOf, stepLease } from './lease.ts';
import { invariant, type Step } from './machine.ts';
import { type Permits, permitsOf, stepPermits } from './permits.ts';
import { epochHeld, mayClaim, shardOfNode, stepShard } from './shard.ts';
import { type ClusterView, type ShardMap, shardMapAt, stepShardMap } from './shard-map.ts';
import type { ShardAnswer, ShardEffect, ShardInput, ShardState } from './shard-phase.ts';
import type { Timing } from './timing.ts';

/**
 * One node of a cell: its lease, its shards and its idea of who should own what, put together. The shell feeds ticks and the
 * answers to what it was asked to do, each with the time at which it feeds them, and carries out the effects; it decides nothing.
 */
export interface Member {
  readonly lease: Lease;
  readonly map: ShardMap;
  readonly shards: readonly ShardState[];
  readonly claims: Permits<Shard>;
  readonly recoveries: Permits<Shard>;
  /** Claims that wait for their moment, or for a permit. */
  readonly planned: ReadonlyMap<Shard, { readonly expected: Epoch; readonly fromMonoMs: number }>;
  readonly viewUnderWay: { readonly id: number; readonly sentAtMonoMs: number } | undefined;
  readonly viewDueMonoMs: number;
  readonly nextViewId: number;
  /** Waits for a new incarnation, or has said goodbye: asked once. */
  readonly asked: boolean;
}

type LeaseAnswer = Extract<LeaseInput, { kind: 'renewed' | 'rejected' | 'renewFailed' | 'rejoin' | 'leave' }>;

export type MemberInput =
  /** @param random at least 0 and below 1 */
  | { readonly kind: 'tick'; readonly at: Instant; readonly random: number }
  | LeaseAnswer
  | {
      readonly kind: 'viewed';
      readonly at: Instant;
      readonly id: number;
      readonly view: ClusterView;
      readonly random: number;
    }
  | { readonly kind: 'viewFailed'; readonly at: Instant; readonly id: number }
  /** `incarnation` is that of the effect: what a former incarnation asked for is nobody's any more. */
  | {
      readonly kind: 'shard';
      readonly at: Instant;
      readonly shard: Shard;
      readonly incarnation: string;
      readonly answer: ShardAnswer | { readonly kind: 'fenced'; readonly epoch: Epoch; readonly reason: string };
    }
  /** Another node released the shard for this one. Hearsay: the claim's transaction decides. */
  | { readonly kind: 'hinted'; readonly at: Instant; readonly shard: Shard; readonly epoch: Epoch };

export type MemberEffect =
  | Exclude<LeaseEffect, { kind: 'leaseHeld' | 'leaseSuspended' | 'leaseLost' }>
  | { readonly kind: 'health'; readonly lease: Lease['status']; readonly reason: string }
  | { readonly kind: 'view'; readonly id: number }
  | (Exclude<ShardEffect, { kind: 'askRecoveryPermit' | 'giveRecoveryPermitBack' }> & { readonly incarnation: string })
  /** Everything of the lost incarnation has stopped: answer `rejoin` with a new one. */
  | { readonly kind: 'reincarnate' }
  /** Everything is handed over: mark the node as gone and end. */
  | { readonly kind: 'goodbye'; readonly incarnation: string };

export interface MemberOptions {
  readonly node: string;
  readonly incarnation: string;
  readonly successor?: boolean;
  readonly shardCount?: number;
}

type Out = MemberEffect[];

export function memberOf(options: MemberOptions, at: Instant, timing: Timing): Member {
  const { node, incarnation, successor = false, shardCount = SHARD_COUNT } = options;
  return {
    lease: leaseOf(node, incarnation, at, successor),
    map: shardMapAt(at),
    shards: Array.from({ length: shardCount }, (_, shard) => shardOfNode(shard)),
    claims: permitsOf(timing.concurrentClaims),
    recoveries: permitsOf(timing.concurrentRecoveries),
    planned: new Map(),
    viewUnderWay: undefined,
    viewDueMonoMs: at.monoMs,
    nextViewId: 1,
    asked: false,
  };
}

/** The authority of this node over a shard at this very moment. */
export function authorityAt(member: Member, shard: Shard, at: Instant, timing: Timing): Authority | undefined {
  const state = member.shards[shard];
  return state && authorityOf(member.lease, state, at, timing);
}

export function stepMember(before: Member, input: MemberInput, timing: Timing): Step<Member, MemberEffect> {
  const out: Out = [];
  const { at } = input;
  const isLease =
    input.kind === 'renewed' ||
    input.kind === 'rejected' ||
    input.kind === 'renewFailed' ||
    input.kind === 'rejoin' ||
    input.kind === 'leave';
  // Whatever comes in, the lease sees the time first: nothing may be done on the strength of one that has run out.
  let member = lease(before, isLease ? input : { kind: 'tick', at }, timing, out);
  switch (input.kind) {
    case 'tick':
      for (const { shard } of member.shards) member = toShard(member, shard, { kind: 'tick' }, at, timing, out);
      break;
    case 'viewed':
      member = viewed(member, input, timing, out);
      break;
    case 'viewFailed':
      if (member.viewUnderWay?.id === input.id) member = { ...member, viewUnderWay: undefined };
      break;
    case 'shard':
      if (input.incarnation === member.lease.incarnation)
        member = toShard(member, input.shard, input.answer, at, timing, out);
      break;
    case 'hinted':
      member = plan(member, input.shard, input.epoch, at.monoMs);
      break;
    case 'rejoin':
      member = { ...member, asked: false, shards: member.shards.map(({ shard }) => shardOfNode(shard)) };
      break;
  }
  member = claimWhatIsDue(member, at, timing, out);
  member = viewWhenDue(member, at, timing, out);
  member = endOfAnIncarnation(member, out);
  return { state: member, effects: out };
}

function lease(member: Member, input: LeaseInput, timing: Timing, out: Out): Member {
  const { state, effects } = stepLease(member.lease, input, timing);
  let next: Member = { ...member, lease: state };
  for (const effect of effects) {
    if (effect.kind === 'join' || effect.kind === 'renew') {
      out.push(effect);
      continue;
    }
    const reason = 'reason' in effect ? effect.reason : 'verified';
    out.push({ kind: 'health', lease: state.status, reason });
    if (effect.kind === 'leaseLost') next = { ...next, planned: new Map(), claims: permitsOf(timing.concurrentClaims) };
    for (const { shard } of next.shards) next = toShard(next, shard, { kind: effect.kind }, input.at, timing, out);
  }
  // What was asked before a stall tells of a time in which this node heard nobody.
  const stalled = state.verifyFromMonoMs !== member.lease.verifyFromMonoMs;
  return stalled ? { ...next, viewUnderWay: undefined, planned: new Map() } : next;
}

function toShard(member: Member, shard: Shard, input: ShardInput, at: Instant, timing: Timing, out: Out): Member {
  const before = member.shards[shard];
  invariant(before !== undefined, `there is no shard ${shard}`);
  const { state, effects } = stepShard(before, input, { at, timing, leaseHeld: member.lease.status === 'held' });
  if (state === before && effects.length === 0) return member;
  let next: Member = { ...member, shards: member.shards.with(shard, state) };
  if (before.phase.kind === 'claiming' && state.phase.kind !== 'claiming')
    next = { ...next, claims: stepPermits(next.claims, { kind: 'giveBack', key: shard }).state };
  for (const effect of effects) {
    if (effect.kind === 'askRecoveryPermit') next = permit(next, { kind: 'ask', key: shard }, at, timing, out);
    else if (effect.kind === 'giveRecoveryPermitBack')
      next = permit(next, { kind: 'giveBack', key: shard }, at, timing, out);
    else out.push({ ...effect, incarnation: member.lease.incarnation });
  }
  return next;
}

function permit(
  member: Member,
  input: { readonly kind: 'ask' | 'giveBack'; readonly key: Shard },
  at: Instant,
  timing: Timing,
  out: Out,
): Member {
  const { state, effects } = stepPermits(member.recoveries, input);
  let next: Member = { ...member, recoveries: state };
  for (const { key } of effects) next = toShard(next, key, { kind: 'recoveryPermitted' }, at, timing, out);
  return next;
}

function viewed(member: Member, input: Extract<MemberInput, { kind: 'viewed' }>, timing: Timing, out: Out): Member {
  if (member.viewUnderWay?.id !== input.id) return member;
  const { at, view, random } = input;
  const { node, incarnation } = member.lease;
  let next: Member = { ...member, viewUnderWay: undefined };
  for (const row of view.shards) {
    const mine = row.owner?.node === node && row.owner.incarnation === incarnation;
    if (mine) next = reconcile(next, row.shard, row.epoch, row.state === 'open', at, timing, out);
  }
  const { state, effects } = stepShardMap(next.map, { kind: 'view', at, node, view }, timing);
  next = { ...next, map: state };
  for (const effect of effects) {
    if (effect.kind === 'moveAway')
      next = toShard(next, effect.shard, { kind: 'handOff', target: effect.target }, at, timing, out);
    else if (at.monoMs >= next.lease.peersTrustedFromMonoMs)
      next = plan(
        next,
        effect.shard,
        effect.expected,
        at.monoMs + jitterOf(effect.shard, random) * timing.claimJitterMs,
      );
  }
  return next;
}

/** The row is the truth: a claim whose answer was lost, or a mark that never arrived. */
function reconcile(
  member: Member,
  shard: Shard,
  epoch: Epoch,
  markedOpen: boolean,
  at: Instant,
  timing: Timing,
  out: Out,
): Member {
  const phase = member.shards[shard]?.phase;
  if (phase?.kind === 'open' && phase.epoch === epoch && !markedOpen)
    out.push({ kind: 'mark', shard, epoch, as: 'open', target: null, incarnation: member.lease.incarnation });
  return toShard(member, shard, { kind: 'adopt', epoch }, at, timing, out);
}

function plan(member: Member, shard: Shard, expected: Epoch, fromMonoMs: number): Member {
  const known = member.planned.get(shard);
  if (known !== undefined && known.expected >= expected && known.fromMonoMs <= fromMonoMs) return member;
  return { ...member, planned: new Map(member.planned).set(shard, { expected, fromMonoMs }) };
}

/** Only with a lease that is held: who may not act has no use for a shard, and others may have taken its place. */
function claimWhatIsDue(before: Member, at: Instant, timing: Timing, out: Out): Member {
  if (before.planned.size === 0 || before.lease.status !== 'held' || before.lease.leaving) return before;
  let member = before;
  for (const [shard, { expected, fromMonoMs }] of before.planned) {
    const state = member.shards[shard];
    if (state === undefined || at.monoMs < fromMonoMs || member.claims.held.length >= member.claims.limit) continue;
    const planned = new Map(member.planned);
    planned.delete(shard);
    member = { ...member, planned };
    if (!mayClaim(state, at)) continue;
    member = { ...member, claims: stepPermits(member.claims, { kind: 'ask', key: shard }).state };
    member = toShard(member, shard, { kind: 'claim', expected }, at, timing, out);
  }
  return member;
}

function viewWhenDue(member: Member, at: Instant, timing: Timing, out: Out): Member {
  const { viewUnderWay: underWay, nextViewId: id, lease } = member;
  if (lease.status === 'lost' || lease.deadline === undefined) return member;
  const hangs = underWay !== undefined && at.monoMs - underWay.sentAtMonoMs >= timing.databaseTimeoutMs;
  if ((underWay !== undefined && !hangs) || at.monoMs < member.viewDueMonoMs) return member;
  out.push({ kind: 'view', id });
  return {
    ...member,
    viewUnderWay: { id, sentAtMonoMs: at.monoMs },
    viewDueMonoMs: at.monoMs + timing.viewIntervalMs,
    nextViewId: id + 1,
  };
}

function endOfAnIncarnation(member: Member, out: Out): Member {
  const { lease, asked } = member;
  if (asked || (lease.status !== 'lost' && !lease.leaving)) return member;
  const idle = member.shards.every((shard) => epochHeld(shard) === undefined && shard.phase.kind !== 'claiming');
  if (!idle) return member;
  out.push(lease.leaving ? { kind: 'goodbye', incarnation: lease.incarnation } : { kind: 'reincarnate' });
  return { ...member, asked: true };
}

/** One random number serves all shards of a view. */
function jitterOf(shard: Shard, random: number): number {
  return (random + shard * 0.618034) % 1;
}
