import type { LinkGroup } from '../../topology/plant.ts';
import { Rule } from '../../topology/schema/rule.ts';
import { type CompiledRule, compileRule, decideRule, ruleDueMs } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { CONNECTION_LOST } from '../alarm/loss.ts';
import { lossInWords } from '../alarm/loss-words.ts';
import type { SystemState } from './state.ts';

/**
 * One alarm for the one cause, in the place of those of the devices that are lost with their link. It has their delays and the most
 * urgent of their severities, so the wall does not become quieter by it.
 */
export function linkLostRule({ severity, delaySeconds, devices }: LinkGroup): CompiledRule {
  const rule = Rule.parse({
    id: CONNECTION_LOST,
    name: 'Connection lost',
    when: 'deviceLost',
    durationSeconds: delaySeconds,
    offDelaySeconds: 10,
    cooldownSeconds: 300,
    severity,
    message: `No connection to {asset}: {value}. Without news of ${devicesInWords(devices.length)}, whose own alarms it stands for`,
    response:
      'Values of these devices are those from before, and alarms on them are suppressed: look after the plant in another way',
  });
  return compileRule(rule, { index: 0, metric: -1, unit: '', title: 'Connection' });
}

function devicesInWords(count: number): string {
  return count === 1 ? 'the device behind it' : `${count} devices`;
}

/** The timers follow from the link, so they are set again whenever they are asked for. */
function syncTimers({ decided: { link }, live }: SystemState): void {
  const isLost = link?.state === 'lost';
  live.timers.onSinceMs[0] = isLost ? link.sinceMs : Number.NaN;
  live.timers.offSinceMs[0] = link === null || isLost ? Number.NaN : link.sinceMs;
}

export function linkLostDueMs(state: SystemState): number {
  const { linkRule } = state.live;
  if (linkRule === null) return Number.POSITIVE_INFINITY;
  syncTimers(state);
  return ruleDueMs(linkRule, state.decided.alarms.get(CONNECTION_LOST), state.live.timers);
}

export function linkLostAlarms(state: SystemState, nowMs: number): AlarmEvent[] {
  const { decided, live } = state;
  const events: AlarmEvent[] = [];
  if (live.linkRule === null) return events;
  syncTimers(state);
  const record = decided.alarms.get(CONNECTION_LOST);
  const why = decided.link === null ? '' : lossInWords(decided.link.reason);
  decideRule(live.linkRule, record, live.timers, why, nowMs, live.owner, null, events);
  return events;
}
