import { after, type Instant, isPast, offsetMs } from './instant.ts';
import { invariant, type Step } from './machine.ts';
import type { Timing } from './timing.ts';

/**
 * The one lease of a node: its beat in the cell's database. While it is held, no other node can have taken a shard of this
 * one, for whoever takes a shard from an expired node evicts that node in the same transaction, and its next renewal is
 * rejected. So a verified renewal says: all that I own is still mine.
 *
 * The owner counts from before it sent the renewal, the database from when it carried it out, which is later. Hence the owner
 * stops first, as long as the two clocks run at about the same rate (`leaseGuardMs`).
 *
 * Not to be noticed: a wall clock set back, within one stop of the machine, by as much as that stop lasted.
 */
export interface Lease {
  readonly node: string;
  readonly incarnation: string;
  /** The former process of this node is known to be gone (it held a lock that we hold now): its shards are free at once. */
  readonly successor: boolean;
  readonly leaving: boolean;
  readonly status: 'joining' | 'held' | 'suspended' | 'lost';
  /** First moment at which nothing may be done any more. Undefined before the first verified renewal. */
  readonly deadline: Instant | undefined;
  readonly underWay: { readonly id: number; readonly sentAt: Instant } | undefined;
  readonly nextId: number;
  readonly dueMonoMs: number;
  /** Only a renewal sent from here on counts: an answer from before a stall says nothing of what happened in it. */
  readonly verifyFromMonoMs: number;
  /** Until then news of dead peers are not believed: whoever slept has heard nobody, and it was not their fault. */
  readonly peersTrustedFromMonoMs: number;
  readonly lastAt: Instant;
}

export type LeaseInput =
  | { readonly kind: 'tick'; readonly at: Instant }
  /** The database has taken the renewal of this id. */
  | { readonly kind: 'renewed'; readonly at: Instant; readonly incarnation: string; readonly id: number }
  /** This incarnation was replaced, or expired and evicted. Final, whichever renewal it answers. */
  | { readonly kind: 'rejected'; readonly at: Instant; readonly incarnation: string; readonly reason: string }
  | { readonly kind: 'renewFailed'; readonly at: Instant; readonly incarnation: string; readonly id: number }
  /** From lost: begin again as somebody else, once everything has stopped. */
  | { readonly kind: 'rejoin'; readonly at: Instant; readonly incarnation: string }
  | { readonly kind: 'leave'; readonly at: Instant };

export type SuspendReason = 'deadline' | 'stall' | 'clock-step';

export type LeaseEffect =
  /** Put this incarnation in the place of any other of this node; where it stands already, as a renewal. */
  | {
      readonly kind: 'join';
      readonly id: number;
      readonly incarnation: string;
      readonly leaving: boolean;
      readonly successor: boolean;
    }
  | { readonly kind: 'renew'; readonly id: number; readonly incarnation: string; readonly leaving: boolean }
  | { readonly kind: 'leaseHeld' }
  | { readonly kind: 'leaseSuspended'; readonly reason: SuspendReason }
  | { readonly kind: 'leaseLost'; readonly reason: string };

export function leaseOf(node: string, incarnation: string, at: Instant, successor = false): Lease {
  return {
    node,
    incarnation,
    successor,
    leaving: false,
    status: 'joining',
    deadline: undefined,
    underWay: undefined,
    nextId: 1,
    dueMonoMs: at.monoMs,
    verifyFromMonoMs: at.monoMs,
    peersTrustedFromMonoMs: at.monoMs,
    lastAt: at,
  };
}

export function stepLease(lease: Lease, input: LeaseInput, timing: Timing): Step<Lease, LeaseEffect> {
  invariant(input.at.monoMs >= lease.lastAt.monoMs, 'the monotonic clock ran backwards');
  const effects: LeaseEffect[] = [];
  let state = watchClocks(lease, input.at, timing, effects);
  state = take(state, input, timing, effects);
  state = renewWhenDue(state, input.at, timing, effects);
  return { state, effects };
}

/** The event loop stood still, or the two clocks moved apart: nothing that was believed before holds until it is verified. */
export function stallOf(lease: Lease, at: Instant, timing: Timing): 'stall' | 'clock-step' | undefined {
  if (at.monoMs - lease.lastAt.monoMs > timing.loopGapMs) return 'stall';
  if (apart(lease.lastAt, at) > timing.clockStepMs) return 'clock-step';
  // Against the renewal too, or many small steps would add up unseen. Once suspended, the next renewal is what counts.
  if (lease.status === 'held' && lease.deadline !== undefined && apart(lease.deadline, at) > timing.clockStepMs)
    return 'clock-step';
  return undefined;
}

