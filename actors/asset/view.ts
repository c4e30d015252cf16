import type { Rule } from '../../topology/schema/rule.ts';
import { countBook } from '../alarm/book.ts';
import { limitsOf } from '../alarm/condition.ts';
import { isHidden } from '../alarm/machine.ts';
import { nullable } from '../alarm/stored.ts';
import { type Health, healthLevel, healthOf, type TELEMETRY_WORTH } from '../health.ts';
import { hasValue, markOf, readingGroups } from '../live-values.ts';
import { PARTIAL_INPUT } from '../quality/combined.ts';
import type { AssetStatus, AssetView, Mark, MetricInfo, RuleInfo } from '../views.ts';
import type { AdoptedRules } from './adopted.ts';
import { DEVICE_LOST, isConnected, lostSinceMs } from './devices.ts';
import { statusOf } from './evolve.ts';
import type { AssetLayout } from './layout.ts';
import { syncRules } from './rules.ts';
import type { AssetLive, AssetState } from './state.ts';

/** @param recorded what the journal has of it, where that is not all */
export function assetView(state: AssetState, recorded?: AssetState): AssetView {
  const { decided, live } = state;
  syncRules(decided, live);
  return {
    props: propsOf(state),
    ...readingGroups(live, live.layout.metrics, (place) => shownMark(state, place)),
    metrics: partsOf(live.layout).metrics,
    rules: rulesOf(live),
    ...live.alarmViews.listed(decided.alarms, live.holder, recorded?.decided.alarms),
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
    devices: partsOf(live.layout).devices,
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
  const { definition, allRules } = live.layout;
  const { attributes } = definition;
  const hasOrders = decided.orders.size > 0 || allRules.some((rule) => rule.workOrder !== undefined);
  return healthOf({
    alarms:
      allRules.length === 0
        ? null
        : [...decided.alarms.values()].map((record) => {
            const severity = record.occurrence?.severity ?? 'INFO';
            return { severity, detail: record.detail, hidden: isHidden(record) && record.shelved === null };
          }),
    orders: hasOrders ? [...decided.orders.values()] : null,
    telemetry: partsOf(live.layout).fed.flatMap((place) => worthOf({ decided, live }, place) ?? []),
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

interface Parts {
  readonly metrics: AssetView['metrics'];
  readonly devices: readonly string[];
  /** Places of the metrics that a device feeds. */
  readonly fed: readonly number[];
}

const parts = new WeakMap<AssetLayout, Parts>();

/** What changes only with the topology and the rules: the same objects serve every view. */
function partsOf(layout: AssetLayout): Parts {
  let known = parts.get(layout);
  if (known === undefined) {
    known = {
      metrics: Object.fromEntries(layout.metrics.map((metric, place) => [metric.name, infoOf(layout, place)])),
      devices: [...new Set(layout.definition.links.map((link) => link.device))],
      fed: [...new Set(layout.slots.map((slot) => slot.metric))],
    };
    parts.set(layout, known);
  }
  return known;
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

const rules = new WeakMap<AssetLayout, AssetView['rules']>();

/** A layout is made anew with the rules that were adopted. */
function rulesOf({ layout, adopted }: AssetLive): AssetView['rules'] {
  let known = rules.get(layout);
  if (known === undefined) {
    known = Object.fromEntries(layout.allRules.map((rule) => [rule.id, ruleInfoOf(layout, adopted, rule)]));
    rules.set(layout, known);
  }
  return known;
}

function ruleInfoOf({ definition, ruleById }: AssetLayout, adopted: AdoptedRules, rule: Rule): RuleInfo {
  const { name, metric, when, durationSeconds, severity, workOrder } = rule;
  const idle = ruleById.has(rule.id) ? null : rule.active ? 'no_metric' : 'inactive';
  const isOfFile = definition.rules.includes(rule);
  return {
    name,
    source: isOfFile ? 'file' : 'api',
    profile: isOfFile ? null : (adopted.get(rule.id)?.profile ?? null),
    metric: metric ?? null,
    when,
    durationSeconds,
    severity,
    workOrder: workOrder ?? null,
    idle,
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
