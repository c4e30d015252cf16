import type { PointValue } from '../frame.ts';
import type { WorkOrderDraft } from './commands.ts';
import type { TransitionName } from './machine.ts';
import type { HoldReason, WorkOrderState } from './views.ts';

/** What happened to a work order. Every event says when and by whom, so that it can be read on its own. */
export type WorkOrderEvent =
  | WorkOrderCreated
  | WorkOrderTransitioned
  | WorkOrderAssigned
  | WorkOrderOccurrenceAppended
  | WorkOrderOccurrencePassedOn
  | ChecklistItemCompleted
  | ChecklistItemSkipped
  | WorkOrderCommented
  | WorkOrderEdited
  | WorkOrderOverdue;

interface Happened {
  readonly atMs: number;
  /** Whoever wanted it, also where somebody else passed it on. */
  readonly by: string;
}

export interface WorkOrderCreated extends Happened {
  readonly kind: 'WorkOrderCreated';
  readonly number: string;
  readonly draft: WorkOrderDraft;
  readonly state: WorkOrderState;
  readonly dueAtMs: number | null;
}

/** Carries of the order what its asset and the order book have to be told. */
export interface WorkOrderTransitioned extends Happened {
  readonly kind: 'WorkOrderTransitioned';
  readonly number: string;
  readonly transition: TransitionName;
  readonly from: WorkOrderState;
  readonly to: WorkOrderState;
  readonly note: string | null;
  readonly holdReason: HoldReason | null;
  readonly scheduledForMs: number | null;
}

export interface WorkOrderAssigned extends Happened {
  readonly kind: 'WorkOrderAssigned';
  readonly to: string | null;
  readonly role: string | null;
}

export interface WorkOrderOccurrenceAppended extends Happened {
  readonly kind: 'WorkOrderOccurrenceAppended';
  readonly text: string;
}

/** The order had ended when a repeat of its alarm reached it: the order book is asked for a new one. */
export interface WorkOrderOccurrencePassedOn extends Happened {
  readonly kind: 'WorkOrderOccurrencePassedOn';
  readonly draft: WorkOrderDraft;
  readonly date: string;
}

export interface ChecklistItemCompleted extends Happened {
  readonly kind: 'ChecklistItemCompleted';
  readonly index: number;
  readonly value: PointValue;
}

export interface ChecklistItemSkipped extends Happened {
  readonly kind: 'ChecklistItemSkipped';
  readonly index: number;
  readonly reason: string;
}

export interface WorkOrderCommented extends Happened {
  readonly kind: 'WorkOrderCommented';
  readonly text: string;
}

export interface WorkOrderEdited extends Happened {
  readonly kind: 'WorkOrderEdited';
  readonly changes: {
    readonly title?: string | undefined;
    readonly description?: string | undefined;
    readonly priority?: WorkOrderDraft['priority'] | undefined;
    readonly dueAtMs?: number | undefined;
  };
}

export interface WorkOrderOverdue extends Happened {
  readonly kind: 'WorkOrderOverdue';
  readonly dueAtMs: number;
}
