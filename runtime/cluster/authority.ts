import type { Epoch, Shard } from '../ownership.ts';
import { earlier, type Instant, isPast } from './instant.ts';
import { isHeld, type Lease } from './lease.ts';
import type { ShardState } from './shard-phase.ts';
import type { Timing } from './timing.ts';

/** Leave to act for a shard, until a deadline that no later news can move. */
export interface Authority {
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly deadline: Instant;
}

/**
 * Whether a turn may run now. Asked at every turn and once more before its effects: the lease may have run out, or the
 * process may have slept, since anybody looked. A shard that is handed off works off what it accepted.
 */
export function authorityOf(
  lease: Lease,
  { shard, phase }: ShardState,
  at: Instant,
  timing: Timing,
): Authority | undefined {
  if (lease.deadline === undefined || !isHeld(lease, at, timing)) return undefined;
  const acts =
    phase.kind === 'open' || (phase.kind === 'handing_off' && phase.step !== 'halting' && phase.step !== 'releasing');
  return acts ? { shard, epoch: phase.epoch, deadline: lease.deadline } : undefined;
}

/** A write to a device as it travels to the driver: what the committed event asked for, under whose authority, and until when. */
export interface FencedWrite {
  readonly epoch: Epoch;
  readonly deadline: Instant;
}

/** @param latest when the write is of no use any more, however long the authority lasts */
export function fencedWrite(authority: Authority, latest: Instant): FencedWrite {
  return { epoch: authority.epoch, deadline: earlier(authority.deadline, latest) };
}

/**
 * The driver's last look, right before the bytes leave: a device checks no token. The deadline alone would not do, for a
 * shard that is handed over goes to its next owner long before: so the authority is asked for once more, at this moment.
 * What remains is the time between this line and the device, for which the lease has its guard.
 *
 * @param now of the write's shard, from the node that drives the device
 * @param highestEpoch under which the device was written before
 */
export function mayWrite(
  write: FencedWrite,
  now: Authority | undefined,
  highestEpoch: Epoch | undefined,
  at: Instant,
): boolean {
  return now?.epoch === write.epoch && write.epoch >= (highestEpoch ?? 0) && !isPast(write.deadline, at);
}
