import type { DeviceDefinition, LinkGroup } from './plant.ts';
import { Severity } from './schema/base.ts';

/** An alarm on the loss of a device: its own, or a rule of an asset that it feeds. */
export interface LossAlarm {
  readonly severity: Severity;
  readonly delaySeconds: number;
}

/** One alarm needs no other to stand for it. */
const FEWEST = 2;

/**
 * The devices of a connection that are lost together with its link, by site, where several alarms would all say so. A device
 * whose loss is no alarm, or that is out of use, is in no group.
 *
 * @param alarmsOfAssets on the loss of a device, by its id
 * @param isTaken whether a connection has this id
 */
export function linkGroups(
  connection: string,
  devices: readonly DeviceDefinition[],
  alarmsOfAssets: ReadonlyMap<string, readonly LossAlarm[]>,
  isTaken: (id: string) => boolean,
): LinkGroup[] {
  const home = devices[0]?.site;
  const bySite = new Map<string, { readonly devices: string[]; readonly alarms: LossAlarm[] }>();
  for (const { id, site, decommissioned, lostAlarm } of devices) {
    const alarms = [...(lostAlarm ? [lostAlarm] : []), ...(alarmsOfAssets.get(id) ?? [])];
    if (decommissioned || alarms.length === 0) continue;
    const members = bySite.get(site) ?? { devices: [], alarms: [] };
    bySite.set(site, members);
    members.devices.push(id);
    members.alarms.push(...alarms);
  }
  const groups: LinkGroup[] = [];
  for (const [site, members] of bySite) {
    const id = site === home ? connection : `${connection}.${site}`;
    // Rather one alarm for each device than one entity for two connections.
    if (members.alarms.length < FEWEST || (id !== connection && isTaken(id))) continue;
    groups.push({ id, site, devices: members.devices, ...mostUrgent(members.alarms) });
  }
  return groups;
}

function mostUrgent(alarms: readonly LossAlarm[]): LossAlarm {
  const order = Severity.options;
  let severity: Severity = 'INFO';
  let delaySeconds = Number.POSITIVE_INFINITY;
  for (const alarm of alarms) {
    if (order.indexOf(alarm.severity) < order.indexOf(severity)) severity = alarm.severity;
    delaySeconds = Math.min(delaySeconds, alarm.delaySeconds);
  }
  return { severity, delaySeconds };
}
