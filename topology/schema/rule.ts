import { z } from 'zod';
import { Identifier, Name, Severity, Title } from './base.ts';

/** When a rule's condition holds. `outside` and `inside` take two limits. */
export const Condition = z.union([
  z.strictObject({ above: z.number() }),
  z.strictObject({ below: z.number() }),
  z.strictObject({ atLeast: z.number() }),
  z.strictObject({ atMost: z.number() }),
  z.strictObject({ equals: z.union([z.number(), z.string(), z.boolean()]) }),
  z.strictObject({ notEquals: z.union([z.number(), z.string(), z.boolean()]) }),
  z.strictObject({ outside: z.tuple([z.number(), z.number()]) }),
  z.strictObject({ inside: z.tuple([z.number(), z.number()]) }),
]);
export type Condition = z.infer<typeof Condition>;

export const Rule = z.strictObject({
  id: Name.describe('Unique within the asset; part of the alarm id'),
  name: Title.describe('Shown as the name of the alarm'),
  metric: Identifier.optional().describe('Metric that the condition is about. Left out for `deviceLost`'),
  when: z
    .union([Condition, z.literal('deviceLost')])
    .describe('A condition on the metric, or deviceLost: no connection to a primary device'),
  durationSeconds: z
    .number()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('The condition must hold for so long, in s (on-delay)'),
  deadband: z
    .number()
    .min(0)
    .default(0)
    .describe('Distance to the limit that a value must come back before the alarm clears, in the unit of the metric'),
  offDelaySeconds: z.number().min(0).max(604_800).default(0).describe('And stay there for so long, in s (off-delay)'),
  cooldownSeconds: z
    .number()
    .min(0)
    .max(604_800)
    .default(300)
    .describe(
      'For so long after it cleared, in s, nobody is called again: the occurrence is counted, and listed as acknowledged',
    ),
  severity: Severity.default('MEDIUM').describe('How urgent the alarm is'),
  latched: z.boolean().default(false).describe('Stays until somebody resets it, even when the condition is gone'),
  autoAckOnClear: z
    .boolean()
    .default(false)
    .describe('Clearing acknowledges (the behaviour of the simple three-state machine)'),
  suppressWhenDeviceLost: z
    .boolean()
    .default(true)
    .describe('Not annunciated while a primary device is lost: the loss itself is the alarm'),
  message: z.string().max(300).optional().describe('{value}, {threshold}, {unit} and {asset} are replaced'),
  response: z.string().max(1000).optional().describe('What the operator is to do'),
  workOrder: Name.optional().describe('Template of the work order that it opens; one open order per asset and rule'),
  webhook: z
    .url({ protocol: /^https?$/, error: 'http://… or https://…' })
    .optional()
    .describe('Address that is told about the alarm'),
  active: z.boolean().default(true).describe('false: not evaluated'),
});
export type Rule = z.infer<typeof Rule>;
