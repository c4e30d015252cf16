import type { DeviceDefinition } from '../../topology/plant.ts';
import { Rule } from '../../topology/schema/rule.ts';
import { type CompiledRule, compileRule, decideRule } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { CLOCK_RULES } from './clock.ts';
import type { DeviceDecided, DeviceLive } from './state.ts';

export const DEVICE_LOST_RULE = 'device-lost';

/**
 * The alarm of the device itself while there is no connection to it (P-03). Alarms of its assets are suppressed from the moment
 * of the loss on, so it comes without a delay of its own: a critical alarm must not leave the wall with nothing in its place. It
 * goes only when the device stays, and a link that comes and goes calls nobody twice within the cooldown.
 */
export function lostRuleOf({ lostAlarm }: DeviceDefinition): CompiledRule | null {
  if (!lostAlarm) return null;
  const rule = Rule.parse({
    id: DEVICE_LOST_RULE,
    name: 'Device lost',
    when: 'deviceLost',
    durationSeconds: lostAlarm.delaySeconds,
    offDelaySeconds: 10,
    cooldownSeconds: 300,
    severity: lostAlarm.severity,
    message: 'No connection to {asset}: {value}',
    response:
      'Its values are those from before, and alarms on them are suppressed: look after the plant in another way',
  });
  return compileRule(rule, { index: CLOCK_RULES.length, metric: -1, unit: '', title: 'Connection' });
}

/** The timers follow from the connectivity, so they are set again whenever they are asked for. */
export function syncLostTimers({ connectivity }: DeviceDecided, live: DeviceLive): void {
  const { lostRule } = live.layout;
  if (lostRule === null) return;
  const { state, reason, sinceMs } = connectivity;
  const isLost = state !== 'online' && reason !== 'not_heard_yet' && reason !== 'decommissioned';
  live.clock.onSinceMs[lostRule.index] = isLost ? (sinceMs ?? Number.NaN) : Number.NaN;
  live.clock.offSinceMs[lostRule.index] = isLost ? Number.NaN : (sinceMs ?? Number.NaN);
}

/** In the turn in which the connection is lost, since that is when the alarms of the assets are hidden. */
export function decideLost(decided: DeviceDecided, live: DeviceLive, nowMs: number, events: AlarmEvent[]): void {
  const { lostRule } = live.layout;
  if (lostRule === null) return;
  syncLostTimers(decided, live);
  const record = decided.alarms.get(DEVICE_LOST_RULE);
  decideRule(lostRule, record, live.clock, decided.connectivity.reason, nowMs, live.owner, null, events);
}
