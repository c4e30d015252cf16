import { z } from 'zod';
import type { View } from '../../../runtime/actor-kind.ts';
import { nameOf } from '../../../runtime/ids.ts';
import type { Json } from '../../../runtime/json.ts';
import { isGone } from '../../../runtime/live-bus.ts';
import type { FileRule } from '../../../topology/file-rules.ts';
import { CommandRefused, command } from '../command.ts';
import { HttpError } from '../errors.ts';
import { completeness, fieldOf, listQuery, liveListOf, oneQuery, pageOf, sparse } from '../lists.ts';
import { groupsOfKind, is, isOneOf, looking, viewEver } from '../live-lists.ts';
import { CommandResult, entityOf, Name, oneOrMore, YesNo } from '../parameters.ts';
import { type Api, type Call, type Route, route } from '../route.ts';
import { RuleBody, RuleChanges, RuleItem, RuleListItem } from '../rule-schemas.ts';
import { RULE_FIELDS } from '../view-fields.ts';

type Item = { readonly [field: string]: Json };

const OF_FILE = /^(asset|profile)\/[A-Za-z0-9][A-Za-z0-9._-]*:[A-Za-z0-9][A-Za-z0-9._-]*$/;
const RuleId = z
  .string()
  .max(200)
  .regex(
    /^((asset|profile)\/[A-Za-z0-9][A-Za-z0-9._-]*:)?[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'the id of a rule of the API, or of one of the file: asset/<asset>:<rule>, profile/<profile>:<rule>, percent-encoded in a path',
  );
const Params = z.strictObject({ id: RuleId });

/** Rules of the topology file and rules that were made over this API, in one list; only the latter can be changed here. */
export const RULE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/rules',
    tag: 'Rules',
    summary: 'Rules of the topology file and of the API',
    description:
      'One item for each place where a rule is written down: what a profile says holds for every asset that is made from it.',
    permission: 'rule:read',
    query: listQuery(RULE_FIELDS).extend({
      entityId: z.string().max(160).optional().describe('That hold for this asset, those of its profile among them'),
      profile: Name.optional().describe('That hold for every asset of this profile'),
      metric: z.string().max(64).optional(),
      severity: oneOrMore(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO']).optional(),
      source: oneOrMore(['file', 'api']).optional(),
      active: YesNo.optional(),
      q: z.string().min(1).max(100).optional().describe('Part of the name or id'),
    }),
    response: liveListOf(RuleListItem),
    handle: async ({ api, query }) => {
      const { entityId, profile, metric, severity, source, active, q } = query;
      const asset = entityId?.startsWith('asset/') ? entityId.slice('asset/'.length) : entityId;
      const { all, loading } = await looking(api, groupsOfKind(api, 'rule'), (loading) => ({
        all: rulesOf(api),
        loading,
      }));
      const rules = all.filter(
        (rule) =>
          (asset === undefined || (Array.isArray(rule.assets) && rule.assets.includes(asset))) &&
          is(rule.profile, profile) &&
          is(rule.metric, metric) &&
          isOneOf(rule.severity, severity) &&
          isOneOf(rule.source, source) &&
          is(rule.active, active) &&
          mentions(rule, q),
      );
      const page = pageOf(rules, query, { id: (rule) => String(rule.id), field: fieldOf });
      const items = page.items.map((rule) => sparse(rule, query.fields));
      return { ...page, items, ...completeness(loading) };
    },
  }),
  route({
    method: 'GET',
    path: '/rules/{id}',
    tag: 'Rules',
    summary: 'One rule',
    permission: 'rule:read',
    params: Params,
    query: oneQuery(RULE_FIELDS),
    response: z.union([RuleItem, RuleListItem]),
    handle: async ({ api, params: { id }, query }) => {
      const rule = OF_FILE.test(id) ? ofFile(api, id) : itemOf(id, await viewEver(api, 'rule', id));
      if (rule === undefined) throw noRule(id);
      return sparse(rule, query.fields);
    },
  }),
  route({
    method: 'POST',
    path: '/rules',
    tag: 'Rules',
    summary: 'Make a rule, for one asset or for all of a profile',
    description:
      'It holds from the next reading on. The result says for how many assets; `unconfirmed` of the rule empties as they adopt it.',
    permission: 'rule:manage',
    isCommand: true,
    body: RuleBody,
    response: CommandResult,
    handle: (call) => {
      const { id, entityId, profile, ...rule } = call.body;
      const scope = { ...(entityId !== undefined && { entityId }), ...(profile !== undefined && { profile }) };
      return command(call, entityOf('rule', id), { kind: 'CreateRule', ...scope, rule });
    },
  }),
  route({
    method: 'PATCH',
    path: '/rules/{id}',
    tag: 'Rules',
    summary: 'Change a rule of the API, or switch it on or off',
    description:
      'What is left out stays as it is; null takes away what a rule need not have. A changed condition counts from the next reading on. Switched off, its alarms end.',
    permission: 'rule:manage',
    isCommand: true,
    params: Params,
    body: RuleChanges,
    response: CommandResult,
    handle: (call) => change(call, { kind: 'ChangeRule', changes: call.body }),
  }),
  route({
    method: 'DELETE',
    path: '/rules/{id}',
    tag: 'Rules',
    summary: 'Delete a rule of the API; its alarms end',
    permission: 'rule:manage',
    isCommand: true,
    params: Params,
    response: CommandResult,
    handle: (call) => change(call, { kind: 'DeleteRule' }),
  }),
];

