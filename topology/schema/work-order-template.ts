import { z } from 'zod';
import { Name, Title, Unit } from './base.ts';

export const ChecklistItem = z.strictObject({
  item: z.string().min(1).max(200),
  required: z.boolean().default(true),
  kind: z.enum(['check', 'number', 'text']).default('check'),
  unit: Unit.optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});

export const WorkOrderTemplate = z.strictObject({
  id: Name,
  name: Title,
  type: z.enum(['preventive', 'corrective', 'predictive', 'emergency']).default('corrective'),
  /** Left out: from the alarm's severity. */
  priority: z.enum(['low', 'medium', 'high', 'critical']).optional(),
  description: z.string().max(2000).optional(),
  assignRole: z.string().max(40).default('technician'),
  dueHours: z.number().positive().max(8760).default(72),
  checklist: z.array(ChecklistItem).max(350).default([]),
  /** Draft until somebody with workorder:approve opens it. */
  needsApproval: z.boolean().default(false),
  /** Closed only by another person than the one who completed it. */
  needsVerification: z.boolean().default(false),
  /** Its asset is in maintenance while the work is in progress. */
  assetDown: z.boolean().default(false),
  active: z.boolean().default(true),
});
export type WorkOrderTemplate = z.infer<typeof WorkOrderTemplate>;
export type ChecklistItem = z.infer<typeof ChecklistItem>;
