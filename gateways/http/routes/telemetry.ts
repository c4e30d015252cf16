import { z } from 'zod';
import type { View } from '../../../runtime/actor-kind.ts';
import type { Json } from '../../../runtime/json.ts';
import { isGone, type LiveCell } from '../../../runtime/live-bus.ts';
import { HttpError } from '../errors.ts';
import { listOf } from '../lists.ts';
import { liveOne, lookingAt, notShown, prop } from '../live-lists.ts';
import { entityOf, InstantText, Name, wholeNumber } from '../parameters.ts';
import { type Api, type Route, route } from '../route.ts';

const DAY_MS = 86_400_000;
const WINDOWS_MS = {
  '1s': 1000,
  '10s': 10_000,
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
} as const;

const Of = z.strictObject({ device: Name.optional(), asset: Name.optional() });

function kindAndName({ device, asset }: z.infer<typeof Of>): readonly ['device' | 'asset', string] {
  if (device !== undefined && asset === undefined) return ['device', device];
  if (asset !== undefined && device === undefined) return ['asset', asset];
  throw new HttpError('INVALID_REQUEST', 'exactly one of device and asset', {
    field: device === undefined ? 'device' : 'asset',
  });
}

const Value = z.union([z.number(), z.string(), z.boolean(), z.null()]);
const Quality = z.enum(['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD']);

const Latest = z.object({
  entity: z.string(),
  name: z.string(),
  status: z.string().describe('Connectivity of a device, status of an asset'),
  lastSeenMs: z.number().nullable(),
  items: z.array(
    z.object({
      metricKey: z.string(),
      value: Value,
      unit: z.string(),
      timeMs: z.number().nullable(),
      quality: Quality,
      reason: z.string().nullable().describe('Why it is not simply good and fresh'),
      lastGood: z.object({ value: Value, timeMs: z.number() }).nullable(),
    }),
  ),
  total: z.int(),
  next: z.null(),
});

const MarkView = z.object({
  quality: Quality,
  reason: z.string(),
  lastGood: z.object({ value: Value, timeMs: z.number() }).optional(),
});
const TextOr = (other: string) => z.string().catch(other);

function latestOf(cell: LiveCell, kind: 'device' | 'asset'): z.infer<typeof Latest> {
  const { values = {}, times = {}, marks = {} } = cell.view;
  const described = describedBy(cell, kind);
  const items = keysOf(cell, kind).map((metricKey) => {
    const mark = MarkView.safeParse(marks[metricKey]).data;
    const value = Value.safeParse(values[metricKey]).data ?? null;
    return {
      metricKey,
      value,
      unit: unitOf(described[metricKey]),
      timeMs: numberOrNull(times[metricKey]),
      quality: mark?.quality ?? (values[metricKey] === undefined ? 'UNCERTAIN' : 'GOOD'),
      reason: mark?.reason ?? (values[metricKey] === undefined ? 'no_value_yet' : null),
      lastGood: mark?.lastGood ?? null,
    };
  });
  return {
    entity: cell.id,
    name: TextOr('').parse(prop(cell, 'name')),
    status: TextOr('unknown').parse(prop(cell, kind === 'device' ? 'connectivity' : 'status')),
    lastSeenMs: numberOrNull(prop(cell, kind === 'device' ? 'lastSeenMs' : 'lastReadingMs')),
    items,
    total: items.length,
    next: null,
  };
}

function describedBy(cell: LiveCell, kind: 'device' | 'asset'): View[string] {
  return (kind === 'device' ? cell.view.points : cell.view.metrics) ?? {};
}

function keysOf(cell: LiveCell, kind: 'device' | 'asset'): readonly string[] {
  return [...new Set([...Object.keys(describedBy(cell, kind)), ...Object.keys(cell.view.values ?? {})])];
}

