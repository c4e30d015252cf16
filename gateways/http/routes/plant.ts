import { z } from 'zod';
import { nameOf } from '../../../runtime/ids.ts';
import { isGone, type LiveCell, type Loading } from '../../../runtime/live-bus.ts';
import { command } from '../command.ts';
import { Completeness, completeness, listQuery, liveListOf, oneQuery } from '../lists.ts';
import { groupsOf, is, isOneOf, liveOne, livePage, lookingAt, mentions, prop, sparseOne } from '../live-lists.ts';
import { CommandResult, entityOf, Id, Name, oneOrMore, Reason } from '../parameters.ts';
import { type Api, type Route, route } from '../route.ts';
import { ASSET_FIELDS, DEVICE_FIELDS, SITE_FIELDS } from '../view-fields.ts';
import { AssetItem, AssetListItem, DeviceItem, DeviceListItem, SiteItem, SiteListItem } from '../view-schemas.ts';

const Search = z.string().min(1).max(100).optional().describe('Part of the name or id');
const Site = Name.optional();

/** Levels of a tree below its root; an asset tree has five, so a deeper one is a circle. */
const MAX_DEPTH = 10;

interface Branch {
  readonly id: string;
  readonly name: string;
  readonly type: string | null;
  readonly status: string;
  readonly health: number | null;
  readonly alarmsActive: number;
  readonly children: readonly Branch[];
  readonly missing?: readonly string[];
}
const Branch = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string().nullable(),
    status: z.string(),
    health: z.number().nullable(),
    alarmsActive: z.int(),
    get children(): z.ZodArray<z.ZodType<Branch>> {
      return z.array(Branch);
    },
    missing: z
      .array(z.string())
      .exactOptional()
      .describe('Further children, of which this node cannot show anything now, nor what is below them'),
  })
  .meta({ id: 'AssetTree' });

/** The root says of the whole tree whether it is all that there is. */
const Hierarchy = Branch.extend(Completeness.shape).meta({ id: 'AssetHierarchy' });

/** What a tree needs of an asset's view; missing while the asset has not been seen yet. */
const BranchProps = z.object({
  name: z.string().catch(''),
  type: z.string().nullable().catch(null),
  status: z.string().catch('operational'),
  health: z.number().nullable().catch(null),
  alarmsActive: z.number().catch(0),
  children: z.array(z.string()).catch([]),
});

function treeOf(api: Api, cell: LiveCell, depth = 0): Branch {
  const { children, ...props } = BranchProps.parse(cell.view.props ?? {});
  const branches: Branch[] = [];
  const missing: string[] = [];
  for (const name of depth >= MAX_DEPTH ? [] : children) {
    const id = entityOf('asset', name);
    const child = api.runtime.live.cell(id);
    if (child !== undefined && !isGone(child)) branches.push(treeOf(api, child, depth + 1));
    // On its way to another node, or being recovered: it is there, and nobody can say how it is.
    else if (api.runtime.mayExist(id)) missing.push(name);
  }
  return { id: nameOf(cell.id), ...props, children: branches, ...(missing.length > 0 && { missing }) };
}

function lacksSome({ children, missing }: Branch): boolean {
  return missing !== undefined || children.some(lacksSome);
}

/** @param loading what may be lacking of the site of the asset */
function hierarchyOf(api: Api, name: string, loading: Loading | undefined) {
  const tree = treeOf(api, liveOne(api, 'asset', name));
  return { ...tree, ...completeness(loading), complete: loading === undefined && !lacksSome(tree) };
}

