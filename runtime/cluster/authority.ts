import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
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