function apart(a: Instant, b: Instant): number {
  return Math.abs(offsetMs(a) - offsetMs(b));
}

/** Whether the owner may act at this moment. Asked at every turn: the machine itself only learns of time by its inputs. */
export function isHeld(lease: Lease, at: Instant, timing: Timing): boolean {
  if (lease.status !== 'held' || lease.deadline === undefined) return false;
  return !isPast(lease.deadline, at) && stallOf(lease, at, timing) === undefined;
}

function watchClocks(lease: Lease, at: Instant, timing: Timing, effects: LeaseEffect[]): Lease {
  let state: Lease = { ...lease, lastAt: at };
  const stall = stallOf(lease, at, timing);
  if (stall !== undefined && lease.status !== 'lost') {
    state = {
      ...state,
      underWay: undefined,
      dueMonoMs: at.monoMs,
      verifyFromMonoMs: at.monoMs,
      peersTrustedFromMonoMs: at.monoMs + timing.renewIntervalMs,
    };
  }
  if (state.status !== 'held') return state;
  invariant(state.deadline !== undefined, 'a lease that is held has a deadline');
  const reason = stall ?? (isPast(state.deadline, at) ? 'deadline' : undefined);
  if (reason === undefined) return state;
  effects.push({ kind: 'leaseSuspended', reason });
  return { ...state, status: 'suspended' };
}

function take(lease: Lease, input: LeaseInput, timing: Timing, effects: LeaseEffect[]): Lease {
  switch (input.kind) {
    case 'tick':
      return lease;
    case 'renewed':
      return input.incarnation === lease.incarnation ? renewed(lease, input, timing, effects) : lease;
    case 'rejected':
      if (input.incarnation !== lease.incarnation || lease.status === 'lost') return lease;
      effects.push({ kind: 'leaseLost', reason: input.reason });
      return { ...lease, status: 'lost', deadline: undefined, underWay: undefined };
    case 'renewFailed':
      if (input.incarnation !== lease.incarnation || input.id !== lease.underWay?.id) return lease;
      return { ...lease, underWay: undefined, dueMonoMs: input.at.monoMs + timing.renewRetryMs };
    case 'rejoin': {
      invariant(lease.status === 'lost', 'only a lost lease begins again');
      invariant(input.incarnation !== lease.incarnation, 'an incarnation never comes back');
      const { leaving, nextId, peersTrustedFromMonoMs } = lease;
      const fresh = leaseOf(lease.node, input.incarnation, input.at);
      return { ...fresh, leaving, nextId, peersTrustedFromMonoMs };
    }
    case 'leave':
      // Told at once, so that the others make room before the next beat.
      return { ...lease, leaving: true, dueMonoMs: input.at.monoMs };
  }
}

function renewed(
  lease: Lease,
  { at, id }: Extract<LeaseInput, { kind: 'renewed' }>,
  timing: Timing,
  effects: LeaseEffect[],
): Lease {
  if (id !== lease.underWay?.id || lease.status === 'lost') return lease;
  const { sentAt } = lease.underWay;
  const deadline = after(sentAt, timing.leaseTtlMs - timing.leaseGuardMs);
  const state = { ...lease, underWay: undefined };
  invariant(sentAt.monoMs >= lease.verifyFromMonoMs, 'a stall gives up the renewal under way');
  // So late that it is no use: it does tell that nobody took our place.
  if (isPast(deadline, at)) return state;
  if (state.status !== 'held') effects.push({ kind: 'leaseHeld' });
  return { ...state, status: 'held', deadline };
}

function renewWhenDue(lease: Lease, at: Instant, timing: Timing, effects: LeaseEffect[]): Lease {
  if (lease.status === 'lost') return lease;
  const { underWay } = lease;
  const hangs = underWay !== undefined && at.monoMs - underWay.sentAt.monoMs >= timing.renewTimeoutMs;
  if ((underWay !== undefined || at.monoMs < lease.dueMonoMs) && !hangs) return lease;
  const id = lease.nextId;
  const { incarnation, successor, leaving } = lease;
  if (lease.deadline === undefined) effects.push({ kind: 'join', id, incarnation, leaving, successor });
  else effects.push({ kind: 'renew', id, incarnation, leaving });
  return {
    ...lease,
    nextId: id + 1,
    underWay: { id, sentAt: at },
    dueMonoMs: at.monoMs + timing.renewIntervalMs,
  };
}
