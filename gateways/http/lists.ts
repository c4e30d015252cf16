import { z } from 'zod';
import type { Json } from '../../runtime/json.ts';
import type { Loading } from '../../runtime/live-bus.ts';
import { HttpError } from './errors.ts';
import { wholeNumber } from './parameters.ts';
import type { ViewFields } from './view-fields.ts';

/** Of every list over live views. */
export const ListQuery = z.strictObject({
  limit: wholeNumber(1, 1000).default(100).describe('Items of one page'),
  cursor: z.string().max(2000).optional().describe('`next` of the page before; goes with the same filters and sort'),
  sort: z
    .string()
    .max(200)
    .optional()
    .describe('Fields, the first counts most, a minus turns it round: `-health,name`. Without: by id'),
  fields: z.string().max(2000).optional().describe('Only these: `name,props.health,values`. Without: all'),
});
export type ListQuery = z.infer<typeof ListQuery>;

/** `ListQuery` of items of one kind: a field that they do not have is refused. */
export function listQuery(fields: ViewFields) {
  return ListQuery.extend({ sort: sortOf(fields), fields: fieldsOf(fields) });
}

/** The parameter of a single item. */
export function oneQuery(fields: ViewFields) {
  return z.strictObject({ fields: fieldsOf(fields) });
}

function sortOf(known: ViewFields) {
  return ListQuery.shape.sort.superRefine((sort, context) => {
    for (const { path } of sortOrder(sort)) complain(context, known.problemOfSort(path));
  });
}

function fieldsOf(known: ViewFields) {
  return ListQuery.shape.fields.superRefine((fields, context) => {
    for (const path of fields?.split(',') ?? []) complain(context, known.problemOfField(path.trim()));
  });
}

function complain(context: z.core.$RefinementCtx, message: string | undefined): void {
  if (message !== undefined) context.addIssue(message);
}

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    total: z.int().nullable().describe('Of all pages; null where counting would cost too much'),
    next: z.string().nullable().describe('Cursor of the next page; null on the last'),
  });
}

/** As `listOf`, of live views: with whether they are all that there is. */
export function liveListOf<T extends z.ZodType>(item: T) {
  return listOf(item).extend(Completeness.shape);
}

/** Whether what is answered is all that there is, of live views. */
export const Completeness = z.object({
  complete: z
    .boolean()
    .describe('false: there may be more than this node can show now, as while parts of the plant are being taken over'),
  loading: z
    .object({
      shards: z.int(),
      of: z.int(),
      cells: z
        .array(z.string())
        .readonly()
        .exactOptional()
        .describe('Edge cells of which not all has ever been heard: of them there may be more than the topology names'),
    })
    .optional()
    .describe('How many parts of the plant nobody has told of yet, and which edges; left out when complete'),
});
export type Completeness = z.infer<typeof Completeness>;

/** @param loading as the live bus has it for what was looked at */
export function completeness(loading: Loading | undefined): Completeness {
  return loading === undefined ? { complete: true } : { complete: false, loading };
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number | null;
  readonly next: string | null;
}

type Key = readonly Json[];

/**
 * One page by key, not by offset: what comes or goes between two pages neither repeats nor hides anything else. An item whose
 * sort value changes between two pages can still move from one to the other.
 */
export function pageOf<T>(
  all: readonly T[],
  query: Pick<ListQuery, 'limit' | 'cursor' | 'sort'>,
  read: { id: (item: T) => string; field: (item: T, path: string) => Json | undefined },
): Page<T> {
  const order = sortOrder(query.sort);
  const keyed = all.map((item) => ({
    item,
    key: [...order.map(({ path }) => comparable(read.field(item, path))), read.id(item)],
  }));
  keyed.sort((a, b) => compareKeys(a.key, b.key, order));
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, order.length + 1);
  const start = after === undefined ? 0 : firstAfter(keyed, after, order);
  const page = keyed.slice(start, start + query.limit);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    total: all.length,
    next: last !== undefined && start + page.length < keyed.length ? encodeCursor(last.key) : null,
  };
}

/** A path in a view: `props.health`, or `health` for short, since that is where such fields are. */
export function fieldOf(view: { readonly [group: string]: Json | undefined }, path: string): Json | undefined {
  const dot = path.indexOf('.');
  if (dot >= 0) {
    const group = path.slice(0, dot);
    return Object.hasOwn(view, group) ? member(view[group], path.slice(dot + 1)) : undefined;
  }
  return Object.hasOwn(view, path) ? view[path] : member(view.props, path);
}

/** Keeps `id` and what was asked for; groups keep their shape. */
export function sparse(view: { readonly [group: string]: Json }, fields: string | undefined): Json {
  if (fields === undefined) return view;
  const kept: Record<string, Json> = {};
  if (view.id !== undefined) kept.id = view.id;
  for (const raw of fields.split(',')) {
    const path = raw.trim();
    const value = fieldOf(view, path);
    if (value === undefined) continue;
    if (Object.hasOwn(view, path)) {
      kept[path] = value;
      continue;
    }
    const [group, key] = path.includes('.')
      ? [path.slice(0, path.indexOf('.')), path.slice(path.indexOf('.') + 1)]
      : ['props', path];
    const before = kept[group];
    kept[group] = { ...(typeof before === 'object' && before !== null ? before : {}), [key]: value };
  }
  return kept;
}

export function encodeCursor(key: Json): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function decodeCursor(cursor: string, length: number): Key {
  const key = CursorKey.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (key.success && key.data.length === length) return key.data;
  throw new HttpError('INVALID_REQUEST', 'not a cursor of this list and sort', { field: 'cursor' });
}

const CursorKey = z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Order = readonly { readonly path: string; readonly descending: boolean }[];

function sortOrder(sort: string | undefined): Order {
  if (sort === undefined || sort.trim() === '') return [];
  return sort.split(',').map((raw) => {
    const path = raw.trim();
    return path.startsWith('-') ? { path: path.slice(1), descending: true } : { path, descending: false };
  });
}

function member(group: Json | undefined, key: string): Json | undefined {
  if (typeof group !== 'object' || group === null || Array.isArray(group)) return undefined;
  return Object.hasOwn(group, key) ? (group as { readonly [key: string]: Json })[key] : undefined;
}

/** Only plain values can be compared; everything else counts as nothing. */
function comparable(value: Json | undefined): string | number | boolean | null {
  return value === undefined || typeof value === 'object' ? null : value;
}

function compareKeys(a: Key, b: Key, order: Order): number {
  for (let i = 0; i < a.length; i++) {
    const difference = compare(a[i] ?? null, b[i] ?? null);
    // Nothing known comes last, whichever way round.
    if (difference !== 0) return order[i]?.descending && a[i] !== null && b[i] !== null ? -difference : difference;
  }
  return 0;
}

function compare(a: Json, b: Json): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = String(a);
  const right = String(b);
  if (typeof a === typeof b) return left < right ? -1 : left > right ? 1 : 0;
  return typeof a < typeof b ? -1 : 1;
}

function firstAfter(keyed: readonly { readonly key: Key }[], after: Key, order: Order): number {
  let low = 0;
  let high = keyed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keyed[middle]?.key ?? [], after, order) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
