import type { SiteView } from '../views.ts';
import { keyOf } from './figures.ts';
import type { AlarmTally, SiteState } from './state.ts';

export function siteView(state: SiteState): SiteView {
  return { props: propsOf(state), ...state.figures, figures: describeFigures(state) };
}

function propsOf({ definition, parts }: SiteState): SiteView['props'] {
  const sum = { unacknowledged: 0, active: 0, shelved: 0, critical: 0, high: 0, medium: 0, low: 0 };
  const devices = { online: 0, offline: 0, unknown: 0, decommissioned: 0 };
  const health: number[] = [];
  let abnormal = 0;
  let openWorkOrders = 0;
  let heard = 0;
  for (const part of parts.values()) {
    if (part.kind === 'work-order') {
      if (part.isOpen) openWorkOrders++;
      continue;
    }
    add(sum, part.alarms);
    if (part.kind === 'system') continue;
    if (part.kind === 'device') {
      devices[part.connectivity]++;
      heard++;
      continue;
    }
    if (part.health !== null) health.push(part.health);
    if (part.alarms.active + part.alarms.unacknowledged > 0) abnormal++;
  }
  return {
    name: definition.name,
    timeZone: definition.timeZone,
    latitude: definition.place?.latitude ?? null,
    longitude: definition.place?.longitude ?? null,
    simulated: definition.simulated,
    healthWorst: health.length === 0 ? null : health.reduce((worst, value) => Math.min(worst, value)),
    health: health.length === 0 ? null : Math.round(health.reduce((total, value) => total + value, 0) / health.length),
    assets: definition.assets.length,
    assetsAbnormal: abnormal,
    devices: definition.devices.length - devices.decommissioned,
    devicesOnline: devices.online,
    devicesOffline: devices.offline,
    // Those that have not shown themselves yet are unknown too.
    devicesUnknown: devices.unknown + Math.max(0, definition.devices.length - heard),
    openWorkOrders,
    alarmsUnacknowledged: sum.unacknowledged,
    alarmsActive: sum.active,
    alarmsShelved: sum.shelved,
    alarmsCritical: sum.critical,
    alarmsHigh: sum.high,
    alarmsMedium: sum.medium,
    alarmsLow: sum.low,
  };
}

function add(sum: { -readonly [Key in keyof AlarmTally]: number }, tally: AlarmTally): void {
  sum.unacknowledged += tally.unacknowledged;
  sum.active += tally.active;
  sum.shelved += tally.shelved;
  sum.critical += tally.critical;
  sum.high += tally.high;
  sum.medium += tally.medium;
  sum.low += tally.low;
}

function describeFigures({ definition }: SiteState): SiteView['figures'] {
  return Object.fromEntries(
    definition.keyFigures.map((figure) => {
      const { title, unit, decimals, function: how } = figure;
      return [keyOf(figure), { title, unit, decimals, function: how }];
    }),
  );
}
