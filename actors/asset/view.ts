import { countBook } from '../alarm/book.ts';
import { limitsOf } from '../alarm/condition.ts';
import { isHidden } from '../alarm/machine.ts';
import { nullable } from '../alarm/stored.ts';
import { type Health, healthLevel, healthOf, type TELEMETRY_WORTH } from '../health.ts';
import { hasValue, markOf, readingGroups } from '../live-values.ts';
import { PARTIAL_INPUT } from '../quality/combined.ts';
import type { AssetStatus, AssetView, Mark, MetricInfo } from '../views.ts';
import { DEVICE_LOST, isConnected, lostSinceMs } from './devices.ts';
import { statusOf } from './evolve.ts';
import type { AssetLayout } from './layout.ts';
import type { AssetState } from './state.ts';

export function assetView(state: AssetState): AssetView {
  const { decided, live } = state;
  return {
    props: propsOf(state),
    ...readingGroups(live, live.layout.metrics, (place) => shownMark(state, place)),
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
    healthLevel: healthLevel(score, definition.healthThresholds),
    healthBreakdown: breakdown,
    devices: [...new Set(definition.links.map((link) => link.device))],
    children: definition.children,
    connected: isConnected(decided, live),
    lastReadingMs: newestOf(live.timeMs),
    alarmsUnacknowledged: counts.unacknowledged,
    alarmsActive: counts.active,
    worstSeverity: counts.worst,
    openWorkOrders: decided.orders.size,
    ...(live.history.dropped > 0 && { historyDropped: live.history.dropped }),
  };
}

function shownStatus({ decided, live }: AssetState): AssetStatus {
  return live.layout.definition.lifecycle === 'retired' ? 'retired' : statusOf(decided);
}

/** That the device is lost says why a value is old, so it comes before that. */
function shownMark({ decided, live }: AssetState, place: number): Mark | null {
  const isShown = hasValue(live, place) || !Number.isNaN(live.staleSinceMs[place]);
  if (decided.devices.size > 0 && isShown && live.marks[place]?.quality !== 'BAD') {
    const sinceMs = lostSinceMs(decided, live, place);
    if (sinceMs !== null) return { quality: 'UNCERTAIN', reason: DEVICE_LOST, sinceMs };
  }
  const mark = markOf(live, place);
  const inputs = mark?.reason === PARTIAL_INPUT ? live.inputs.get(place) : null;
  return mark !== null && inputs ? { ...mark, inputs } : mark;
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
  const mark = shownMark(state, place);
  if (mark === null) return hasValue(state.live, place) ? 'GOOD' : null;
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
