import type { AlarmEvent } from '../alarm/events.ts';
import { CONNECTION_LOST, type Cover, decideLoss, isUndecided, type Loss, lossDueMs } from '../alarm/loss.ts';
import { lossInWords } from '../alarm/loss-words.ts';
import { DEVICE_LOST_RULE } from './lost-rule.ts';
import type { DeviceDecided, DeviceLive } from './state.ts';

/** Not online, and yet nothing was lost: nothing was heard so far, or the device is out of use. */
const NO_LOSS: ReadonlySet<string> = new Set(['not_heard_yet', 'decommissioned']);

/** The alarm of the link that the device was lost with. */
export function coverOf({ connectivity: { ofLink } }: DeviceDecided): Cover | null {
  return ofLink === undefined ? null : { by: `${ofLink.entity}:${CONNECTION_LOST}`, sinceMs: ofLink.sinceMs };
}

export function lostDueMs(decided: DeviceDecided, live: DeviceLive): number {
  const { lostRule } = live.layout;
  if (lostRule === null) return Number.POSITIVE_INFINITY;
  return lossDueMs(lostRule, decided.alarms.get(DEVICE_LOST_RULE), live.clock, lossOf(decided));
}

/** In the turn in which the connection is lost, since that is when the alarms of the assets are hidden. */
export function decideLost(decided: DeviceDecided, live: DeviceLive, nowMs: number, events: AlarmEvent[]): void {
  const { lostRule } = live.layout;
  if (lostRule === null) return;
  const record = decided.alarms.get(DEVICE_LOST_RULE);
  const why = lossInWords(decided.connectivity.reason);
  decideLoss(lostRule, record, live.clock, lossOf(decided), why, nowMs, live.owner, events);
}

function lossOf(decided: DeviceDecided): Loss {
  const { connectivity } = decided;
  const sinceMs = connectivity.sinceMs ?? Number.NaN;
  const cover = coverOf(decided);
  const isFine = connectivity.state === 'online' || NO_LOSS.has(connectivity.reason);
  const isLost = !isFine && !isUndecided(connectivity);
  return {
    lostSinceMs: isLost ? sinceMs : Number.NaN,
    onlineSinceMs: isFine ? sinceMs : Number.NaN,
    ownSinceMs: isLost && cover === null ? sinceMs : Number.NaN,
    cover: isLost ? cover : null,
  };
}
