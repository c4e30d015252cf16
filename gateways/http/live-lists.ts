import { z } from 'zod';
import { nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { isGone, type LiveCell } from '../../runtime/live-bus.ts';
import { HttpError } from './errors.ts';
import { fieldOf, type ListQuery, type Page, pageOf, sparse } from './lists.ts';
import { entityOf } from './parameters.ts';
import type { Api } from './route.ts';

/** The view of a cell as the API shows it. */
export function itemOf(cell: LiveCell): { readonly [group: string]: Json } {
  return { ...cell.view, id: nameOf(cell.id) };
}

/** One page of the live views of a kind. */
export function livePage(api: Api, kind: string, query: ListQuery, keep: (cell: LiveCell) => boolean): Page<Json> {
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

/** The live view of one entity, or 404. */
export function liveOne(api: Api, kind: string, name: string, field?: string): LiveCell {
  const cell = api.runtime.live.cell(entityOf(kind, name));
  if (cell === undefined || isGone(cell)) {
    throw new HttpError('NOT_FOUND', `there is no ${kind} ${name}`, { field });
  }
  return cell;
}

/** One entity, or the fields of it that were asked for. */
export function sparseOne(api: Api, kind: string, name: string, fields: string | undefined): Json {
  return sparse(itemOf(liveOne(api, kind, name)), fields);
}

/** As `sparseOne`, also for one that has left the lists: then from its records. */
export async function sparseOneEver(api: Api, kind: string, name: string, fields: string | undefined): Promise<Json> {
  const id = entityOf(kind, name);
  const cell = api.runtime.live.cell(id);
  const view = cell === undefined || isGone(cell) ? await api.runtime.remembered(id) : cell.view;
  if (view === undefined || isGone({ view })) throw new HttpError('NOT_FOUND', `there is no ${kind} ${name}`);
  return sparse({ ...view, id: name }, fields);
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
