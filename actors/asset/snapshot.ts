import { z } from 'zod';
import type { Self } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { Rule } from '../../topology/schema/rule.ts';
import { bookOf, nullable, restoreTimers, StoredBook, StoredTimers, storeTimers } from '../alarm/stored.ts';
import { restoreLiveValue, StoredLiveValue, storeLiveValue } from '../live-values.ts';
import { decodeWindows, encodeWindows } from '../window.ts';
import { NO_RULES } from './adopted.ts';
import type { AssetLayout } from './layout.ts';
import { showEndedWindows } from './metrics.ts';
import { syncRules } from './rules.ts';
import { type AssetDecided, type AssetLive, type AssetState, createLive, windowSizesOf } from './state.ts';

const Instant = z.number().nullable();

const StoredMetric = StoredLiveValue.extend({
  /** Key of the slot that it came from. */
  slot: z.string().nullable(),
  windows: z.unknown(),
});
type StoredMetric = z.infer<typeof StoredMetric>;

const StoredWindow = z.object({
  startMs: z.number(),
  endMs: z.number(),
  count: z.number(),
  min: z.number(),
  max: z.number(),
  avg: z.number(),
  sum: z.number(),
  stddev: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  good: z.number(),
  suspect: z.number(),
  uncertain: z.number(),
  bad: z.number(),
  pctGood: z.number(),
});

/** By name throughout, since places change with the topology. */
const StoredAsset = z.object({
  alarms: StoredBook,
  devices: z.array(
    z.tuple([
      z.string(),
      z.object({
        state: z.enum(['online', 'offline', 'unknown']),
        reason: z.string(),
        sinceMs: z.number(),
        cover: z.object({ by: z.string(), sinceMs: z.number() }).exactOptional(),
      }),
    ]),
  ),
  status: z.enum(['operational', 'maintenance', 'damaged', 'retired']),
  orders: z.array(
    z.tuple([
      z.string(),
      z.object({
        rule: z.string().nullable(),
        state: z.enum(['draft', 'open', 'scheduled', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled']),
        assetDown: z.boolean(),
        down: z.boolean(),
      }),
    ]),
  ),
  maintainedAtMs: Instant,
  /** Absent in what was stored before rules could be made over the API. */
  rules: z
    .array(
      z.tuple([
        z.string(),
        z.object({
          revision: z.number(),
          judgesSince: z.number(),
          rule: Rule.nullable(),
          profile: z.string().nullable(),
          from: z.string().exactOptional(),
          atMs: z.number(),
        }),
      ]),
    )
    .default([]),
  metrics: z.array(z.tuple([z.string(), StoredMetric])),
  slots: z.array(z.tuple([z.string(), z.number()])),
  timers: StoredTimers,
  closed: z.record(z.string(), StoredWindow),
  windowsDueMs: z.number(),
  nowMs: z.number(),
});
type StoredAsset = z.infer<typeof StoredAsset>;

export function encodeAsset({ decided, live }: AssetState): StoredAsset {
  syncRules(decided, live);
  const { layout } = live;
  // Windows that ended are handed out first: only open ones are kept.
  showEndedWindows(live);
  return {
    alarms: [...decided.alarms.values()],
    devices: [...decided.devices],
    status: decided.status,
    orders: [...decided.orders],
    maintainedAtMs: decided.maintainedAtMs,
    rules: [...decided.rules],
    metrics: layout.metrics.flatMap(({ name, rollUp }, place) =>
      rollUp === undefined ? [[name, storeMetric(live, place)] as [string, StoredMetric]] : [],
    ),
    slots: layout.slots.flatMap(({ key }, index) => {
      const timeMs = nullable(live.slotTimeMs[index]);
      return timeMs === null ? [] : [[key, timeMs] as [string, number]];
    }),
    timers: storeTimers(live.timers, layout.ruleIds).filter(([id]) => followsReadings(layout, id)),
    closed: { ...live.closed },
    windowsDueMs: live.windowsDueMs,
    nowMs: live.nowMs,
  };
}

export function decodeAsset(stored: unknown, self: Self<AssetDefinition>): AssetState {
  const kept = StoredAsset.parse(stored);
  const { status, maintainedAtMs } = kept;
  const [alarms, devices, orders] = [bookOf(kept.alarms), new Map(kept.devices), new Map(kept.orders)];
  const rules = kept.rules.length === 0 ? NO_RULES : new Map(kept.rules);
  const decided: AssetDecided = { alarms, devices, status, orders, maintainedAtMs, rules };
  const live = createLive(self.id, self.definition);
  syncRules(decided, live);
  const { layout } = live;
  for (const [name, metric] of kept.metrics) {
    const place = layout.placeOf.get(name);
    if (place !== undefined) restoreMetric(live, place, metric);
  }
  const slotTimes = new Map(kept.slots);
  layout.slots.forEach(({ key }, index) => {
    live.slotTimeMs[index] = slotTimes.get(key) ?? Number.NaN;
  });
  restoreTimers(live.timers, layout.ruleIds, kept.timers);
  for (const [name, window] of Object.entries(kept.closed)) {
    const place = layout.placeOf.get(name.slice(0, name.indexOf('@')));
    const sizeMs = window.endMs - window.startMs;
    if (live.windows[place ?? -1]?.levels.some((level) => level.sizeMs === sizeMs)) live.closed[name] = window;
  }
  live.windowsDueMs = kept.windowsDueMs;
  live.nowMs = kept.nowMs;
  return { decided, live };
}

/** What rules on roll-ups and on the connection go by comes from elsewhere, and comes again after a restart. */
function followsReadings({ ruleById, rolledUp }: AssetLayout, id: string): boolean {
  const rule = ruleById.get(id);
  return rule !== undefined && rule.metric >= 0 && !rolledUp.includes(rule.metric);
}

function storeMetric(live: AssetLive, place: number): StoredMetric {
  const windows = live.windows[place];
  return {
    ...storeLiveValue(live, place),
    slot: live.layout.slots[live.slotOf[place] ?? -1]?.key ?? null,
    windows: windows && typeof live.values[place] === 'number' ? encodeWindows(windows) : null,
  };
}

function restoreMetric(live: AssetLive, place: number, metric: StoredMetric): void {
  restoreLiveValue(live, place, metric);
  live.slotOf[place] = live.layout.slots.findIndex((slot) => slot.key === metric.slot && slot.metric === place);
  const definition = live.layout.metrics[place];
  if (metric.windows !== null && live.windows[place] && definition)
    live.windows[place] = decodeWindows(metric.windows, windowSizesOf(definition));
}
