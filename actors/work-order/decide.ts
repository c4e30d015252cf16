import type { z } from 'zod';
import { accept, type Decision, type Rejection, reject, type Turn } from '../../runtime/actor-kind.ts';
import { checkItemValue, openRequiredItems } from './checklist.ts';
import type { EditWorkOrder, TransitionWorkOrder, WorkOrderCommand } from './commands.ts';
import type { WorkOrderEvent } from './events.ts';
import { isEnded, targetOf, transitionsFrom } from './machine.ts';
import type { WorkOrder, WorkOrderFile } from './state.ts';
import type { WorkOrderState } from './views.ts';

type Of<Kind extends WorkOrderCommand['kind']> = Extract<WorkOrderCommand, { kind: Kind }>;
type Edit = z.infer<typeof EditWorkOrder>;
type Move = z.infer<typeof TransitionWorkOrder>;
interface Stamp {
  readonly atMs: number;
  readonly by: string;
}

export function decide(file: WorkOrderFile, command: WorkOrderCommand, turn: Turn<null>): Decision<WorkOrderEvent> {
  const stamp: Stamp = { atMs: turn.nowMs, by: turn.by.user };
  if (command.kind === 'CreateWorkOrder') return create(file, command, stamp);
  const { order } = file;
  if (order === null) return reject('NOT_FOUND', `there is no ${turn.id}`);
  switch (command.kind) {
    case 'AppendOccurrence':
      return appendOccurrence(order, command, stamp);
    case 'TransitionWorkOrder':
      return transition(order, command, stamp);
    case 'AssignWorkOrder':
      return assign(order, command, stamp);
    case 'CompleteChecklistItem':
    case 'SkipChecklistItem':
      return changeItem(order, command, stamp);
    case 'CommentWorkOrder':
      return accept([{ kind: 'WorkOrderCommented', ...stamp, text: command.text }]);
    case 'EditWorkOrder':
      return edit(order, command, stamp);
  }
}

function create(file: WorkOrderFile, command: Of<'CreateWorkOrder'>, stamp: Stamp): Decision<WorkOrderEvent> {
  const { number, draft } = command;
  if (file.order !== null) return reject('ALREADY_EXISTS', `${number} exists already`);
  const by = command.requestedBy ?? stamp.by;
  const state = draft.needsApproval ? 'draft' : 'open';
  const dueAtMs = draft.dueInHours === undefined ? null : stamp.atMs + draft.dueInHours * 3_600_000;
  return accept([{ kind: 'WorkOrderCreated', ...stamp, by, number, draft, state, dueAtMs }]);
}

function appendOccurrence(order: WorkOrder, command: Of<'AppendOccurrence'>, stamp: Stamp): Decision<WorkOrderEvent> {
  const { text, request, requestedBy: by = stamp.by } = command;
  if (!isEnded(order.state)) return accept([{ kind: 'WorkOrderOccurrenceAppended', ...stamp, by, text }]);
  // The order book had not heard yet that this one has ended; dropping the repeat would leave its alarm without an order.
  if (request === undefined) return immutable(order);
  return accept([{ kind: 'WorkOrderOccurrencePassedOn', ...stamp, by, ...request }]);
}

function transition(order: WorkOrder, command: Move, stamp: Stamp): Decision<WorkOrderEvent> {
  const to = targetOf(order.state, command.transition, order.heldFrom);
  if (to === undefined) {
    const allowed = transitionsFrom(order.state).join(', ') || 'nothing';
    return reject(
      'INVALID_STATE_TRANSITION',
      `${order.number} is ${order.state}: ${command.transition} is not possible, only ${allowed}`,
      'transition',
    );
  }
  const refused = guard(order, command, to, stamp) ?? timeFault(order, 'scheduledForMs', command.scheduledForMs);
  if (refused !== undefined) return refused;
  return accept([
    {
      kind: 'WorkOrderTransitioned',
      ...stamp,
      number: order.number,
      transition: command.transition,
      from: order.state,
      to,
      note: command.note ?? null,
      holdReason: command.transition === 'hold' ? (command.holdReason ?? null) : null,
      scheduledForMs: command.transition === 'schedule' ? (command.scheduledForMs ?? stamp.atMs) : null,
    },
  ]);
}

/** Why a transition that the machine has may not happen yet. */
function guard(order: WorkOrder, command: Move, to: WorkOrderState, stamp: Stamp): Rejection | undefined {
  const { number } = order;
  if (to === 'in_progress' && order.assignedTo === null) {
    return reject('ASSIGNEE_REQUIRED', `${number} has nobody assigned to do it`, 'assignedTo');
  }
  switch (command.transition) {
    case 'complete': {
      const open = openRequiredItems(order.checklist);
      if (open.length === 0) return undefined;
      return reject(
        'CHECKLIST_INCOMPLETE',
        `${number} has required items to do or skip: ${open.join('; ')}`,
        'checklist',
      );
    }
    case 'close':
      return order.needsVerification ? verifierFault(order, stamp.by) : undefined;
    case 'hold':
      if (command.holdReason !== undefined) return undefined;
      return reject('HOLD_REASON_REQUIRED', `say why ${number} has to wait`, 'holdReason');
    case 'reopen':
    case 'cancel':
      if (command.note !== undefined) return undefined;
      return reject('NOTE_REQUIRED', `say why: ${command.transition} needs a note`, 'note');
    default:
      return undefined;
  }
}

