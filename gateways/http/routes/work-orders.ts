import { z } from 'zod';
import { entityId } from '../../../runtime/ids.ts';
import { command } from '../command.ts';
import { listQuery, liveListOf, oneQuery } from '../lists.ts';
import { groupsOfKind, is, isOneOf, livePage, mentions, prop, sparseOneEver } from '../live-lists.ts';
import { CommandResult, entityOf, Name, oneOrMore, Reason, wholeNumber, YesNo } from '../parameters.ts';
import { type Route, route } from '../route.ts';
import { WORK_ORDER_FIELDS } from '../view-fields.ts';
import { WorkOrderItem, WorkOrderListItem } from '../view-schemas.ts';

const Priority = z.enum(['low', 'medium', 'high', 'critical']);
const WorkOrderType = z.enum(['preventive', 'corrective', 'predictive', 'emergency']);
const OrderNumber = Name.describe('WO-YYYYMMDD-XXXXX');
const Params = z.strictObject({ number: OrderNumber });
const ItemParams = z.strictObject({ number: OrderNumber, index: wholeNumber(0, 349) });

const ORDER_BOOK = entityId('order-book', 'main');

const Draft = z.strictObject({
  title: z.string().trim().min(1).max(200),
  description: z.string().max(4000).optional(),
  type: WorkOrderType.optional(),
  priority: Priority.optional(),
  asset: Name,
  rule: Name.optional().describe('One open order per asset and rule: a second request appends to the first'),
  assignedRole: z.string().max(40).optional(),
  dueInHours: z.number().positive().max(8760).optional(),
  checklist: z
    .array(
      z.strictObject({
        item: z.string().min(1).max(200),
        required: z.boolean().optional(),
        kind: z.enum(['check', 'number', 'text']).optional(),
        unit: z.string().max(16).optional(),
        min: z.number().optional(),
        max: z.number().optional(),
      }),
    )
    .max(350)
    .optional(),
  needsApproval: z.boolean().optional(),
  needsVerification: z.boolean().optional(),
  assetDown: z.boolean().optional(),
});

/** Commands on one order that need nothing but their body. */
const COMMANDS = [
  {
    method: 'PATCH',
    path: '/workorders/{number}',
    kind: 'EditWorkOrder',
    permission: 'workorder:edit',
    summary: 'Change title, description, priority or due time',
    body: z.strictObject({
      title: z.string().trim().min(1).max(200).optional(),
      description: z.string().max(4000).optional(),
      priority: Priority.optional(),
      dueAtMs: z.int().optional(),
    }),
  },
  {
    method: 'POST',
    path: '/workorders/{number}/assign',
    kind: 'AssignWorkOrder',
    permission: 'workorder:assign',
    summary: 'Assign a work order, or take it from whoever has it',
    body: z.strictObject({
      to: z.string().trim().min(1).max(80).nullable(),
      role: z.string().max(40).nullable().optional(),
    }),
  },
  {
    method: 'POST',
    path: '/workorders/{number}/comments',
    kind: 'CommentWorkOrder',
    permission: 'workorder:comment',
    summary: 'Comment on a work order',
    body: z.strictObject({ text: Reason }),
  },
] as const;

