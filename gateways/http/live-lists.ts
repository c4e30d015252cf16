import { z } from 'zod';
import type { View } from '../../runtime/actor-kind.ts';
import { type EntityId, kindOf, nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { type Group, isGone, type LiveCell, type Loading } from '../../runtime/live-bus.ts';
import { HttpError } from './errors.ts';
import { type Completeness, completeness, fieldOf, type ListQuery, type Page, pageOf, sparse } from './lists.ts';
import { entityOf } from './parameters.ts';
import type { Api } from './route.ts';

/**
 * Looks at what these groups show now, whichever nodes own their entities; rejects with LIVE_VIEWS_MISSING where one of them does
 * not say it.
 *
 * @param look is told what may be lacking of them
 */
export async function looking<T>(
  api: Api,
  groups: readonly Group[] | 'all',
  look: (loading: Loading | undefined) => T,
): Promise<Awaited<T>> {
  const { live } = api.runtime;
  const interest = live.want(groups);
  try {
    if (!interest.isReady) await interest.ready;
    return await look(live.loading(groups));
  } finally {
    interest.release();
  }
}

/** The groups of a site's entities; of all where none is named. */
export function groupsOf(api: Api, site: string | undefined): readonly Group[] | 'all' {
  return site === undefined ? 'all' : [api.runtime.live.groupOf(entityOf('site', site))];
}

/** Entities that no site has are looked at together. */
export function groupsOfKind(api: Api, kind: string): readonly Group[] {
  return [api.runtime.live.groupOf(entityOf(kind, 'any'))];
}

/** The view of a cell as the API shows it. */
export function itemOf(cell: LiveCell): { readonly [group: string]: Json } {
  return { ...cell.view, id: nameOf(cell.id) };
}

/** One page of the live views of a kind, out of some groups. */
export function livePage(
  api: Api,
  kind: string,
  groups: readonly Group[] | 'all',
  query: ListQuery,
  keep: (cell: LiveCell) => boolean,
): Promise<Page<Json> & Completeness> {
  return looking(api, groups, (loading) => ({ ...pageNow(api, kind, query, keep), ...completeness(loading) }));
}

function pageNow(api: Api, kind: string, query: ListQuery, keep: (cell: LiveCell) => boolean): Page<Json> {
  const page = pageOf(
    api.runtime.live.cells(kind).filter((cell) => !isGone(cell) && keep(cell)),
    query,
    {
      id: (cell) => nameOf(cell.id),
      field: (cell, path) => (path === 'id' ? nameOf(cell.id) : fieldOf(cell.view, path)),
    },
  );
  return { ...page, items: page.items.map((cell) => sparse(itemOf(cell), query.fields)) };
}

/** Of an entity that is not shown: it is not there, or nobody can say what it shows while it changes its node. */
export function notShown(api: Api, id: EntityId, field?: string): HttpError {
  const what = `${kindOf(id)} ${nameOf(id)}`;
  return api.runtime.mayExist(id)
    ? new HttpError('UNAVAILABLE', `${what} is being recovered or on its way to another node: try again`, { field })
    : new HttpError('NOT_FOUND', `there is no ${what}`, { field });
}

/** The live view of one entity; 404, or 503 where it is on its way. */
export function liveOne(api: Api, kind: string, name: string, field?: string): LiveCell {
  const id = entityOf(kind, name);
  const cell = api.runtime.live.cell(id);
  if (cell === undefined || isGone(cell)) throw notShown(api, id, field);
  return cell;
}

/** One entity, or the fields of it that were asked for. */
export function sparseOne(api: Api, kind: string, name: string, fields: string | undefined): Promise<Json> {
  return lookingAt(api, kind, name, () => sparse(itemOf(liveOne(api, kind, name)), fields));
}

/** As `looking`, at the group of one entity. */
export function lookingAt<T>(
  api: Api,
  kind: string,
  name: string,
  look: (loading: Loading | undefined) => T,
): Promise<Awaited<T>> {
  return looking(api, [api.runtime.live.groupOf(entityOf(kind, name))], look);
}

/** As `sparseOne`, of an entity as `viewEver` finds it. */
export async function sparseOneEver(api: Api, kind: string, name: string, fields: string | undefined): Promise<Json> {
  return sparse({ ...(await viewEver(api, kind, name)), id: name }, fields);
}

/**
 * What an entity shows, also one that has left the lists, or that another node has made in this very moment: then from its
 * records. 404 where there are none either, 503 where it is on its way.
 */
export async function viewEver(api: Api, kind: string, name: string): Promise<View> {
  const id = entityOf(kind, name);
  const cell = await lookingAt(api, kind, name, () => api.runtime.live.cell(id));
  const view = cell === undefined || isGone(cell) ? await api.runtime.remembered(id) : cell.view;
  if (view === undefined || isGone({ view })) throw notShown(api, id);
  return view;
}

const Text = z.string();

export function prop(cell: LiveCell, key: string): Json | undefined {
  return cell.view.props?.[key];
}

/** True where no text is wanted, or the name or the id has it. */
export function mentions(cell: LiveCell, text: string | undefined): boolean {
  if (text === undefined) return true;
  const name = Text.safeParse(prop(cell, 'name') ?? prop(cell, 'title'));
  const wanted = text.toLowerCase();
  return nameOf(cell.id).toLowerCase().includes(wanted) || (name.data ?? '').toLowerCase().includes(wanted);
}

/** True where nothing is wanted, or it is just that. */
export function is(value: Json | undefined, wanted: string | boolean | undefined): boolean {
  return wanted === undefined || value === wanted;
}

export function isOneOf(value: Json | undefined, wanted: ReadonlySet<string> | undefined): boolean {
  return wanted === undefined || (typeof value === 'string' && wanted.has(value));
}
