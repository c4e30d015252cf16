import { z } from 'zod';
import { Name } from '../../topology/schema/base.ts';
import { Rule } from '../../topology/schema/rule.ts';

/** As in the topology file, but for the id: that is the name of the rule's entity. */
const RuleBody = Rule.omit({ id: true });

/** Of these one: a single asset, or every asset that is made from a profile. */
const scope = {
  entityId: z
    .string()
    .max(160)
    .regex(/^asset\//, 'an asset: asset/<id>')
    .optional(),
  profile: Name.optional(),
};

export const CreateRule = z.strictObject({ kind: z.literal('CreateRule'), ...scope, rule: RuleBody });

const { shape } = RuleBody;

/** What is left out stays as it is; null takes away what a rule need not have. */
export const RuleChanges = z.strictObject({
  ...scope,
  name: shape.name.optional(),
  metric: shape.metric.nullable(),
  when: shape.when.optional(),
  durationSeconds: shape.durationSeconds.unwrap().optional(),
  deadband: shape.deadband.unwrap().optional(),
  offDelaySeconds: shape.offDelaySeconds.unwrap().optional(),
  cooldownSeconds: shape.cooldownSeconds.unwrap().optional(),
  severity: shape.severity.unwrap().optional(),
  latched: shape.latched.unwrap().optional(),
  autoAckOnClear: shape.autoAckOnClear.unwrap().optional(),
  suppressWhenDeviceLost: shape.suppressWhenDeviceLost.unwrap().optional(),
  message: shape.message.nullable(),
  response: shape.response.nullable(),
  workOrder: shape.workOrder.nullable(),
  webhook: shape.webhook.nullable(),
  active: shape.active.unwrap().optional(),
} satisfies Record<keyof typeof shape | keyof typeof scope, z.ZodType>);
export type RuleChanges = z.infer<typeof RuleChanges>;

export const ChangeRule = z.strictObject({ kind: z.literal('ChangeRule'), changes: RuleChanges });
export const DeleteRule = z.strictObject({ kind: z.literal('DeleteRule') });

/** From an asset that has adopted the rule, or dropped it. */
export const ConfirmRule = z.strictObject({
  kind: z.literal('ConfirmRule'),
  /** Name, not entity id. */
  asset: z.string().min(1).max(64),
  revision: z.int().min(1),
});

export const RuleCommand = z.discriminatedUnion('kind', [CreateRule, ChangeRule, DeleteRule, ConfirmRule]);
export type RuleCommand = z.infer<typeof RuleCommand>;
