import type { ActorKind, Effect, View } from '../../runtime/actor-kind.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { WorkOrderCommand } from './commands.ts';
import { decide } from './decide.ts';
import { draftAsJson } from './draft.ts';
import type { WorkOrderEvent } from './events.ts';
import { isEnded, isOutstanding, transitionsFrom } from './machine.ts';
import { evolve, type WorkOrder, type WorkOrderFile } from './state.ts';
import type { WorkOrderView } from './views.ts';

/**
 * One work order, `work-order/<number>`: who is to do what at which asset until when, and everything that came of it.
 *
 * It is created by the order book, which has given it the number, and moved by people through the machine of `machine.ts`.
 * Its asset hears of every change of state; the order book hears when it has ended. What was closed or cancelled never
 * changes again, comments apart.
 */
export const workOrderKind: ActorKind<WorkOrderFile, WorkOrderCommand, WorkOrderEvent, never, never, null> = {
  name: 'work-order',
  command: WorkOrderCommand,
  permission,
  initial: () => ({ order: null }),
  decide,
  evolve,
  effects,
  nextDueMs({ order }) {
    if (order === null || order.dueAtMs === null || order.overdueNoted || !isOutstanding(order.state)) return undefined;
    return order.dueAtMs;
  },
  due(file, turn) {
    const dueAtMs = workOrderKind.nextDueMs?.(file, turn);
    if (dueAtMs === undefined || dueAtMs > turn.nowMs) return [];
    return [{ kind: 'WorkOrderOverdue', atMs: turn.nowMs, by: turn.by.user, dueAtMs }];
  },
  describe({ order }) {
    if (order === null) return null;
    const { state, title, priority, assignedTo, dueAtMs } = order;
    return { state, title, priority, assignedTo, dueAtMs };
  },
  view: ({ order }) => (order === null ? {} : viewOf(order)),
  passivateAfterMs: 600_000,
  retiresAtMs({ order }) {
    return order === null || order.closedAtMs === null ? undefined : order.closedAtMs + LISTED_AFTER_END_MS;
  },
};

/** How long an order that was closed or cancelled stays in the lists; after that it is found by its number. */
const LISTED_AFTER_END_MS = 90 * 86_400_000;

/** Approving and verifying are the transitions that give a name to what somebody else has written or done. */
function permission(command: WorkOrderCommand): string {
  switch (command.kind) {
    case 'CreateWorkOrder':
    case 'AppendOccurrence':
      return 'internal';
    case 'TransitionWorkOrder':
      if (command.transition === 'open') return 'workorder:approve';
      return command.transition === 'close' ? 'workorder:verify' : 'workorder:transition';
    case 'AssignWorkOrder':
      return 'workorder:assign';
    case 'CommentWorkOrder':
      return 'workorder:comment';
    case 'CompleteChecklistItem':
    case 'SkipChecklistItem':
    case 'EditWorkOrder':
      return 'workorder:edit';
  }
}

function effects(event: WorkOrderEvent, { order }: WorkOrderFile): readonly Effect[] {
  if (order === null) return [];
  switch (event.kind) {
    case 'WorkOrderCreated':
      return [report(order, event.state)];
    case 'WorkOrderTransitioned': {
      const ended: Effect = { kind: 'tell', to: ORDER_BOOK, command: { kind: 'WorkOrderEnded', number: order.number } };
      return isEnded(event.to) ? [report(order, event.to), ended] : [report(order, event.to)];
    }
    case 'WorkOrderOccurrencePassedOn':
      return [
        { kind: 'tell', to: ORDER_BOOK, command: { kind: 'WorkOrderEnded', number: order.number } },
        {
          kind: 'tell',
          to: ORDER_BOOK,
          command: {
            kind: 'RequestWorkOrder',
            draft: draftAsJson(event.draft),
            date: event.date,
            requestedBy: event.by,
          },
        },
      ];
    default:
      return [];
  }
}

const ORDER_BOOK = entityId('order-book', 'main');

function report({ number, rule, asset, assetDown }: WorkOrder, state: WorkOrder['state']): Effect {
  const command: Json = { kind: 'WorkOrderReported', number, rule, state, assetDown };
  return { kind: 'tell', to: entityId('asset', asset), command };
}

function viewOf(order: WorkOrder): View {
  const { assetDown: _, heldFrom: __, overdueNoted, checklist, comments, history, ...props } = order;
  return {
    props: {
      ...props,
      transitions: transitionsFrom(order.state),
      overdue: overdueNoted && isOutstanding(order.state),
    },
    checklist: Object.fromEntries(checklist.map((item, index) => [String(index), { ...item }])),
    comments: Object.fromEntries(comments.map(({ id, ...comment }) => [String(id), comment])),
    history: Object.fromEntries(history.map(({ id, ...entry }) => [String(id), entry])),
  } satisfies WorkOrderView;
}