function numberOrNull(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

const WithUnit = z.object({ unit: z.string() });

function unitOf(described: Json | undefined): string {
  return WithUnit.safeParse(described).data?.unit ?? '';
}

const Sample = z.object({ timeMs: z.number(), value: Value, quality: z.string() });
const Window = z.object({
  startMs: z.number(),
  endMs: z.number(),
  count: z.int(),
  min: z.number(),
  max: z.number(),
  avg: z.number(),
  sum: z.number(),
  stddev: z.number(),
  first: z.number(),
  last: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  quality: z.object({
    good: z.int(),
    suspect: z.int(),
    uncertain: z.int(),
    bad: z.int(),
    pctGood: z.number(),
  }),
});

const SeriesQuery = Of.extend({
  metricKey: z.string().min(1).max(64),
  start: InstantText.optional().describe('ISO 8601 or epoch milliseconds; 24 hours before the end when left out'),
  end: InstantText.optional().describe('Not included; now when left out'),
  aggregation: z.enum(['none', '1s', '10s', '1m', '5m', '15m', '1h']).default('none'),
  limit: wholeNumber(1, 10_000).default(1000),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'not a cursor of this list')
    .optional(),
});

async function series(api: Api, query: z.infer<typeof SeriesQuery>) {
  const [kind, name] = kindAndName(query);
  const { aggregation, limit, metricKey } = query;
  const toMs = query.end ?? api.now();
  const startMs = query.start ?? toMs - DAY_MS;
  if (startMs >= toMs) throw new HttpError('INVALID_REQUEST', 'start must be before end', { field: 'start' });
  const fromMs = query.cursor === undefined ? startMs : Math.max(startMs, Number(query.cursor));
  const entity = entityOf(kind, name);
  const question = { entity, series: metricKey, fromMs, toMs, limit };
  if (aggregation === 'none') {
    const items = await api.runtime.historian.raw(question);
    if (items.length === 0) await assertKnown(api, kind, name, metricKey);
    const last = items.at(-1);
    // A series has one sample at a time, so the next page begins a millisecond later.
    const next = items.length === limit && last !== undefined ? String(last.timeMs + 1) : null;
    return { entity, metricKey, aggregation, startMs, endMs: toMs, items, total: null, next };
  }
  const items = await api.runtime.historian.windows({ ...question, windowMs: WINDOWS_MS[aggregation] });
  if (items.length === 0) await assertKnown(api, kind, name, metricKey);
  const last = items.at(-1);
  const next = items.length === limit && last !== undefined ? String(last.endMs) : null;
  return { entity, metricKey, aggregation, startMs, endMs: toMs, items, total: null, next };
}

/** Nothing has to mean that nothing was measured, not that nobody has heard of the name. What is gone keeps its history. */
async function assertKnown(api: Api, kind: 'device' | 'asset', name: string, metricKey: string): Promise<void> {
  const entity = entityOf(kind, name);
  const cell = await lookingAt(api, kind, name, () => api.runtime.live.cell(entity));
  const isLive = cell !== undefined && !isGone(cell);
  const keys = isLive ? keysOf(cell, kind) : [];
  if (keys.includes(metricKey)) return;
  const question = { entity, series: metricKey, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1 };
  if ((await api.runtime.historian.raw(question)).length > 0) return;
  if (!isLive) throw notShown(api, entity, kind);
  const message = `${name} has no ${metricKey}; it has ${keys.join(', ') || 'none'}`;
  throw new HttpError('INVALID_REQUEST', message, { field: 'metricKey' });
}

export const TELEMETRY_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/telemetry/latest',
    tag: 'Telemetry',
    summary: 'Newest values of a device or asset, with quality',
    permission: 'telemetry:read',
    errors: ['NOT_FOUND'],
    query: Of,
    response: Latest,
    handle: ({ api, query }) => {
      const [kind, name] = kindAndName(query);
      return lookingAt(api, kind, name, () => latestOf(liveOne(api, kind, name, kind), kind));
    },
  }),
  route({
    method: 'GET',
    path: '/telemetry',
    tag: 'Telemetry',
    summary: 'History of one metric of a device or asset',
    description:
      'Ordered by device time. Without aggregation the samples themselves; with it tumbling windows aligned to the epoch, those without a sample left out.',
    permission: 'telemetry:read',
    errors: ['NOT_FOUND', 'INVALID_QUERY', 'QUERY_TOO_LARGE'],
    query: SeriesQuery,
    response: z.object({
      entity: z.string(),
      metricKey: z.string(),
      aggregation: z.string(),
      startMs: z.number(),
      endMs: z.number(),
      items: z.union([z.array(Sample), z.array(Window)]),
      total: listOf(Sample).shape.total,
      next: listOf(Sample).shape.next,
    }),
    handle: ({ api, query }) => series(api, query),
  }),
];
