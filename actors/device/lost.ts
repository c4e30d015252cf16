import { decideRule } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { DEVICE_LOST_RULE, LINK_BACK } from './lost-rule.ts';
import type { DeviceDecided, DeviceLive } from './state.ts';

/** Not online, and yet nothing was lost: a start, which a failure to connect or the silence of the device ends, or an order. */
const NO_LOSS = new Set(['not_heard_yet', 'connecting', LINK_BACK, 'decommissioned']);

/** The timers follow from the connectivity, so they are set again whenever they are asked for. */
export function syncLostTimers({ connectivity }: DeviceDecided, live: DeviceLive): void {
  const { lostRule } = live.layout;
  if (lostRule === null) return;
  const { state, reason, sinceMs, ofLink } = connectivity;
  const isLost = state !== 'online' && !NO_LOSS.has(reason);
  // With the link the device is not lost by itself: that raises no alarm here, and ends none.
  const byItself = ofLink !== true;
  live.clock.onSinceMs[lostRule.index] = isLost && byItself ? (sinceMs ?? Number.NaN) : Number.NaN;
  live.clock.offSinceMs[lostRule.index] = !isLost && byItself ? (sinceMs ?? Number.NaN) : Number.NaN;
}

/** In the turn in which the connection is lost, since that is when the alarms of the assets are hidden. */
export function decideLost(decided: DeviceDecided, live: DeviceLive, nowMs: number, events: AlarmEvent[]): void {
  const { lostRule } = live.layout;
  if (lostRule === null) return;
  syncLostTimers(decided, live);
  const record = decided.alarms.get(DEVICE_LOST_RULE);
  decideRule(lostRule, record, live.clock, decided.connectivity.reason, nowMs, live.owner, null, events);
}
