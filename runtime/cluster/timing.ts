import { invariant } from './machine.ts';

/** Every time and bound of clustered ownership. All nodes of a cell use the same `leaseTtlMs`: the database compares with it. */
export interface Timing {
  /**
   * Age of a beat, by the database's clock, beyond which its node's shards may be taken. 2.4 s: after kill -9 what has traffic
   * must answer again within 5 s, and detection (this, `viewIntervalMs`, `claimJitterMs`) takes the larger part of it. Shorter
   * and a database that stands still for two seconds costs every node everything.
   */
  readonly leaseTtlMs: number;
  /** A third of the lease, so that two renewals may fail before a node has to stop. */
  readonly renewIntervalMs: number;
  /** A renewal without an answer for so long is given up and sent again: one that hangs must not be waited for. */
  readonly renewTimeoutMs: number;
  /** Pause after a renewal that failed at once, as it does while the database restarts. */
  readonly renewRetryMs: number;
  /**
   * What the owner stops earlier than the database lets others begin. Covers 1 % of drift between the two clocks over the
   * lease (24 ms), a step of the wall clock too small to be noticed (`clockStepMs`), and the way from the last check of the
   * deadline to the bytes leaving the host.
   */
  readonly leaseGuardMs: number;
  /** No input for so long means that the event loop stood still. A third of the lease: later it could not renew in time. */
  readonly loopGapMs: number;
  /** Wall and monotonic clock moving apart by more between two inputs: the machine slept, or its clock was set. */
  readonly clockStepMs: number;
  /** How often the shell feeds a tick. Small against `loopGapMs`, so that a stall is told from an idle node. */
  readonly tickIntervalMs: number;
  /** How often the rows of the cell are read. A part of the time to take over; 64 rows and one query. */
  readonly viewIntervalMs: number;
  /** Any database operation on ownership without an answer for so long is unknown; the next view tells what came of it. */
  readonly databaseTimeoutMs: number;
  /**
   * Planned moves wait for membership to stand still so long (8 to 20 s). A rolling update has a node back sooner than that on
   * most machines: its shards then never move twice.
   */
  readonly stableMs: number;
  /** Part of all shards that a round moves at most: the rest of the plant does not notice. */
  readonly moveShare: number;
  /** Orphans of a dead node are claimed at random moments within it: a node taking over thirty shards is no burst. */
  readonly claimJitterMs: number;
  /** Claims under way at a node. Each is one short transaction. */
  readonly concurrentClaims: number;
  /**
   * Shards recovering at a node. Counted for the node, never for a shard: snapshots and log share one disk. A shard is open as
   * soon as its entities are there; how many of those are built at a time is bounded by `SharedRestore`. What shards that
   * recover together need is read together, so that a node which takes over all of them reads lists and log a few times.
   */
  readonly concurrentRecoveries: number;
  /** Pause before a claim, a recovery or a release that failed is tried again. */
  readonly retryMs: number;
  /** A recovery that takes longer is given up, its shard released: another node may be able to. */
  readonly recoveryTimeoutMs: number;
  /** In a handoff, for what is in the mailboxes. Callers wait meanwhile; what is left over they send to the new owner. */
  readonly drainMs: number;
  /** In a handoff, for commits and snapshots under way. Cut short costs the successor a longer replay, nothing else. */
  readonly flushMs: number;
  /** A shard whose append was refused rests so long before it may be claimed here again, lest a defect becomes a hot loop. */
  readonly fencedRestMs: number;
  /** Messages that a sender holds for a shard, under way or waiting for it to move; beyond it OVERLOADED. */
  readonly heldMessages: number;
  /** Requests of one sender to one shard under way, each to another entity. */
  readonly requestsUnderWay: number;
  /** A request without an answer for so long is sent again. Longer than an append takes, or repeats feed on themselves. */
  readonly requestTimeoutMs: number;
  /** While a shard moves: how long a sender waits for the announcement before it looks the route up. */
  readonly routeRetryMs: number;
  /** Senders that an owner remembers for a shard; the longest silent is forgotten. */
  readonly sessions: number;
}

export const TIMING: Timing = {
  leaseTtlMs: 2400,
  renewIntervalMs: 800,
  renewTimeoutMs: 800,
  renewRetryMs: 250,
  leaseGuardMs: 250,
  loopGapMs: 800,
  clockStepMs: 100,
  tickIntervalMs: 100,
  viewIntervalMs: 250,
  databaseTimeoutMs: 1000,
  stableMs: 10_000,
  moveShare: 0.1,
  claimJitterMs: 100,
  concurrentClaims: 8,
  concurrentRecoveries: 64,
  retryMs: 250,
  recoveryTimeoutMs: 60_000,
  drainMs: 2000,
  flushMs: 2000,
  fencedRestMs: 2400,
  heldMessages: 1000,
  requestsUnderWay: 64,
  requestTimeoutMs: 1500,
  routeRetryMs: 250,
  sessions: 256,
};

/** The default times stretched to another lease; bounds and shares stay. For slow databases and machines shared with others. */
export function timingFor(leaseTtlMs: number, changes: Partial<Timing> = {}): Timing {
  const factor = leaseTtlMs / TIMING.leaseTtlMs;
  return {
    ...TIMING,
    leaseTtlMs,
    renewIntervalMs: TIMING.renewIntervalMs * factor,
    renewTimeoutMs: TIMING.renewTimeoutMs * factor,
    renewRetryMs: TIMING.renewRetryMs * factor,
    leaseGuardMs: TIMING.leaseGuardMs * factor,
    loopGapMs: TIMING.loopGapMs * factor,
    clockStepMs: TIMING.clockStepMs * factor,
    fencedRestMs: TIMING.fencedRestMs * factor,
    ...changes,
  };
}

/** What must hold between the times for the protocol to be sound. Throws `InvariantBroken`. */
export function checkTiming(timing: Timing): Timing {
  const { leaseTtlMs, leaseGuardMs, renewIntervalMs, renewTimeoutMs, loopGapMs, clockStepMs, tickIntervalMs } = timing;
  invariant(3 * renewIntervalMs <= leaseTtlMs, 'a lease holds three renewals');
  invariant(renewTimeoutMs <= renewIntervalMs, 'a renewal that hangs is given up before the next is due');
  invariant(3 * loopGapMs <= leaseTtlMs, 'a stall is noticed within a third of the lease');
  invariant(2 * tickIntervalMs <= loopGapMs, 'a late tick is not a stall');
  invariant(clockStepMs + leaseTtlMs / 100 < leaseGuardMs, 'the guard covers drift and unnoticed clock steps');
  invariant(leaseGuardMs + renewIntervalMs + renewTimeoutMs < leaseTtlMs, 'one lost renewal does not suspend a node');
  invariant(timing.stableMs >= 8000 && timing.stableMs <= 20_000, 'planned moves wait 8 to 20 s');
  invariant(timing.moveShare > 0 && timing.moveShare <= 0.1, 'at most a tenth of the shards moves in a round');
  return timing;
}
