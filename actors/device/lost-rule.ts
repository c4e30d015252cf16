import type { DeviceDefinition } from '../../topology/plant.ts';
import { Rule } from '../../topology/schema/rule.ts';
import { type CompiledRule, compileRule } from '../alarm/evaluate.ts';
import { CLOCK_RULES } from './clock.ts';

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
