import type { WorkOrderDraft } from './commands.ts';
import type { WorkOrderEvent, WorkOrderTransitioned } from './events.ts';
import { isEnded } from './machine.ts';
import type { ChecklistItemView, WorkOrderView } from './views.ts';

/** What is known of a work order: nothing before it is created. */
export interface WorkOrderFile {
  readonly order: WorkOrder | null;
}

type Props = WorkOrderView['props'];

/** The fields of the view that are decided, and what the view has no need of. */
export interface WorkOrder extends Omit<Props, 'transitions' | 'overdue'> {
  readonly assetDown: boolean;
  /** While on hold: where it goes back to. */
  readonly heldFrom: Props['state'] | null;
  /** Set once the due time has passed, until the due time is changed. */
  readonly overdueNoted: boolean;
  readonly checklist: readonly ChecklistItemView[];
  readonly comments: readonly (WorkOrderView['comments'][string] & { readonly id: number })[];
  readonly history: readonly (WorkOrderView['history'][string] & { readonly id: number })[];
}

/** The newest are kept at the order; the journal has all. */
const KEPT_COMMENTS = 200;
const KEPT_HISTORY = 200;

export function evolve(file: WorkOrderFile, event: WorkOrderEvent): WorkOrderFile {
  if (event.kind === 'WorkOrderCreated') return { order: created(event) };
  return file.order === null ? file : { order: changed(file.order, event) };
}

function changed(order: WorkOrder, event: Exclude<WorkOrderEvent, { kind: 'WorkOrderCreated' }>): WorkOrder {
  const { atMs, by } = event;
  switch (event.kind) {
    case 'WorkOrderTransitioned':
      return transitioned(order, event);
    case 'WorkOrderAssigned':
      return { ...order, assignedTo: event.to, assignedRole: event.role };
    case 'WorkOrderOccurrenceAppended':
      return {
        ...order,
        occurrences: order.occurrences + 1,
        comments: appended(order.comments, { atMs, by, text: event.text }, KEPT_COMMENTS),
      };
    case 'WorkOrderOccurrencePassedOn':
      return order;
    case 'ChecklistItemCompleted':
      return withItem(order, event.index, { state: 'done', value: event.value, by, atMs, reason: null });
    case 'ChecklistItemSkipped':
      return withItem(order, event.index, { state: 'skipped', value: null, by, atMs, reason: event.reason });
    case 'WorkOrderCommented':
      return { ...order, comments: appended(order.comments, { atMs, by, text: event.text }, KEPT_COMMENTS) };
    case 'WorkOrderEdited': {
      const { title = order.title, description = order.description, priority = order.priority } = event.changes;
      const dueAtMs = event.changes.dueAtMs ?? order.dueAtMs;
      const overdueNoted = order.overdueNoted && dueAtMs === order.dueAtMs;
      return { ...order, title, description, priority, dueAtMs, overdueNoted };
    }
    case 'WorkOrderOverdue':
      return { ...order, overdueNoted: true };
    default:
      return unreachable(event);
  }
}

function created(event: Extract<WorkOrderEvent, { kind: 'WorkOrderCreated' }>): WorkOrder {
  const { number, draft, state, dueAtMs, atMs, by } = event;
  return {
    number,
    title: draft.title,
    description: draft.description,
    type: draft.type,
    priority: draft.priority,
    state,
    asset: draft.asset,
    site: draft.site,
    rule: draft.rule,
    template: draft.template,
    assignedTo: null,
    assignedRole: draft.assignedRole,
    scheduledForMs: null,
    dueAtMs,
    holdReason: null,
    holdNote: null,
    createdAtMs: atMs,
    createdBy: by,
    startedAtMs: null,
    completedAtMs: null,
    completedBy: null,
    closedAtMs: null,
    closedBy: null,
    cancelReason: null,
    reopened: 0,
    occurrences: 1,
    needsVerification: draft.needsVerification,
    needsApproval: draft.needsApproval,
    assetDown: draft.assetDown,
    heldFrom: null,
    overdueNoted: false,
    checklist: draft.checklist.map(openItem),
    comments: [],
    history: [],
  };
}

function openItem(entry: WorkOrderDraft['checklist'][number]): ChecklistItemView {
  const { item, required, kind, unit = null, min = null, max = null } = entry;
  return { item, required, kind, unit, min, max, state: 'open', value: null, by: null, atMs: null, reason: null };
}

function transitioned(order: WorkOrder, event: WorkOrderTransitioned): WorkOrder {
  const { from, to, transition, atMs, by, note } = event;
  const held = to === 'on_hold';
  const done = to === 'completed';
  const ended = isEnded(to);
  return {
    ...order,
    state: to,
    heldFrom: held ? from : null,
    holdReason: held ? event.holdReason : null,
    holdNote: held ? note : null,
    scheduledForMs: transition === 'unschedule' ? null : (event.scheduledForMs ?? order.scheduledForMs),
    startedAtMs: to === 'in_progress' ? (order.startedAtMs ?? atMs) : order.startedAtMs,
    completedAtMs: done ? atMs : transition === 'reopen' ? null : order.completedAtMs,
    completedBy: done ? by : transition === 'reopen' ? null : order.completedBy,
    closedAtMs: ended ? atMs : null,
    closedBy: ended ? by : null,
    cancelReason: to === 'cancelled' ? note : null,
    reopened: order.reopened + (transition === 'reopen' ? 1 : 0),
    history: appended(order.history, { atMs, by, transition, from, to, note }, KEPT_HISTORY),
  };
}

function withItem(order: WorkOrder, index: number, change: Partial<ChecklistItemView>): WorkOrder {
  return { ...order, checklist: order.checklist.map((item, at) => (at === index ? { ...item, ...change } : item)) };
}

function appended<Entry>(list: readonly (Entry & { readonly id: number })[], entry: Entry, kept: number) {
  const id = (list.at(-1)?.id ?? 0) + 1;
  return [...list, { ...entry, id }].slice(-kept);
}

function unreachable(event: never): never {
  throw new Error(`no such event: ${JSON.stringify(event)}`);
}
