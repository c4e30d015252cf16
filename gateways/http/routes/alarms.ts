import { z } from 'zod';
import type { AlarmEvent } from '../../../actors/alarm/events.ts';
import { EntityId } from '../../../runtime/ids.ts';
import type { Json } from '../../../runtime/json.ts';
import { isGone } from '../../../runtime/live-bus.ts';
import { ask, command } from '../command.ts';
import { HttpError } from '../errors.ts';
import { JournalItem, JournalListQuery, journalPage } from '../journal-page.ts';
import { completeness, fieldOf, listOf, listQuery, liveListOf, oneQuery, pageOf, sparse } from '../lists.ts';
import { groupsOf, is, isOneOf, looking, notShown } from '../live-lists.ts';
import { CommandResult, InstantText, Name, oneOrMore, Reason, YesNo } from '../parameters.ts';
import { type Api, type Route, route } from '../route.ts';
import { ALARM_FIELDS } from '../view-fields.ts';
import { Alarm, AlarmListItem } from '../view-schemas.ts';

type AlarmJson = { readonly [key: string]: Json };

/** Every event of an alarm; the compiler sees to it that none is missing. */
const ALARM_KINDS = Object.keys({
  AlarmRaised: true,
  AlarmRecurred: true,
  AlarmCleared: true,
  AlarmAcknowledged: true,
  AlarmReset: true,
  AlarmShelved: true,
  AlarmUnshelved: true,
  AlarmSuppressed: true,
  AlarmUnsuppressed: true,
  AlarmTakenOutOfService: true,
  AlarmReturnedToService: true,
  AlarmCommented: true,
  AlarmCannotEvaluate: true,
  AlarmEvaluable: true,
  AlarmOrderLinked: true,
} satisfies Record<Extract<AlarmEvent['kind'], `Alarm${string}`>, true>);

