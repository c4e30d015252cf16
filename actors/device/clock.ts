import { Rule } from '../../topology/schema/rule.ts';
import { type CompiledRule, compileRule } from '../alarm/evaluate.ts';

/**
 * TIM-03: a device whose clock is off, behind or ahead. Buffered readings that come in a burst look like a clock that is behind;
 * the delay lets the burst pass.
 */
const DELAYS = { durationSeconds: 10, offDelaySeconds: 10, deadband: 500, cooldownSeconds: 300 };

export const CLOCK_RULES: readonly Rule[] = [
  Rule.parse({
    id: 'clock-drift',
    name: 'Clock drift',
    metric: 'clock_skew_ms',
    when: { above: 5000 },
    ...DELAYS,
    severity: 'MEDIUM',
    message: 'The clock is off by {value} ms',
    response: 'Check the time synchronisation (NTP) of the device',
  }),
  Rule.parse({
    id: 'clock-fault',
    name: 'Clock fault',
    metric: 'clock_skew_ms',
    when: { above: 10_000 },
    ...DELAYS,
    severity: 'HIGH',
    message: 'The clock is off by {value} ms: times of this device cannot be trusted',
    response: 'Check the time synchronisation (NTP) of the device',
  }),
];

export const COMPILED_CLOCK_RULES: readonly CompiledRule[] = CLOCK_RULES.map((rule, index) =>
  compileRule(rule, { index, metric: 0, unit: 'ms', title: 'Clock skew' }),
);