function noRule(id: string): HttpError {
  return new HttpError('NOT_FOUND', `there is no rule ${id}`);
}

function change(call: Call<{ id: string }, unknown, unknown>, body: object) {
  const { id } = call.params;
  if (!OF_FILE.test(id)) return command(call, entityOf('rule', id), body);
  if (ofFile(call.api, id) === undefined) throw noRule(id);
  throw new CommandRefused('RULE_OF_FILE', `${id} stands in the topology file: change it there`, { field: 'id' });
}

function rulesOf(api: Api): Item[] {
  const made = api.runtime.live.cells('rule').filter((cell) => !isGone(cell));
  return [...itemsOfFile(api.fileRules), ...made.map(({ id, view }) => itemOf(nameOf(id), view))];
}

function ofFile(api: Api, id: string): Item | undefined {
  return itemsOfFile(api.fileRules).find((rule) => rule.id === id);
}

function itemOf(id: string, { props }: View): Item {
  return { id, rule: id, ...props };
}

const items = new WeakMap<readonly FileRule[], readonly Item[]>();

/** The file does not change while it is served, so the same items serve every request. */
function itemsOfFile(rules: readonly FileRule[]): readonly Item[] {
  let known = items.get(rules);
  if (known === undefined) {
    known = rules.map(itemOfFile);
    items.set(rules, known);
  }
  return known;
}

function itemOfFile({ id, asset, profile, rule, assets }: FileRule): Item {
  const { id: own, metric, when, message, response, workOrder, webhook, ...rest } = rule;
  return {
    ...rest,
    id,
    rule: own,
    source: 'file',
    entityId: asset === null ? null : `asset/${asset}`,
    profile,
    metric: metric ?? null,
    when,
    message: message ?? null,
    response: response ?? null,
    workOrder: workOrder ?? null,
    webhook: webhook ?? null,
    assets: [...assets],
    unconfirmed: [],
    problems: [],
    revision: null,
    createdAtMs: null,
    createdBy: null,
    changedAtMs: null,
    changedBy: null,
  } satisfies z.infer<typeof RuleItem> as unknown as Item;
}

function mentions({ id, name }: Item, text: string | undefined): boolean {
  if (text === undefined) return true;
  const wanted = text.toLowerCase();
  return String(id).toLowerCase().includes(wanted) || String(name).toLowerCase().includes(wanted);
}