/** Who had a hand in the work cannot vouch for it, whoever pressed the button at its end. */
function verifierFault(order: WorkOrder, by: string): Rejection | undefined {
  const { number, completedBy, assignedTo, history } = order;
  const began = history.some((step) => step.transition === 'start' && step.by === by);
  if (by !== completedBy && by !== assignedTo && !began) return undefined;
  const part = by === completedBy ? 'completed by' : by === assignedTo ? 'assigned to' : 'started by';
  return reject('VERIFIER_MUST_DIFFER', `${number} was ${part} ${by}: somebody else has to verify it`);
}

function assign(order: WorkOrder, command: Of<'AssignWorkOrder'>, stamp: Stamp): Decision<WorkOrderEvent> {
  if (isEnded(order.state) || order.state === 'completed') return immutable(order);
  const role = command.role === undefined ? order.assignedRole : command.role;
  if (command.to === null && order.state === 'in_progress') {
    return reject('ASSIGNEE_REQUIRED', `${order.number} is in progress: somebody has to be assigned`, 'to');
  }
  if (command.to === order.assignedTo && role === order.assignedRole) return accept([]);
  return accept([{ kind: 'WorkOrderAssigned', ...stamp, to: command.to, role }]);
}

/** Where the checklist can be worked on: once approved, and until the work is declared done. */
const CHECKLIST_STATES: readonly WorkOrderState[] = ['open', 'scheduled', 'in_progress', 'on_hold'];

function changeItem(
  order: WorkOrder,
  command: Of<'CompleteChecklistItem'> | Of<'SkipChecklistItem'>,
  stamp: Stamp,
): Decision<WorkOrderEvent> {
  if (!CHECKLIST_STATES.includes(order.state)) return immutable(order, 'checklist');
  const item = order.checklist[command.index];
  if (item === undefined) {
    return reject('CHECKLIST_ITEM_UNKNOWN', `${order.number} has ${order.checklist.length} items`, 'index');
  }
  const { index } = command;
  if (command.kind === 'SkipChecklistItem') {
    return accept([{ kind: 'ChecklistItemSkipped', ...stamp, index, reason: command.reason }]);
  }
  const checked = checkItemValue(item, command.value);
  if (!checked.ok) return checked;
  return accept([{ kind: 'ChecklistItemCompleted', ...stamp, index, value: checked.value }]);
}

type Field = Exclude<keyof Edit, 'kind'>;
const ALL_FIELDS: readonly Field[] = ['title', 'description', 'priority', 'dueAtMs'];

/** Which fields may be edited in a state. What was done can be described better, but not made more urgent. */
export const EDITABLE_FIELDS: Readonly<Record<WorkOrderState, readonly Field[]>> = {
  draft: ALL_FIELDS,
  open: ALL_FIELDS,
  scheduled: ALL_FIELDS,
  in_progress: ALL_FIELDS,
  on_hold: ALL_FIELDS,
  completed: ['title', 'description'],
  closed: [],
  cancelled: [],
};

function edit(order: WorkOrder, command: Edit, stamp: Stamp): Decision<WorkOrderEvent> {
  const { kind: _, ...changes } = command;
  const given = ALL_FIELDS.filter((field) => changes[field] !== undefined);
  const forbidden = given.find((field) => !EDITABLE_FIELDS[order.state].includes(field));
  if (forbidden !== undefined) return immutable(order, forbidden);
  const untimely = timeFault(order, 'dueAtMs', changes.dueAtMs);
  if (untimely !== undefined) return untimely;
  if (given.every((field) => changes[field] === order[field])) return accept([]);
  return accept([{ kind: 'WorkOrderEdited', ...stamp, changes }]);
}

const FARTHEST_MS = 10 * 366 * 86_400_000;

/** Nothing can be due, or planned, before anybody asked for it; and what lies decades ahead is a slip of the keyboard. */
function timeFault(order: WorkOrder, field: string, atMs: number | undefined): Rejection | undefined {
  if (atMs === undefined || (atMs >= order.createdAtMs && atMs <= order.createdAtMs + FARTHEST_MS)) return undefined;
  const created = new Date(order.createdAtMs).toISOString();
  return reject(
    'INVALID_TIME',
    `${field} lies between ${created}, when ${order.number} was created, and ten years later`,
    field,
  );
}

function immutable(order: WorkOrder, field?: string): Rejection {
  return reject('IMMUTABLE_IN_STATE', `${order.number} is ${order.state}: this can no longer be changed`, field);
}
