import type { ConnectionDefinition, Plant } from '../../topology/plant.ts';
import { SYSTEM_RULES } from './rules.ts';
import type { SystemDefinition } from './state.ts';

/** The holders of the alarms of a connection, by name: itself, and one for each further site that has a group of devices on it. */
export function connectionSystems(connection: ConnectionDefinition, plant: Plant): Map<string, SystemDefinition> {
  const { id, name, groups = [] } = connection;
  const own: SystemDefinition = {
    name,
    ...placeOf(connection.devices[0]?.site, plant),
    rules: SYSTEM_RULES.connection,
    group: groups.find((group) => group.id === id) ?? null,
    certificateWarningDays: warningDaysOf(connection),
  };
  const systems = new Map([[id, own]]);
  for (const group of groups) {
    if (group.id === id) continue;
    const place = placeOf(group.site, plant);
    systems.set(group.id, { name, ...place, rules: [], group, certificateWarningDays: null });
  }
  return systems;
}

/** What the connections have in common is watched as the most careful of them wants it. */
export function nodeSystem(name: string, plant: Plant): SystemDefinition {
  const days = [...plant.connections.values()].map(warningDaysOf).filter((of) => of !== null);
  return {
    name,
    ...placeOf(undefined, plant),
    rules: SYSTEM_RULES.node,
    group: null,
    certificateWarningDays: days.length === 0 ? null : Math.max(...days),
  };
}

function placeOf(site: string | undefined, plant: Plant): Pick<SystemDefinition, 'site' | 'timeZone'> {
  const [first] = plant.sites.values();
  const place = (site === undefined ? undefined : plant.sites.get(site)) ?? first;
  return { site: place?.id ?? '', timeZone: place?.timeZone ?? plant.organization.timeZone };
}

/** Null: its links use no certificates. */
function warningDaysOf({ settings }: ConnectionDefinition): number | null {
  if (settings.driver !== 'opcua' || settings.security.policy === 'None') return null;
  return settings.certificateWarningDays;
}
