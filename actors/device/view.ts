import type { DeviceView, Mark, WriteView } from '../views.ts';
import { type DeviceLayout, type DeviceState, isDecommissioned } from './state.ts';

export function deviceView({ decided, live }: DeviceState): DeviceView {
  const { layout } = live;
  return {
    props: propsOf({ decided, live }),
    ...readingsOf({ decided, live }),
    points: pointsOf(layout),
    alarms: live.alarmViews.listed(decided.alarms, live.holder),
    link: live.link,
    writes: Object.fromEntries(
      decided.writes.map(({ writeId, deadlineMs: _, ...write }) => [writeId, write]),
    ) as Record<string, WriteView>,
  };
}

function propsOf(state: DeviceState): DeviceView['props'] {
  const { decided, live } = state;
  const { definition } = live.layout;
  const { connectivity } = decided;
  return {
    name: definition.name,
    site: definition.site,
    connection: definition.connection,
    driver: definition.driver,
    serialNumber: definition.serialNumber ?? null,
    latitude: definition.place?.latitude ?? null,
    longitude: definition.place?.longitude ?? null,
    decommissioned: isDecommissioned(state),
    connectivity: connectivity.state,
    connectivityReason: connectivity.reason,
    connectivityDetail: connectivity.detail,
    lastConnectivityChangeMs: connectivity.sinceMs,
    lastSeenMs: orNull(live.lastSeenMs),
    linkedAssets: definition.linkedAssets,
    clockSkewMs: orNull(live.skewMs),
    rejected: live.rejected,
    gaps: live.gaps,
    frames: live.frames,
  };
}

function readingsOf({ live }: DeviceState): Pick<DeviceView, 'values' | 'times' | 'marks'> {
  const values: Record<string, DeviceView['values'][string]> = {};
  const times: Record<string, number> = {};
  const marks: Record<string, Mark> = {};
  live.layout.points.forEach(({ name }, place) => {
    const timeMs = live.timeMs[place] ?? Number.NaN;
    if (!Number.isNaN(timeMs)) {
      values[name] = live.values[place] ?? null;
      times[name] = timeMs;
    }
    const staleSinceMs = live.staleSinceMs[place] ?? Number.NaN;
    const mark = live.marks[place] ?? null;
    if (mark !== null && (mark.quality === 'BAD' || Number.isNaN(staleSinceMs))) marks[name] = mark;
    else if (!Number.isNaN(staleSinceMs))
      marks[name] = { quality: 'UNCERTAIN', reason: 'stale', sinceMs: staleSinceMs };
  });
  return { values, times, marks };
}

const pointViews = new WeakMap<DeviceLayout, DeviceView['points']>();

/** Changes only with the topology, so the same objects serve every view. */
function pointsOf(layout: DeviceLayout): DeviceView['points'] {
  let views = pointViews.get(layout);
  if (views === undefined) {
    views = Object.fromEntries(
      layout.points.map(({ name, title, unit, decimals, writable, range }) => {
        const min = range?.min ?? writable?.min ?? null;
        const max = range?.max ?? writable?.max ?? null;
        return [name, { title: title ?? name, unit, decimals, writable: writable !== undefined, min, max }];
      }),
    );
    pointViews.set(layout, views);
  }
  return views;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
