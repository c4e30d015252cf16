import { markOf, readingGroups } from '../live-values.ts';
import type { DeviceView, WriteView } from '../views.ts';
import { type DeviceLayout, type DeviceState, isDecommissioned } from './state.ts';

/** @param recorded what the journal has of it, where that is not all */
export function deviceView({ decided, live }: DeviceState, recorded?: DeviceState): DeviceView {
  const { layout } = live;
  return {
    props: propsOf({ decided, live }),
    ...readingGroups(live, layout.points, (place) => markOf(live, place)),
    points: pointsOf(layout),
    ...live.alarmViews.listed(decided.alarms, live.holder, recorded?.decided.alarms),
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
