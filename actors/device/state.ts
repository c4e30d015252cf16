import type { Self } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import { type AlarmBook, AlarmViews } from '../alarm/book.ts';
import { type CompiledRule, createTimers, type RuleOwner, type RuleTimers } from '../alarm/evaluate.ts';
import type { AlarmHolder } from '../alarm/view.ts';
import { FrameLayouts } from '../frame-layout.ts';
import { createLiveValues, type LiveValues } from '../live-values.ts';
import type { WriteView } from '../views.ts';
import { Admitted } from './admitted.ts';
import { CLOCK_RULES } from './clock.ts';
import { lostRuleOf } from './lost-rule.ts';

/** `decided` changes by events alone and is replaced; `live` follows from the readings and is changed in place. */
export interface DeviceState {
  readonly decided: DeviceDecided;
  readonly live: DeviceLive;
}

export interface DeviceDecided {
  readonly connectivity: {
    readonly state: 'online' | 'offline' | 'unknown';
    readonly reason: string;
    readonly detail: string | null;
    readonly sinceMs: number | null;
    /** Lost with its link: the entity whose alarm stands for that of the device. */
    readonly ofLink?: { readonly entity: string; readonly sinceMs: number };
  };
  readonly alarms: AlarmBook;
  readonly decommissioned: { readonly by: string; readonly reason: string; readonly atMs: number } | null;
  /** Newest last. */
  readonly writes: readonly Write[];
  /** Assets that were told of the connectivity. */
  readonly introducedTo: readonly string[];
}

export interface Write extends WriteView {
  readonly writeId: string;
  readonly deadlineMs: number;
}

/** Values by place of the point in the layout. */
export interface DeviceLive extends LiveValues {
  readonly layout: DeviceLayout;
  readonly layouts: FrameLayouts<FramePlan>;
  readonly holder: AlarmHolder;
  readonly owner: RuleOwner;
  readonly admitted: Admitted;
  readonly clock: RuleTimers;
  /** Newest usable frame, by our clock; NaN before the first. */
  lastSeenMs: number;
  /** Device time of the newest frame. */
  frameMs: number;
  skewMs: number;
  frames: number;
  gaps: number;
  gapsNotReported: number;
  gapReportedMs: number;
  /** Since it came up here: not part of a snapshot. */
  rejected: number;
  startedMs: number;
  /** Its readings do not get into the log since then; NaN while they do. */
  logAwaySinceMs: number;
  /** They do again since then; NaN: they always did. */
  logBackMs: number;
  link: Readonly<Record<string, Json>>;
  readonly alarmViews: AlarmViews;
}

export interface DeviceLayout {
  readonly definition: DeviceDefinition;
  readonly points: DeviceDefinition['points'];
  readonly placeOf: ReadonlyMap<string, number>;
  /** Of the device itself: its clock, and that it is lost. */
  readonly rules: readonly Rule[];
  readonly lostRule: CompiledRule | null;
}

/** Place in the layout of each reading of a frame; -1 where the device has no such point. */
export interface FramePlan {
  readonly places: Int32Array;
  /** Over the points that the device has. */
  readonly hash: number;
}

const layouts = new WeakMap<DeviceDefinition, DeviceLayout>();

export function layoutOf(definition: DeviceDefinition): DeviceLayout {
  let layout = layouts.get(definition);
  if (layout === undefined) {
    const { points } = definition;
    const lostRule = lostRuleOf(definition);
    layout = {
      definition,
      points,
      placeOf: new Map(points.map((point, place) => [point.name, place])),
      rules: lostRule === null ? CLOCK_RULES : [...CLOCK_RULES, lostRule.rule],
      lostRule,
    };
    layouts.set(definition, layout);
  }
  return layout;
}

export function initialDevice(self: Self<DeviceDefinition>): DeviceState {
  return {
    decided: {
      connectivity: { state: 'unknown', reason: 'not_heard_yet', detail: null, sinceMs: null },
      alarms: new Map(),
      decommissioned: null,
      writes: [],
      introducedTo: [],
    },
    live: createLive(self.id, self.definition),
  };
}

export function createLive(id: EntityId, definition: DeviceDefinition): DeviceLive {
  const layout = layoutOf(definition);
  const count = layout.points.length;
  return {
    layout,
    layouts: new FrameLayouts((points) => planFor(layout, points)),
    holder: { id, site: definition.site, rules: layout.rules },
    owner: { name: definition.name, timeZone: definition.timeZone },
    admitted: new Admitted(layout.points),
    clock: createTimers(layout.rules.length),
    lastSeenMs: Number.NaN,
    frameMs: Number.NaN,
    skewMs: Number.NaN,
    frames: 0,
    gaps: 0,
    gapsNotReported: 0,
    gapReportedMs: Number.NaN,
    rejected: 0,
    startedMs: Number.NaN,
    logAwaySinceMs: Number.NaN,
    logBackMs: Number.NaN,
    link: {},
    alarmViews: new AlarmViews(),
    // Last: what follows a spread is kept outside of the object, which cost 170 ns a reading (`test/bench/actors.ts`).
    ...createLiveValues(count),
  };
}

export function isDecommissioned({ decided, live }: DeviceState): boolean {
  return decided.decommissioned !== null || live.layout.definition.decommissioned;
}

function planFor(layout: DeviceLayout, points: readonly string[]): FramePlan {
  const places = new Int32Array(points.length);
  let hash = 0x811c9dc5;
  for (let i = 0; i < points.length; i++) {
    const name = points[i] ?? '';
    places[i] = layout.placeOf.get(name) ?? -1;
    if (places[i] === -1) continue;
    for (let c = 0; c < name.length; c++) hash = Math.imul(hash ^ name.charCodeAt(c), 0x01000193);
    hash = Math.imul(hash ^ 0x0a, 0x01000193);
  }
  return { places, hash: hash | 0 };
}
