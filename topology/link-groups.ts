import type { DeviceDefinition, LinkGroup } from './plant.ts';
import { Severity } from './schema/base.ts';

/** Fewer have no cause in common: what is lost is the device. */
const FEWEST = 2;

/**
 * The devices of a connection whose own alarms would all say the same when its link is lost, by site. A device without such an
 * alarm, or out of use, is in no group.
 *
 * @param isTaken whether a connection has this id
 */
export function linkGroups(
  connection: string,
  devices: readonly DeviceDefinition[],
  isTaken: (id: string) => boolean,
): LinkGroup[] {
  const home = devices[0]?.site;
  const bySite = new Map<string, DeviceDefinition[]>();
  for (const device of devices) {
    if (device.decommissioned || !device.lostAlarm) continue;
    const members = bySite.get(device.site);
    if (members) members.push(device);
    else bySite.set(device.site, [device]);
  }
  const groups: LinkGroup[] = [];
  for (const [site, members] of bySite) {
    const id = site === home ? connection : `${connection}.${site}`;
    // Rather one alarm for each device than one entity for two connections.
    if (members.length < FEWEST || (id !== connection && isTaken(id))) continue;
    groups.push({ id, site, devices: members.map((device) => device.id), ...mostUrgent(members) });
  }
  return groups;
}

function mostUrgent(members: readonly DeviceDefinition[]): Pick<LinkGroup, 'severity' | 'delaySeconds'> {
  const order = Severity.options;
  let severity: Severity = 'INFO';
  let delaySeconds = Number.POSITIVE_INFINITY;
  for (const { lostAlarm } of members) {
    if (!lostAlarm) continue;
    if (order.indexOf(lostAlarm.severity) < order.indexOf(severity)) severity = lostAlarm.severity;
    delaySeconds = Math.min(delaySeconds, lostAlarm.delaySeconds);
  }
  return { severity, delaySeconds };
}
