import { countBook } from '../alarm/book.ts';
import { limitsOf } from '../alarm/condition.ts';
import { isHidden } from '../alarm/machine.ts';
import { nullable } from '../alarm/stored.ts';
import { type Health, healthOf, type TELEMETRY_WORTH } from '../health.ts';
import type { AssetStatus, AssetView, Mark, MetricInfo } from '../views.ts';
import { DEVICE_LOST, isConnected, lostSinceMs } from './devices.ts';
import { statusOf } from './evolve.ts';
import type { AssetLayout } from './layout.ts';
import type { AssetState } from './state.ts';

export function assetView(state: AssetState): AssetView {
  const { decided, live } = state;
  return {
    props: propsOf(state),
    ...readingsOf(state),
    metrics: metricsOf(live.layout),
    alarms: live.alarmViews.listed(decided.alarms, live.holder),
    windows: { ...live.closed },
  };
}

function propsOf(state: AssetState): AssetView['props'] {
  const { decided, live } = state;
  const { definition } = live.layout;
  const counts = countBook(decided.alarms);
  const { score, breakdown } = healthOfAsset(state);
  return {
    name: definition.name,
    site: definition.site,
    parent: definition.parent,
    path: definition.path,
    type: definition.type,
    icon: definition.icon,
    lifecycle: definition.lifecycle,
    latitude: definition.place?.latitude ?? null,
    longitude: definition.place?.longitude ?? null,
    status: shownStatus(state),
    health: score,
    healthBreakdown: breakdown,
    devices: [...new Set(definition.links.map((link) => link.device))],
    children: definition.children,
    connected: isConnected(decided, live),
    lastReadingMs: newestOf(live.timeMs),
    alarmsUnacknowledged: counts.unacknowledged,
    alarmsActive: counts.active,
    worstSeverity: counts.worst,
    openWorkOrders: decided.orders.size,
  };
}

function shownStatus({ decided, live }: AssetState): AssetStatus {
  return live.layout.definition.lifecycle === 'retired' ? 'retired' : statusOf(decided);
}

function readingsOf(state: AssetState): Pick<AssetView, 'values' | 'times' | 'marks'> {
  const { live } = state;
  const values: Record<string, AssetView['values'][string]> = {};
  const times: Record<string, number> = {};
  const marks: Record<string, Mark> = {};
  live.layout.metrics.forEach(({ name }, place) => {
    const timeMs = live.timeMs[place] ?? Number.NaN;
    if (!Number.isNaN(timeMs)) {
      values[name] = live.values[place] ?? null;
      times[name] = timeMs;
    }
    const mark = shownMark(state, place, !Number.isNaN(timeMs));
    if (mark !== null) marks[name] = mark;
  });
  return { values, times, marks };
}

/** BAD says most; then that the value is old, and why; then what the reading itself brought. */
function shownMark({ decided, live }: AssetState, place: number, hasValue: boolean): Mark | null {
  const mark = live.marks[place] ?? null;
  if (mark?.quality === 'BAD' || !hasValue) return mark;
  const lostMs = decided.devices.size === 0 ? null : lostSinceMs(decided, live, place);
  if (lostMs !== null) return { quality: 'UNCERTAIN', reason: DEVICE_LOST, sinceMs: lostMs };
  const staleSinceMs = live.staleSinceMs[place] ?? Number.NaN;
  if (!Number.isNaN(staleSinceMs)) return { quality: 'UNCERTAIN', reason: 'stale', sinceMs: staleSinceMs };
  return mark;
}

function healthOfAsset({ decided, live }: AssetState): Health {
  const { definition, slots } = live.layout;
  const { attributes } = definition;
  const hasOrders = decided.orders.size > 0 || definition.rules.some((rule) => rule.workOrder !== undefined);
  const fed = new Set(slots.map((slot) => slot.metric));
  return healthOf({
    alarms:
      definition.rules.length === 0
        ? null
        : [...decided.alarms.values()].map((record) => {
            const severity = record.occurrence?.severity ?? 'INFO';
            return { severity, detail: record.detail, hidden: isHidden(record) && record.shelved === null };
          }),
    orders: hasOrders ? [...decided.orders.values()] : null,
    telemetry: [...fed].flatMap((place) => worthOf({ decided, live }, place) ?? []),
    installedAtMs: instant(attributes.installedAt),
    expectedLifeYears: amount(attributes.expectedLifeYears),
    maintainedAtMs: decided.maintainedAtMs ?? instant(attributes.lastMaintenanceAt),
    maintenanceIntervalDays: amount(attributes.maintenanceIntervalDays),
    nowMs: live.nowMs,
  });
}

/** Null before the first reading, so that an asset that was just connected is not called ill. */
function worthOf(state: AssetState, place: number): keyof typeof TELEMETRY_WORTH | null {
  const hasValue = !Number.isNaN(state.live.timeMs[place]);
  const mark = shownMark(state, place, hasValue);
  if (mark === null) return hasValue ? 'GOOD' : null;
  return mark.reason === 'stale' || mark.reason === DEVICE_LOST ? 'stale' : mark.quality;
}

const infos = new WeakMap<AssetLayout, AssetView['metrics']>();

/** Changes only with the topology, so the same objects serve every view. */
function metricsOf(layout: AssetLayout): AssetView['metrics'] {
  let metrics = infos.get(layout);
  if (metrics === undefined) {
    metrics = Object.fromEntries(layout.metrics.map((metric, place) => [metric.name, infoOf(layout, place)]));
    infos.set(layout, metrics);
  }
  return metrics;
}

function infoOf(layout: AssetLayout, place: number): MetricInfo {
  const {
    title,
    name = '',
    unit = '',
    decimals = 1,
    range,
    normal,
    formula,
    key = false,
  } = layout.metrics[place] ?? {};
  const sources = (layout.slotsBehind[place] ?? []).flatMap((index) => layout.slots[index]?.device ?? []);
  return {
    title: title ?? name,
    unit,
    decimals,
    range: range ?? null,
    normal: normal ?? null,
    formula: formula ?? null,
    key,
    sourceDevices: [...new Set(sources)],
    limits: (layout.rulesOf[place] ?? []).flatMap(({ rule }) => {
      const limits = limitsOf(rule);
      return Object.keys(limits).length === 0 ? [] : [{ rule: rule.id, severity: rule.severity, ...limits }];
    }),
  };
}

function newestOf(times: Float64Array): number | null {
  let newestMs = Number.NaN;
  for (const timeMs of times) if (!(timeMs <= newestMs) && !Number.isNaN(timeMs)) newestMs = timeMs;
  return nullable(newestMs);
}

function instant(attribute: string | number | boolean | undefined): number | null {
  return typeof attribute === 'string' ? nullable(Date.parse(attribute)) : null;
}

function amount(attribute: string | number | boolean | undefined): number | null {
  return typeof attribute === 'number' ? attribute : null;
}
