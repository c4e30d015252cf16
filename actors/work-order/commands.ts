import { z } from 'zod';
import { Text } from '../text.ts';

const Priority = z.enum(['low', 'medium', 'high', 'critical']);
const Type = z.enum(['preventive', 'corrective', 'predictive', 'emergency']);
export const HoldReason = z.enum(['awaiting_parts', 'plant_condition', 'access', 'permit', 'weather', 'other']);

const ChecklistEntry = z.strictObject({
  item: z.string().min(1).max(200),
  required: z.boolean().default(true),
  kind: z.enum(['check', 'number', 'text']).default('check'),
  unit: z.string().max(16).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});

/** What a work order starts with; from a template, an alarm or a person. */
export const WorkOrderDraft = z.strictObject({
  title: z.string().trim().min(1).max(200),
  description: z.string().max(4000).default(''),
  type: Type.default('corrective'),
  priority: Priority.default('medium'),
  /** Names, not entity ids. */
  asset: z.string().min(1).max(64),
  site: z.string().min(1).max(64),
  rule: z.string().max(64).nullable().default(null),
  template: z.string().max(64).nullable().default(null),
  assignedRole: z.string().max(40).nullable().default('technician'),
  dueInHours: z.number().positive().max(8760).optional(),
  checklist: z.array(ChecklistEntry).max(350).default([]),
  needsApproval: z.boolean().default(false),
  needsVerification: z.boolean().default(false),
  assetDown: z.boolean().default(false),
});
export type WorkOrderDraft = z.infer<typeof WorkOrderDraft>;

/** To the order book of the cell, `order-book/main`, which gives the number and keeps one open order per asset and rule. */
export const RequestWorkOrder = z.strictObject({
  kind: z.literal('RequestWorkOrder'),
  /** Where an asset is the order book knows; a sender who says it has to be right. */
  draft: WorkOrderDraft.extend({ site: WorkOrderDraft.shape.site.optional() }),
  /** Local date YYYYMMDD of the number; that of the site at the arrival when left out. */
  date: z
    .string()
    .regex(/^\d{8}$/)
    .optional(),
  /** Who wants it, where the sender only passes it on: internal. The sender when left out. */
  requestedBy: z.string().min(1).optional(),
});
export type RequestedDraft = z.infer<typeof RequestWorkOrder>['draft'];

/** From a work order that was closed or cancelled. */
export const WorkOrderEnded = z.strictObject({ kind: z.literal('WorkOrderEnded'), number: z.string().max(40) });

/** From the actor of a rule that was made over the API: people may name it, as they may name those of the file. */
export const NoteRule = z.strictObject({
  kind: z.literal('NoteRule'),
  rule: z.string().min(1).max(64),
  revision: z.int().min(1),
  /** Null: the rule was deleted. */
  scope: z.union([z.strictObject({ asset: z.string() }), z.strictObject({ profile: z.string() })]).nullable(),
});

export const OrderBookCommand = z.discriminatedUnion('kind', [RequestWorkOrder, WorkOrderEnded, NoteRule]);
export type OrderBookCommand = z.infer<typeof OrderBookCommand>;

/** The 18 transitions. `name` in the API's path `/workorders/:number/transitions/:transition`. */
export const TRANSITIONS = [
  'open',
  'schedule',
  'unschedule',
  'start',
  'hold',
  'resume',
  'complete',
  'close',
  'reopen',
  'cancel',
] as const;

export const CreateWorkOrder = z.strictObject({
  kind: z.literal('CreateWorkOrder'),
  number: z.string().max(40),
  draft: WorkOrderDraft,
  requestedBy: z.string().min(1).optional(),
});
export const AppendOccurrence = z.strictObject({
  kind: z.literal('AppendOccurrence'),
  text: Text,
  /** What was requested: an order that has ended meanwhile sends it back to the order book for a new one. */
  request: z.strictObject({ draft: WorkOrderDraft, date: z.string().regex(/^\d{8}$/) }).optional(),
  requestedBy: z.string().min(1).optional(),
});
export const TransitionWorkOrder = z.strictObject({
  kind: z.literal('TransitionWorkOrder'),
  transition: z.enum(TRANSITIONS),
  note: Text.optional(),
  holdReason: HoldReason.optional(),
  scheduledForMs: z.int().optional(),
});
export const AssignWorkOrder = z.strictObject({
  kind: z.literal('AssignWorkOrder'),
  to: z.string().trim().min(1).max(80).nullable(),
  role: z.string().max(40).nullable().optional(),
});
export const CompleteChecklistItem = z.strictObject({
  kind: z.literal('CompleteChecklistItem'),
  index: z.int().min(0).max(349),
  value: z.union([z.number(), z.boolean(), z.string().max(500)]).optional(),
});
export const SkipChecklistItem = z.strictObject({
  kind: z.literal('SkipChecklistItem'),
  index: z.int().min(0).max(349),
  reason: Text,
});
export const CommentWorkOrder = z.strictObject({ kind: z.literal('CommentWorkOrder'), text: Text });
export const EditWorkOrder = z.strictObject({
  kind: z.literal('EditWorkOrder'),
  title: z.string().trim().min(1).max(200).optional(),
  description: z.string().max(4000).optional(),
  priority: Priority.optional(),
  dueAtMs: z.int().optional(),
});

export const WorkOrderCommand = z.discriminatedUnion('kind', [
  CreateWorkOrder,
  AppendOccurrence,
  TransitionWorkOrder,
  AssignWorkOrder,
  CompleteChecklistItem,
  SkipChecklistItem,
  CommentWorkOrder,
  EditWorkOrder,
]);
export type WorkOrderCommand = z.infer<typeof WorkOrderCommand>;