export const PLANT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/sites',
    tag: 'Plant',
    summary: 'Sites with their key figures',
    permission: 'site:read',
    query: listQuery(SITE_FIELDS).extend({ q: Search }),
    response: liveListOf(SiteListItem),
    handle: ({ api, query }) => livePage(api, 'site', 'all', query, (cell) => mentions(cell, query.q)),
  }),
  route({
    method: 'GET',
    path: '/sites/{id}',
    tag: 'Plant',
    summary: 'One site',
    permission: 'site:read',
    params: Id,
    query: oneQuery(SITE_FIELDS),
    response: z.union([SiteItem, SiteListItem]),
    handle: ({ api, params, query }) => sparseOne(api, 'site', params.id, query.fields),
  }),
  route({
    method: 'GET',
    path: '/assets',
    tag: 'Plant',
    summary: 'Assets with status, health, values and alarms',
    permission: 'asset:read',
    query: listQuery(ASSET_FIELDS).extend({
      site: Site,
      parent: Name.optional(),
      type: z.string().max(60).optional(),
      status: oneOrMore(['operational', 'maintenance', 'damaged', 'retired']).optional(),
      q: Search,
    }),
    response: liveListOf(AssetListItem),
    handle: ({ api, query }) =>
      livePage(
        api,
        'asset',
        groupsOf(api, query.site),
        query,
        (cell) =>
          is(prop(cell, 'site'), query.site) &&
          is(prop(cell, 'parent'), query.parent) &&
          is(prop(cell, 'type'), query.type) &&
          isOneOf(prop(cell, 'status'), query.status) &&
          mentions(cell, query.q),
      ),
  }),
  route({
    method: 'GET',
    path: '/assets/{id}',
    tag: 'Plant',
    summary: 'One asset',
    permission: 'asset:read',
    params: Id,
    query: oneQuery(ASSET_FIELDS),
    response: z.union([AssetItem, AssetListItem]),
    handle: ({ api, params, query }) => sparseOne(api, 'asset', params.id, query.fields),
  }),
  route({
    method: 'GET',
    path: '/assets/{id}/hierarchy',
    tag: 'Plant',
    summary: 'An asset and everything below it, as a tree',
    permission: 'asset:read',
    params: Id,
    response: Hierarchy,
    handle: ({ api, params }) => lookingAt(api, 'asset', params.id, (loading) => hierarchyOf(api, params.id, loading)),
  }),
  route({
    method: 'POST',
    path: '/assets/{id}/status',
    tag: 'Plant',
    summary: 'Set the status of an asset',
    permission: 'asset:manage',
    isCommand: true,
    params: Id,
    body: z.strictObject({ status: z.enum(['operational', 'maintenance', 'damaged', 'retired']), reason: Reason }),
    response: CommandResult,
    handle: (call) => command(call, entityOf('asset', call.params.id), { kind: 'SetAssetStatus', ...call.body }),
  }),
  route({
    method: 'GET',
    path: '/devices',
    tag: 'Plant',
    summary: 'Devices with connectivity, values and diagnostics',
    permission: 'device:read',
    query: listQuery(DEVICE_FIELDS).extend({
      site: Site,
      connection: Name.optional(),
      driver: z.enum(['modbus', 'opcua', 'mqtt']).optional(),
      connectivity: oneOrMore(['online', 'offline', 'unknown']).optional(),
      q: Search,
    }),
    response: liveListOf(DeviceListItem),
    handle: ({ api, query }) =>
      livePage(
        api,
        'device',
        groupsOf(api, query.site),
        query,
        (cell) =>
          is(prop(cell, 'site'), query.site) &&
          is(prop(cell, 'connection'), query.connection) &&
          is(prop(cell, 'driver'), query.driver) &&
          isOneOf(prop(cell, 'connectivity'), query.connectivity) &&
          mentions(cell, query.q),
      ),
  }),
  route({
    method: 'GET',
    path: '/devices/{id}',
    tag: 'Plant',
    summary: 'One device',
    permission: 'device:read',
    params: Id,
    query: oneQuery(DEVICE_FIELDS),
    response: z.union([DeviceItem, DeviceListItem]),
    handle: ({ api, params, query }) => sparseOne(api, 'device', params.id, query.fields),
  }),
  route({
    method: 'POST',
    path: '/devices/{id}/points/{point}/write',
    tag: 'Plant',
    summary: 'Write a value to a device',
    description:
      'Answers when the request is committed, before it is sent. How it went on stands in the `writes` of the device, under the command id.',
    permission: 'device:write',
    isCommand: true,
    params: z.strictObject({ id: Name, point: z.string().min(1).max(64) }),
    body: z.strictObject({
      value: z.union([z.number(), z.boolean(), z.string().max(250)], {
        error: 'a number, true or false, or a text of at most 250 characters',
      }),
      timeoutMs: z.int().min(100).max(60_000).optional().describe('A write that could not be sent by then never is'),
    }),
    response: CommandResult,
    handle: (call) =>
      command(call, entityOf('device', call.params.id), { kind: 'WritePoint', point: call.params.point, ...call.body }),
  }),
  ...(['decommission', 'recommission'] as const).map((verb) =>
    route({
      method: 'POST',
      path: `/devices/{id}/${verb}`,
      tag: 'Plant',
      summary: verb === 'decommission' ? 'Refuse what a device sends from now on' : 'Let a device take part again',
      permission: 'device:manage',
      isCommand: true,
      params: Id,
      body: z.strictObject({ reason: Reason }),
      response: CommandResult,
      handle: (call) =>
        command(call, entityOf('device', call.params.id), {
          kind: verb === 'decommission' ? 'DecommissionDevice' : 'RecommissionDevice',
          reason: call.body.reason,
        }),
    }),
  ),
];
