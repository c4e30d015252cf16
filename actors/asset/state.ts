import type { Self } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { type Metric, WINDOW_MS } from '../../topology/schema/asset.ts';
import { type AlarmBook, AlarmViews } from '../alarm/book.ts';
import { createTimers, type RuleOwner, type RuleTimers } from '../alarm/evaluate.ts';
import type { Cover } from '../alarm/loss.ts';
import type { AlarmHolder } from '../alarm/view.ts';
import { FrameLayouts } from '../frame-layout.ts';
import { createLiveValues, type LiveValues } from '../live-values.ts';
import type { Part } from '../quality/combined.ts';
import type { AssetStatus, Mark, WindowView } from '../views.ts';
import { createWindows, WINDOW_SIZES_MS, type Windows } from '../window.ts';
import type { WorkOrderState } from '../work-order/views.ts';
import { type AdoptedRules, NO_RULES } from './adopted.ts';
import { ComputedHistory } from './history.ts';
import { type AssetLayout, layoutOf } from './layout.ts';

/** `decided` changes by events alone and is replaced; `live` follows from the readings and is changed in place. */
export interface AssetState {
  readonly decided: AssetDecided;
  readonly live: AssetLive;
}

export interface AssetDecided {
  readonly alarms: AlarmBook;
  readonly devices: ReadonlyMap<string, LinkedDevice>;
  /** What people said it is; a work order may hold it in maintenance all the same. */
  readonly status: AssetStatus;
  /** Open orders by number. */
  readonly orders: ReadonlyMap<string, OpenOrder>;
  readonly maintainedAtMs: number | null;
  readonly rules: AdoptedRules;
}

export interface LinkedDevice {
  readonly state: 'online' | 'offline' | 'unknown';
  readonly reason: string;
  readonly sinceMs: number;
  /** Lost with its link, whose alarm stands for those behind it. */
  readonly cover?: Cover;
}

export interface OpenOrder {
  readonly rule: string | null;
  readonly state: WorkOrderState;
  readonly assetDown: boolean;
  /** Holds the asset in maintenance: begun, and not completed yet. */
  readonly down: boolean;
}

/** Values by place of the metric. */
export interface AssetLive extends LiveValues {
  /** This, what hangs on it and the timers follow from `adopted`, and are made anew with it (`syncRules`). */
  layout: AssetLayout;
  /** The adopted rules that `layout` was made with. */
  adopted: AdoptedRules;
  holder: AlarmHolder;
  readonly owner: RuleOwner;
  /** By device: which readings of a frame go to which slots, as pairs of reading and slot. */
  readonly plans: ReadonlyMap<EntityId, FrameLayouts<Int32Array>>;
  /** By slot: device time of its newest reading. Kept apart for each source, whose clocks may differ. */
  readonly slotTimeMs: Float64Array;

  /** The slot that the value came from; -1: none yet. */
  readonly slotOf: Int32Array;
  readonly windows: (Windows | null)[];
  /** Newest closed windows by `metric@1m`. */
  readonly closed: Record<string, WindowView>;
  windowsDueMs: number;

  timers: RuleTimers;
  /** Looks a metric up for a formula: a number that may be computed with at `nowMs`, or null. */
  readonly lookup: (name: string) => number | null;
  nowMs: number;

  /** What the turn touched: 0 nothing, 1 a value, 2 lost its value. */
  readonly touched: Uint8Array;
  readonly history: ComputedHistory;

  /** Of each child: its values that roll-ups need, in their order; null where it does not have the metric. */
  readonly children: Map<EntityId, readonly (Part | null)[]>;
  /** By place of a rolled-up metric: how many of how many children it is of, where it lacks some. */
  readonly inputs: Map<number, Mark['inputs'] | null>;
  rollUpsChanged: boolean;
  startedMs: number;
  alarmViews: AlarmViews;
}

export function initialAsset(self: Self<AssetDefinition>): AssetState {
  return {
    decided: {
      alarms: new Map(),
      devices: new Map(),
      status: 'operational',
      orders: new Map(),
      maintainedAtMs: null,
      rules: NO_RULES,
    },
    live: createLive(self.id, self.definition),
  };
}

export function createLive(id: EntityId, definition: AssetDefinition): AssetLive {
  const layout = layoutOf(definition);
  const count = layout.metrics.length;
  const live: AssetLive = {
    layout,
    adopted: NO_RULES,
    holder: { id, site: definition.site, rules: definition.rules },
    owner: { name: definition.name, timeZone: definition.timeZone },
    plans: new Map(
      [...layout.slotsOf].map(([device, slots]) => [device, new FrameLayouts((points) => planFor(slots, points))]),
    ),
    slotTimeMs: new Float64Array(layout.slots.length).fill(Number.NaN),
    slotOf: new Int32Array(count).fill(-1),
    windows: layout.metrics.map((metric) =>
      metric.rollUp === undefined ? createWindows(windowSizesOf(metric)) : null,
    ),
    closed: {},
    windowsDueMs: 0,
    timers: createTimers(layout.rules.length),
    lookup: (name) => usableNumber(live, layout.placeOf.get(name) ?? -1),
    nowMs: 0,
    touched: new Uint8Array(count),
    history: new ComputedHistory(),
    children: new Map(),
    inputs: new Map(),
    rollUpsChanged: false,
    startedMs: Number.NaN,
    alarmViews: new AlarmViews(),
    // Last: what follows a spread is kept outside of the object, which cost 170 ns a reading (`test/bench/actors.ts`).
    ...createLiveValues(count),
  };
  return live;
}

export function windowSizesOf({ windows }: Metric): readonly number[] {
  return windows?.map((size) => WINDOW_MS[size]) ?? WINDOW_SIZES_MS;
}

/** A value that is there, is not BAD and is not stale by the clock of the turn. */
export function isUsable(live: AssetLive, place: number): boolean {
  return live.nowMs < (live.staleAtMs[place] ?? Number.NaN) && live.marks[place]?.quality !== 'BAD';
}

function usableNumber(live: AssetLive, place: number): number | null {
  if (!isUsable(live, place)) return null;
  const value = live.values[place];
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : null;
}

function planFor(slots: ReadonlyMap<string, readonly number[]>, points: readonly string[]): Int32Array {
  const pairs: number[] = [];
  points.forEach((point, reading) => {
    for (const slot of slots.get(point) ?? []) pairs.push(reading, slot);
  });
  return Int32Array.from(pairs);
}