const Severities = oneOrMore(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO']);
const AlarmId = z
  .string()
  .max(240)
  .regex(
    /^(asset|device|connection|node)\/[A-Za-z0-9][A-Za-z0-9._-]*:[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'reads <entity>:<rule>, as asset/pump-1:hot or device/plc-7:device-lost, percent-encoded in a path',
  );
const Params = z.strictObject({ id: AlarmId });

/** Kinds of entities that have alarms. */
const HOLDERS = ['asset', 'device', 'connection', 'node'];

function parts(id: string): { readonly entity: EntityId; readonly rule: string } {
  const colon = id.lastIndexOf(':');
  const entity = EntityId.safeParse(id.slice(0, colon));
  if (!entity.success) throw new HttpError('NOT_FOUND', `there is no alarm ${id}`);
  return { entity: entity.data, rule: id.slice(colon + 1) };
}

function alarmsOf(api: Api): AlarmJson[] {
  const alarms: AlarmJson[] = [];
  for (const kind of HOLDERS) {
    for (const cell of api.runtime.live.cells(kind)) {
      for (const alarm of Object.values(cell.view.alarms ?? {})) if (isObject(alarm)) alarms.push(alarm);
    }
  }
  return alarms;
}

function isObject(value: Json | undefined): value is AlarmJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Each of these is a command of its own permission, on one alarm. */
const COMMANDS = [
  {
    verb: 'acknowledge',
    kind: 'AcknowledgeAlarm',
    permission: 'alarm:acknowledge',
    summary: 'Acknowledge an alarm',
    body: z.strictObject({ comment: Reason.optional() }),
  },
  {
    verb: 'shelve',
    kind: 'ShelveAlarm',
    permission: 'alarm:shelve',
    summary: 'Hide an alarm for a time; it returns by itself',
    body: z.strictObject({ durationMs: z.int().min(60_000).max(86_400_000), reason: Reason }),
  },
  {
    verb: 'unshelve',
    kind: 'UnshelveAlarm',
    permission: 'alarm:shelve',
    summary: 'Show a shelved alarm again',
    body: z.strictObject({}),
  },
  {
    verb: 'reset',
    kind: 'ResetAlarm',
    permission: 'alarm:reset',
    summary: 'Reset a latched alarm',
    body: z.strictObject({}),
  },
  {
    verb: 'out-of-service',
    kind: 'TakeAlarmOutOfService',
    permission: 'alarm:suppress',
    summary: 'Take an alarm out of service',
    body: z.strictObject({ reason: Reason, workOrder: z.string().max(40).optional() }),
  },
  {
    verb: 'return-to-service',
    kind: 'ReturnAlarmToService',
    permission: 'alarm:suppress',
    summary: 'Return an alarm to service',
    body: z.strictObject({}),
  },
  {
    verb: 'comment',
    kind: 'CommentAlarm',
    permission: 'alarm:comment',
    summary: 'Comment on an alarm',
    body: z.strictObject({ text: Reason }),
  },
] as const;

const BulkResult = z.object({
  id: z.string(),
  ok: z.boolean(),
  code: z.string().optional(),
  message: z.string().optional(),
});

export const ALARM_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/alarms',
    tag: 'Alarms',
    summary: 'Alarms that are not normal, or under an overlay',
    description:
      'Over all assets, devices and connections, and the node itself. `sort` and `fields` take the fields of an alarm.',
    permission: 'alarm:read',
    query: listQuery(ALARM_FIELDS).extend({
      site: Name.optional(),
      entity: z.string().max(160).optional(),
      severity: Severities.optional(),
      state: oneOrMore(['ACTIVE', 'ACKNOWLEDGED', 'CLEARED', 'SUPPRESSED']).optional(),
      detail: oneOrMore([
        'NORMAL',
        'ACTIVE_UNACK',
        'ACTIVE_ACK',
        'RTN_UNACK',
        'LATCHED_UNACK',
        'LATCHED_ACK',
      ]).optional(),
      shelved: YesNo.optional(),
    }),
    response: liveListOf(AlarmListItem),
    handle: async ({ api, query }) => {
      const { site, entity, severity, state, detail, shelved } = query;
      const { all, loading } = await looking(api, groupsOf(api, site), (loading) => ({ all: alarmsOf(api), loading }));
      const alarms = all.filter(
        (alarm) =>
          is(alarm.site, site) &&
          is(alarm.entity, entity) &&
          isOneOf(alarm.severity, severity) &&
          isOneOf(alarm.state, state) &&
          isOneOf(alarm.detail, detail) &&
          (shelved === undefined || (alarm.shelved !== null) === shelved),
      );
      const page = pageOf(alarms, query, { id: (alarm) => String(alarm.id), field: fieldOf });
      const items = page.items.map((alarm) => sparse(alarm, query.fields));
      return { ...page, items, ...completeness(loading) };
    },
  }),
  route({
    method: 'GET',
    path: '/alarms/history',
    tag: 'Alarms',
    summary: 'Every transition of alarms, newest first',
    description:
      'From the journal. Filters on the alarm itself look through up to 20,000 rows for one page, so a page can be short and still have a next.',
    permission: 'alarm:read',
    query: JournalListQuery.extend({
      alarm: AlarmId.optional(),
      entity: EntityId.optional(),
      site: Name.optional(),
      severity: Severities.optional(),
      kind: oneOrMore(ALARM_KINDS as [string, ...string[]]).optional(),
      from: InstantText.optional(),
      to: InstantText.optional(),
    }),
    response: listOf(JournalItem),
    handle: ({ api, query: { alarm, entity, site, severity, kind, from, to, user, limit, cursor } }) => {
      const of = alarm === undefined ? undefined : parts(alarm);
      const about = of?.entity ?? entity;
      const needsLook = of !== undefined || site !== undefined || severity !== undefined;
      return journalPage(
        api,
        {
          limit,
          cursor,
          kinds: kind === undefined ? ALARM_KINDS : [...kind],
          ...(about !== undefined && { entity: about }),
          ...(user !== undefined && { user }),
          ...(from !== undefined && { fromMs: from }),
          ...(to !== undefined && { toMs: to }),
        },
        needsLook
          ? ({ after, before }) => {
              const view = isObject(after) ? after : isObject(before) ? before : {};
              return is(view.rule, of?.rule) && is(view.site, site) && isOneOf(view.severity, severity);
            }
          : undefined,
      );
    },
  }),
  route({
    method: 'POST',
    path: '/alarms/acknowledge',
    tag: 'Alarms',
    summary: 'Acknowledge a list of alarms',
    description: 'Each for itself: the answer says of every one how it went. Never "all": only what is named.',
    permission: 'alarm:acknowledge',
    isCommand: true,
    body: z.strictObject({ ids: z.array(AlarmId).min(1).max(200), comment: Reason.optional() }),
    response: listOf(BulkResult),
    handle: async (call) => {
      const { ids, comment } = call.body;
      const items = await Promise.all(
        [...new Set(ids)].map(async (id) => {
          const { entity, rule } = parts(id);
          const order = { kind: 'AcknowledgeAlarm', rule, ...(comment !== undefined && { comment }) };
          // The rule tells the commands to one entity apart, so that repeating the request repeats each of them.
          const { reply } = await ask(call, entity, order, `:${rule}`);
          return reply.ok ? { id, ok: true } : { id, ok: false, code: reply.code, message: reply.message };
        }),
      );
      return { items, total: items.length, next: null };
    },
  }),
  route({
    method: 'GET',
    path: '/alarms/{id}',
    tag: 'Alarms',
    summary: 'One alarm',
    permission: 'alarm:read',
    params: Params,
    query: oneQuery(ALARM_FIELDS),
    response: z.union([Alarm, AlarmListItem]),
    handle: async ({ api, params, query }) => {
      const { entity, rule } = parts(params.id);
      const { live } = api.runtime;
      const cell = await looking(api, [live.groupOf(entity)], () => live.cell(entity));
      if ((cell === undefined || isGone(cell)) && api.runtime.mayExist(entity)) throw notShown(api, entity);
      const alarms = cell?.view.alarms ?? {};
      const alarm = Object.hasOwn(alarms, rule) ? alarms[rule] : undefined;
      if (!isObject(alarm)) throw new HttpError('NOT_FOUND', `${params.id} is normal, or there is no such alarm`);
      return sparse(alarm, query.fields);
    },
  }),
  ...COMMANDS.map(({ verb, kind, permission, summary, body }) =>
    route<{ id: string }, Record<string, never>, object>({
      method: 'POST',
      path: `/alarms/{id}/${verb}`,
      tag: 'Alarms',
      summary,
      permission,
      isCommand: true,
      params: Params,
      body,
      response: CommandResult,
      handle: (call) => {
        const { entity, rule } = parts(call.params.id);
        return command(call, entity, { kind, rule, ...call.body });
      },
    }),
  ),
];