export const WORK_ORDER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/workorders',
    tag: 'Work orders',
    summary: 'Work orders',
    permission: 'workorder:read',
    query: listQuery(WORK_ORDER_FIELDS).extend({
      site: Name.optional(),
      asset: Name.optional(),
      state: oneOrMore([
        'draft',
        'open',
        'scheduled',
        'in_progress',
        'on_hold',
        'completed',
        'closed',
        'cancelled',
      ]).optional(),
      priority: oneOrMore(['low', 'medium', 'high', 'critical']).optional(),
      type: oneOrMore(['preventive', 'corrective', 'predictive', 'emergency']).optional(),
      assignedTo: z.string().max(80).optional(),
      assignedRole: z.string().max(40).optional(),
      overdue: YesNo.optional(),
      q: z.string().min(1).max(100).optional().describe('Part of the title or number'),
    }),
    response: liveListOf(WorkOrderListItem),
    handle: ({ api, query }) =>
      livePage(
        api,
        'work-order',
        groupsOfKind(api, 'work-order'),
        query,
        (cell) =>
          is(prop(cell, 'site'), query.site) &&
          is(prop(cell, 'asset'), query.asset) &&
          isOneOf(prop(cell, 'state'), query.state) &&
          isOneOf(prop(cell, 'priority'), query.priority) &&
          isOneOf(prop(cell, 'type'), query.type) &&
          is(prop(cell, 'assignedTo'), query.assignedTo) &&
          is(prop(cell, 'assignedRole'), query.assignedRole) &&
          is(prop(cell, 'overdue'), query.overdue) &&
          mentions(cell, query.q),
      ),
  }),
  route({
    method: 'GET',
    path: '/workorders/{number}',
    tag: 'Work orders',
    summary: 'One work order with checklist, comments and history',
    permission: 'workorder:read',
    params: Params,
    query: oneQuery(WORK_ORDER_FIELDS),
    response: z.union([WorkOrderItem, WorkOrderListItem]),
    handle: ({ api, params, query }) => sparseOneEver(api, 'work-order', params.number, query.fields),
  }),
  route({
    method: 'POST',
    path: '/workorders',
    tag: 'Work orders',
    summary: 'Create a work order',
    description:
      'The result has the number, and the order is certain. It can be read at every node once this is answered, unless that had to be given after two seconds without it.',
    permission: 'workorder:create',
    isCommand: true,
    body: Draft,
    response: CommandResult,
    handle: (call) => command(call, ORDER_BOOK, { kind: 'RequestWorkOrder', draft: call.body }),
  }),
  route({
    method: 'POST',
    path: '/workorders/{number}/transitions/{transition}',
    tag: 'Work orders',
    summary: 'Take a work order to another state',
    description:
      'Which transitions are possible stands in `transitions` of the order. `open` needs workorder:approve, `close` workorder:verify, all others workorder:transition.',
    permission: 'workorder:read',
    isCommand: true,
    params: z.strictObject({
      number: OrderNumber,
      transition: z.enum([
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
      ]),
    }),
    body: z.strictObject({
      note: Reason.optional(),
      holdReason: z.enum(['awaiting_parts', 'plant_condition', 'access', 'permit', 'weather', 'other']).optional(),
      scheduledForMs: z.int().optional(),
    }),
    response: CommandResult,
    handle: (call) => {
      const { number, transition } = call.params;
      return command(call, entityOf('work-order', number), { kind: 'TransitionWorkOrder', transition, ...call.body });
    },
  }),
  route({
    method: 'POST',
    path: '/workorders/{number}/checklist/{index}/complete',
    tag: 'Work orders',
    summary: 'Complete an item of the checklist',
    permission: 'workorder:edit',
    isCommand: true,
    params: ItemParams,
    body: z.strictObject({
      value: z
        .union([z.number(), z.boolean(), z.string().max(500)], {
          error: 'a number, true or false, or a text of at most 500 characters',
        })
        .optional(),
    }),
    response: CommandResult,
    handle: (call) => {
      const { number, index } = call.params;
      return command(call, entityOf('work-order', number), { kind: 'CompleteChecklistItem', index, ...call.body });
    },
  }),
  route({
    method: 'POST',
    path: '/workorders/{number}/checklist/{index}/skip',
    tag: 'Work orders',
    summary: 'Skip an item of the checklist, with a reason',
    permission: 'workorder:edit',
    isCommand: true,
    params: ItemParams,
    body: z.strictObject({ reason: Reason }),
    response: CommandResult,
    handle: (call) => {
      const { number, index } = call.params;
      return command(call, entityOf('work-order', number), { kind: 'SkipChecklistItem', index, ...call.body });
    },
  }),
  ...COMMANDS.map(({ kind, body, ...rest }) =>
    route<{ number: string }, Record<string, never>, object>({
      ...rest,
      tag: 'Work orders',
      isCommand: true,
      params: Params,
      body,
      response: CommandResult,
      handle: (call) => command(call, entityOf('work-order', call.params.number), { kind, ...call.body }),
    }),
  ),
];
