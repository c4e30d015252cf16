import { z } from 'zod';
import { LIMITS_REVERSED, limitsFit, Name, Title, Unit } from './base.ts';

export const ChecklistItem = z
  .strictObject({
    item: z.string().min(1).max(200).describe('What is to be done or measured'),
    required: z.boolean().default(true).describe('The order cannot be completed without it'),
    kind: z.enum(['check', 'number', 'text']).default('check').describe('How it is answered'),
    unit: Unit.optional().describe('Of a number'),
    min: z.number().optional().describe('Smallest plausible number'),
    max: z.number().optional().describe('Largest plausible number'),
  })
  .refine(limitsFit, LIMITS_REVERSED);

export const WorkOrderTemplate = z.strictObject({
  id: Name.describe('Named by rules'),
  name: Title.describe('Title of the orders'),
  type: z.enum(['preventive', 'corrective', 'predictive', 'emergency']).default('corrective').describe('Kind of work'),
  priority: z.enum(['low', 'medium', 'high', 'critical']).optional().describe("Left out: from the alarm's severity"),
  description: z.string().max(2000).optional().describe('For the technician'),
  assignRole: z.string().max(40).default('technician').describe('Role that the order is assigned to'),
  dueHours: z.number().positive().max(8760).default(72).describe('Due so many hours after it was opened'),
  checklist: z.array(ChecklistItem).max(350).default([]).describe('What has to be done'),
  needsApproval: z.boolean().default(false).describe('Draft until somebody with workorder:approve opens it'),
  needsVerification: z.boolean().default(false).describe('Closed only by another person than the one who completed it'),
  assetDown: z.boolean().default(false).describe('Its asset is in maintenance while the work is in progress'),
  active: z.boolean().default(true).describe('false: no orders are opened'),
});
export type WorkOrderTemplate = z.infer<typeof WorkOrderTemplate>;
export type ChecklistItem = z.infer<typeof ChecklistItem>;
