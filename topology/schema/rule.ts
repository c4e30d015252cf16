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
  id: Name,
  name: Title,
  /** Left out for `deviceLost`. */
  metric: Identifier.optional(),
  when: z
    .union([Condition, z.literal('deviceLost')])
    .describe('A condition on the metric, or deviceLost: no connection to a primary device'),
  /** The condition must hold for so long (on-delay). */
  durationSeconds: z.number().min(0).max(604_800).default(0),
  /** Distance to the limit that a value must come back before the alarm clears. */
  deadband: z.number().min(0).default(0),
  /** And stay there for so long. */
  offDelaySeconds: z.number().min(0).max(604_800).default(0),
  /** After it cleared, not raised again for so long: the occurrence is counted, not annunciated. */
  cooldownSeconds: z.number().min(0).max(604_800).default(300),
  severity: Severity.default('MEDIUM'),
  /** Stays until somebody resets it, even when the condition is gone. */
  latched: z.boolean().default(false),
  /** Clearing acknowledges (the behaviour of the simple three-state machine). */
  autoAckOnClear: z.boolean().default(false),
  /** Not annunciated while a primary device is lost: the loss itself is the alarm. */
  suppressWhenDeviceLost: z.boolean().default(true),
  message: z.string().max(300).optional().describe('{value}, {threshold}, {unit} and {asset} are replaced'),
  /** What the operator is to do. */
  response: z.string().max(1000).optional(),
  workOrder: Name.optional().describe('Template of the work order that it opens; one open order per asset and rule'),
  webhook: z.url().optional(),
  active: z.boolean().default(true),
});
export type Rule = z.infer<typeof Rule>;
