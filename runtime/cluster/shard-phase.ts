import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
import type { Timing } from './timing.ts';

/**
 * One shard, as one node has it. A claim is one transaction (free, or its owner's beat expired; epoch + 1); from then on this
 * node is the owner under that epoch until it releases, is fenced, or loses its lease. What it holds in memory is stopped,
 * and known to be, before the same node claims the shard anew.
 */
export interface ShardState {
  readonly shard: Shard;
  /** Highest epoch that this incarnation has held. A row with the same or a lower one is old news. */
  readonly lastEpoch: Epoch;
  readonly phase: Phase;
}

export type Phase =
  | { readonly kind: 'unowned'; readonly notBeforeMonoMs: number }
  | { readonly kind: 'claiming'; readonly expected: Epoch; readonly untilMonoMs: number }
  | {
      readonly kind: 'recovering';
      readonly epoch: Epoch;
      /** `waiting` for a permit, `running`, or `pausing` after a failure, with the permit kept. */
      readonly step: 'waiting' | 'running' | 'pausing';
      readonly untilMonoMs: number;
      readonly giveUpMonoMs: number;
    }
  | { readonly kind: 'open'; readonly epoch: Epoch }
  /** Recovered and in memory, but the lease is not verified: no turn, no write to a device. */
  | { readonly kind: 'suspended'; readonly epoch: Epoch }
  | HandingOff
  /** Handed over; `target` is where a sender should look. */
  | {
      readonly kind: 'released';
      readonly epoch: Epoch;
      readonly target: string | null;
      readonly notBeforeMonoMs: number;
    }
  /** An append was refused, or recovery was given up. What waits is never tried again; the shard is let go of and rests. */
  | {
      readonly kind: 'fenced';
      readonly epoch: Epoch;
      readonly reason: string;
      readonly step: 'halting' | 'releasing';
      readonly untilMonoMs: number;
    }
  /** The lease is lost: somebody may own it already, so the row is none of our business. */
  | { readonly kind: 'stopping'; readonly epoch: Epoch };

export interface HandingOff {
  readonly kind: 'handing_off';
  readonly epoch: Epoch;
  readonly target: string | null;
  /** `marking` the row, then `draining` mailboxes, `flushing` commits and snapshots, `halting` if that took too long, `releasing`. */
  readonly step: 'marking' | 'draining' | 'flushing' | 'halting' | 'releasing';
  /** When the step is given up, or for marking and releasing sent again. */
  readonly untilMonoMs: number;
}

export type ShardInput =
  | { readonly kind: 'tick' }
  | { readonly kind: 'leaseHeld' }
  | { readonly kind: 'leaseSuspended' }
  | { readonly kind: 'leaseLost' }
  /** The plan says it is ours to take, as long as the row is still at this epoch. */
  | { readonly kind: 'claim'; readonly expected: Epoch }
  /** The row names this incarnation: a claim whose answer was lost. */
  | { readonly kind: 'adopt'; readonly epoch: Epoch }
  | { readonly kind: 'handOff'; readonly target: string | null }
  | { readonly kind: 'recoveryPermitted' }
  | { readonly kind: 'fenced'; readonly epoch: Epoch; readonly reason: string }
  | ShardAnswer;

/** What the shell answers to effects. An operation that is not answered in time is taken as failed. */
export type ShardAnswer =
  | { readonly kind: 'claimed'; readonly epoch: Epoch }
  | { readonly kind: 'claimRefused' }
  /** Unknown: a view of the rows tells. */
  | { readonly kind: 'claimFailed' }
  | { readonly kind: 'recovered'; readonly epoch: Epoch }
  | { readonly kind: 'recoveryFailed'; readonly epoch: Epoch; readonly reason: string }
  | { readonly kind: 'marked'; readonly epoch: Epoch }
  | { readonly kind: 'drained'; readonly epoch: Epoch }
  | { readonly kind: 'flushed'; readonly epoch: Epoch }
  | { readonly kind: 'released'; readonly epoch: Epoch }
  /** Marking or releasing found another owner or epoch in the row. */
  | { readonly kind: 'notOwner'; readonly epoch: Epoch }
  /** Everything of the shard in memory is stopped; nothing was flushed. */
  | { readonly kind: 'halted'; readonly epoch: Epoch };

export type ShardEffect =
  | { readonly kind: 'claim'; readonly shard: Shard; readonly expected: Epoch }
  | { readonly kind: 'askRecoveryPermit'; readonly shard: Shard }
  | { readonly kind: 'giveRecoveryPermitBack'; readonly shard: Shard }
  /** Snapshots, journal, log; answer `recovered`. A second one for the same epoch replaces the first. */
  | { readonly kind: 'recover'; readonly shard: Shard; readonly epoch: Epoch }
  /** Take requests, begin pending effects and timers, tell every node. */
  | { readonly kind: 'open'; readonly shard: Shard; readonly epoch: Epoch }
  | { readonly kind: 'suspend'; readonly shard: Shard; readonly epoch: Epoch }
  | { readonly kind: 'resume'; readonly shard: Shard; readonly epoch: Epoch }
  | {
      readonly kind: 'mark';
      readonly shard: Shard;
      readonly epoch: Epoch;
      readonly as: 'open' | 'handing_off';
      readonly target: string | null;
    }
  /** From now on requests are answered MOVING; then work off what was accepted. */
  | { readonly kind: 'drain'; readonly shard: Shard; readonly epoch: Epoch; readonly target: string | null }
  /** Refuse what is left with MOVING, wait for the commit under way, save snapshots, stop. */
  | { readonly kind: 'flush'; readonly shard: Shard; readonly epoch: Epoch }
  | { readonly kind: 'release'; readonly shard: Shard; readonly epoch: Epoch; readonly target: string | null }
  /** The row is released: spare the target the wait for its next view. */
  | { readonly kind: 'hint'; readonly shard: Shard; readonly epoch: Epoch; readonly to: string }
  /** Stop at once and drop everything, counted; nothing is flushed, no append is tried again. */
  | { readonly kind: 'halt'; readonly shard: Shard; readonly epoch: Epoch; readonly reason: string };

export interface ShardContext {
  readonly at: Instant;
  readonly leaseHeld: boolean;
  readonly timing: Timing;
}
