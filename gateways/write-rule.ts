import { type Instant, isPast } from '../runtime/cluster/instant.ts';
import type { Epoch } from '../runtime/ownership.ts';
import type { WriteRefusal } from './driver.ts';

/** What is known at the moment at which a write to a device would leave. */
export interface WriteMoment {
  readonly at: Instant;
  /** This node may act for the device under the epoch of the write, now. */
  readonly mayAct: boolean;
  /** Under which the device was written from here: undefined, never; null, nobody can tell. */
  readonly highestEpoch: Epoch | undefined | null;
}

/**
 * Why a write may not leave now; null where it may. The last look, right before the bytes go, since a device checks no token.
 *
 * The deadline alone would not do, for a shard that is handed over goes to its next owner long before: so the authority is asked
 * for at this moment too. What remains is the time between this look and the device, for which the lease has its guard.
 */
export function refusalOf(
  { epoch, deadline }: { readonly epoch: Epoch; readonly deadline: Instant },
  { at, mayAct, highestEpoch }: WriteMoment,
): WriteRefusal | null {
  if (isPast(deadline, at)) return 'deadline_passed';
  if (!mayAct) return 'authority_lost';
  if (highestEpoch === null) return 'epoch_unknown';
  return highestEpoch !== undefined && epoch < highestEpoch ? 'epoch_stale' : null;
}
