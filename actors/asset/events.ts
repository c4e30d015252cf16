import type { Rule } from '../../topology/schema/rule.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import type { Cover } from '../alarm/loss.ts';
import type { AssetStatus } from '../views.ts';
import type { WorkOrderState } from '../work-order/views.ts';

/** What happened to an asset, beside its alarms. */
export type AssetEvent =
  | AlarmEvent
  | LinkedDeviceReported
  | WorkOrderNoted
  | AssetStatusChanged
  | RuleAdopted
  | RuleDropped;

export interface LinkedDeviceReported {
  readonly kind: 'LinkedDeviceReported';
  readonly atMs: number;
  readonly device: string;
  readonly state: 'online' | 'offline' | 'unknown';
  readonly reason: string;
  readonly sinceMs: number;
  /** Lost with its link, whose alarm stands for those behind it. */
  readonly cover?: Cover;
}

export interface WorkOrderNoted {
  readonly kind: 'WorkOrderNoted';
  readonly atMs: number;
  readonly number: string;
  readonly rule: string | null;
  readonly state: WorkOrderState;
  readonly assetDown: boolean;
}

export interface AssetStatusChanged {
  readonly kind: 'AssetStatusChanged';
  readonly atMs: number;
  readonly from: AssetStatus;
  readonly to: AssetStatus;
  /** What it is when no work order holds it in maintenance. */
  readonly own: AssetStatus;
  readonly by: string;
  readonly reason: string;
  readonly workOrder: string | null;
}

/** A rule that was made over the API holds here from now on, in this form. */
export interface RuleAdopted {
  readonly kind: 'RuleAdopted';
  readonly atMs: number;
  /** Of the rule: what is older than this changes nothing. */
  readonly revision: number;
  readonly rule: Rule;
  /** Every asset of it has the rule; null: this one alone. */
  readonly profile: string | null;
  /** The cell where it was made, where that is another one. */
  readonly from?: string;
}

export interface RuleDropped {
  readonly kind: 'RuleDropped';
  readonly atMs: number;
  readonly revision: number;
  /** Of the rule. */
  readonly id: string;
  readonly from?: string;
}
