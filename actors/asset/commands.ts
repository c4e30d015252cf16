import { z } from 'zod';
import { Rule } from '../../topology/schema/rule.ts';
import { Text } from '../text.ts';

const RuleId = z.string().min(1).max(64);

/** Shelving always expires. */
export const MAX_SHELVE_MS = 24 * 3_600_000;

export const AcknowledgeAlarm = z.strictObject({
  kind: z.literal('AcknowledgeAlarm'),
  rule: RuleId,
  comment: Text.optional(),
});
export const ShelveAlarm = z.strictObject({
  kind: z.literal('ShelveAlarm'),
  rule: RuleId,
  durationMs: z.int().min(60_000, 'at least a minute').max(MAX_SHELVE_MS, 'at most 24 hours'),
  reason: Text,
});
export const UnshelveAlarm = z.strictObject({ kind: z.literal('UnshelveAlarm'), rule: RuleId });
export const ResetAlarm = z.strictObject({ kind: z.literal('ResetAlarm'), rule: RuleId });
export const TakeAlarmOutOfService = z.strictObject({
  kind: z.literal('TakeAlarmOutOfService'),
  rule: RuleId,
  reason: Text,
  workOrder: z.string().max(40).optional(),
});
export const ReturnAlarmToService = z.strictObject({ kind: z.literal('ReturnAlarmToService'), rule: RuleId });
export const CommentAlarm = z.strictObject({ kind: z.literal('CommentAlarm'), rule: RuleId, text: Text });

/** Alarm commands are the same for assets and devices. */
export const AlarmCommand = z.discriminatedUnion('kind', [
  AcknowledgeAlarm,
  ShelveAlarm,
  UnshelveAlarm,
  ResetAlarm,
  TakeAlarmOutOfService,
  ReturnAlarmToService,
  CommentAlarm,
]);
export type AlarmCommand = z.infer<typeof AlarmCommand>;

export const SetAssetStatus = z.strictObject({
  kind: z.literal('SetAssetStatus'),
  status: z.enum(['operational', 'maintenance', 'damaged', 'retired']),
  reason: Text,
});

/** From a work order to its asset. */
export const WorkOrderReported = z.strictObject({
  kind: z.literal('WorkOrderReported'),
  number: z.string().max(40),
  rule: RuleId.nullable(),
  state: z.enum(['draft', 'open', 'scheduled', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled']),
  assetDown: z.boolean(),
});

/** From a linked device, on every change of its connectivity. */
export const DeviceReported = z.strictObject({
  kind: z.literal('DeviceReported'),
  /** Name, not entity id. */
  device: z.string().min(1).max(64),
  state: z.enum(['online', 'offline', 'unknown']),
  reason: z.string().max(100),
  sinceMs: z.int(),
  /** Lost with its link, whose alarm stands for those behind it. */
  cover: z.strictObject({ by: z.string().max(300), sinceMs: z.int() }).optional(),
});

/** The cell where the rule was made, where that is not the asset's own; its actor is told there what became of it. */
const from = z.string().max(64).optional();

/** From the actor of a rule that was made over the API, to every asset that is to have it. */
export const AdoptRule = z.strictObject({
  kind: z.literal('AdoptRule'),
  rule: Rule,
  /** Every asset of it has the rule; null: this one alone. */
  profile: z.string().max(64).nullable().default(null),
  revision: z.int().min(1),
  /** Nothing was heard of the first time: to be confirmed even if it is known. */
  again: z.boolean().default(false),
  from,
});
export type AdoptRule = z.infer<typeof AdoptRule>;

/** To an asset that had the rule. */
export const DropRule = z.strictObject({
  kind: z.literal('DropRule'),
  id: RuleId,
  revision: z.int().min(1),
  again: z.boolean().default(false),
  from,
});
export type DropRule = z.infer<typeof DropRule>;

export const AssetCommand = z.discriminatedUnion('kind', [
  ...AlarmCommand.options,
  SetAssetStatus,
  WorkOrderReported,
  DeviceReported,
  AdoptRule,
  DropRule,
]);
export type AssetCommand = z.infer<typeof AssetCommand>;
