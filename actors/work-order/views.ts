import type { PointValue } from '../frame.ts';

export type WorkOrderState =
  | 'draft'
  | 'open'
  | 'scheduled'
  | 'in_progress'
  | 'on_hold'
  | 'completed'
  | 'closed'
  | 'cancelled';
export type HoldReason = 'awaiting_parts' | 'plant_condition' | 'access' | 'permit' | 'weather' | 'other';

export interface WorkOrderView {
  readonly props: {
    /** WO-YYYYMMDD-XXXXX */
    readonly number: string;
    readonly title: string;
    readonly description: string;
    readonly type: 'preventive' | 'corrective' | 'predictive' | 'emergency';
    readonly priority: 'low' | 'medium' | 'high' | 'critical';
    readonly state: WorkOrderState;
    /** The transitions that the machine allows now, before guards and permissions. */
    readonly transitions: readonly string[];
    readonly asset: string;
    readonly site: string;
    readonly rule: string | null;
    readonly template: string | null;
    readonly assignedTo: string | null;
    readonly assignedRole: string | null;
    readonly scheduledForMs: number | null;
    readonly dueAtMs: number | null;
    readonly overdue: boolean;
    readonly holdReason: HoldReason | null;
    readonly holdNote: string | null;
    readonly createdAtMs: number;
    readonly createdBy: string;
    readonly startedAtMs: number | null;
    readonly completedAtMs: number | null;
    readonly completedBy: string | null;
    readonly closedAtMs: number | null;
    readonly closedBy: string | null;
    readonly cancelReason: string | null;
    readonly reopened: number;
    readonly occurrences: number;
    readonly needsVerification: boolean;
    readonly needsApproval: boolean;
  };
  readonly checklist: Readonly<Record<string, ChecklistItemView>>;
  readonly comments: Readonly<Record<string, { atMs: number; by: string; text: string }>>;
  readonly history: Readonly<
    Record<string, { atMs: number; by: string; transition: string; from: string; to: string; note: string | null }>
  >;
}

export interface ChecklistItemView {
  readonly item: string;
  readonly required: boolean;
  readonly kind: 'check' | 'number' | 'text';
  readonly unit: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly state: 'open' | 'done' | 'skipped';
  readonly value: PointValue;
  readonly by: string | null;
  readonly atMs: number | null;
  readonly reason: string | null;
}
