import { z } from 'zod';
import type { Rule } from '../../topology/schema/rule.ts';
import { Name } from './parameters.ts';

/** Rules on the wire. What a body means is for the rule's actor to judge, which takes the schema of the topology file for it. */
const Severity = z.enum(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO']);
const Limit = z.union([z.number(), z.string(), z.boolean()]);
const Pair = z.tuple([z.number(), z.number()]);

export const When = z
  .union([
    z.strictObject({ above: z.number() }),
    z.strictObject({ below: z.number() }),
    z.strictObject({ atLeast: z.number() }),
    z.strictObject({ atMost: z.number() }),
    z.strictObject({ equals: Limit }),
    z.strictObject({ notEquals: Limit }),
    z.strictObject({ outside: Pair }),
    z.strictObject({ inside: Pair }),
    z.literal('deviceLost'),
  ])
  .meta({
    id: 'RuleCondition',
    description: 'A condition on the metric, or `deviceLost`: no connection to a primary device',
  });

const Seconds = z.number().min(0).max(604_800);
const Metric = z.string().min(1).max(64);
const Message = z.string().max(300);
const Response = z.string().max(1000);
const Address = z.string().max(2000);

/** What has a default in the topology file has the same one here. */
const members = {
  name: z.string().min(1).max(120).describe('Shown as the name of the alarm'),
  when: When,
  durationSeconds: Seconds.optional().describe('The condition must hold for so long (on-delay); without: 0'),
  deadband: z.number().min(0).optional().describe('Distance that a value must come back before the alarm clears'),
  offDelaySeconds: Seconds.optional().describe('And stay there for so long (off-delay); without: 0'),
  cooldownSeconds: Seconds.optional().describe('For so long after it cleared nobody is called again; without: 300'),
  severity: Severity.optional().describe('Without: MEDIUM'),
  latched: z.boolean().optional().describe('Stays until somebody resets it'),
  autoAckOnClear: z.boolean().optional().describe('Clearing acknowledges'),
  suppressWhenDeviceLost: z.boolean().optional().describe('Without: true'),
  active: z.boolean().optional().describe('false: not evaluated, and its alarm ends; without: true'),
};

const scope = {
  entityId: z
    .string()
    .max(160)
    .regex(/^asset\/[A-Za-z0-9][A-Za-z0-9._-]*$/, 'an asset: asset/<id>')
    .optional()
    .describe('The asset that it is for, as `asset/pump-1`; or else `profile`'),
  profile: Name.optional().describe('Every asset that is made from this profile, also those that come later'),
};

export const RuleBody = z
  .strictObject({
    id: Name.describe('Chosen once and for all; part of the ids of its alarms'),
    ...scope,
    ...members,
    metric: Metric.optional().describe('Left out for `deviceLost`'),
    message: Message.optional().describe('{value}, {threshold}, {unit} and {asset} are replaced'),
    response: Response.optional().describe('What the operator is to do'),
    workOrder: Name.optional().describe('Template of the work order that it opens'),
    webhook: Address.optional().describe('http(s) address that is told about the alarm'),
  })
  .meta({ id: 'NewRule' }) satisfies z.ZodType<
  z.input<typeof Rule> & { entityId?: string | undefined; profile?: string | undefined }
>;

export const RuleChanges = z
  .strictObject({
    ...scope,
    ...members,
    name: members.name.optional(),
    when: When.optional(),
    metric: Metric.nullish(),
    message: Message.nullish(),
    response: Response.nullish(),
    workOrder: Name.nullish(),
    webhook: Address.nullish(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'nothing to change')
  .meta({ id: 'RuleChanges' });

const Instant = z.number().nullable().describe('Epoch milliseconds; null where the file says it');

/** A rule, wherever it was made. */
export const RuleItem = z
  .object({
    id: z
      .string()
      .describe(
        'Of a rule of the API its own; of one of the file `asset/<asset>:<rule>` or `profile/<profile>:<rule>`',
      ),
    rule: z.string().describe('Its own id, which is part of the ids of its alarms'),
    source: z.enum(['file', 'api']).describe('The topology file, where it is changed then, or this API'),
    entityId: z.string().nullable(),
    profile: z.string().nullable(),
    name: z.string(),
    metric: z.string().nullable(),
    when: When,
    durationSeconds: z.number(),
    deadband: z.number(),
    offDelaySeconds: z.number(),
    cooldownSeconds: z.number(),
    severity: Severity,
    latched: z.boolean(),
    autoAckOnClear: z.boolean(),
    suppressWhenDeviceLost: z.boolean(),
    message: z.string().nullable(),
    response: z.string().nullable(),
    workOrder: z.string().nullable(),
    webhook: z.string().nullable().describe('Without its path, which may be a secret'),
    active: z.boolean(),
    assets: z.array(z.string()).describe('Ids of the assets that it is for'),
    unconfirmed: z.array(z.string()).describe('Those that have not adopted the newest change yet'),
    problems: z
      .array(z.object({ asset: z.string().nullable(), code: z.string(), message: z.string() }))
      .describe('Where it does not fit the topology file, which has changed since; at most 50'),
    revision: z.int().nullable().describe('Rises with every change; null where the file says it'),
    createdAtMs: Instant,
    createdBy: z.string().nullable(),
    changedAtMs: Instant,
    changedBy: z.string().nullable(),
  })
  .meta({ id: 'Rule' });
export type RuleItem = z.infer<typeof RuleItem>;
export const RuleListItem = RuleItem.partial().extend({ id: RuleItem.shape.id }).meta({ id: 'RuleFields' });
