import type { AssembledAsset, AssembledDevice, AssembledLink, Assembly } from './assembly.ts';
import { type LossAlarm, linkGroups } from './link-groups.ts';
import type { AssetDefinition, ConnectionDefinition, DeviceDefinition, Plant, SiteDefinition } from './plant.ts';
import { HealthThresholds } from './schema/asset.ts';
import type { Connection, Point } from './schema/device.ts';
import { ModbusDevice } from './schema/modbus.ts';
import { MqttDevice } from './schema/mqtt.ts';
import { OpcUaDevice } from './schema/opcua.ts';
import type { Site, Topology } from './schema/topology.ts';

type Head = Pick<Topology, 'organization' | 'simulated' | 'roles' | 'retention'>;

/** Makes the plant of a file that has passed all checks; null when a reference is open all the same. */
export function resolvePlant(head: Head, assembly: Assembly): Plant | null {
  const devices = new Map<string, DeviceDefinition>();
  const linkedAssets = assetsByDevice(assembly);
  const told = lossAlarmsOfAssets(assembly);
  for (const assembled of assembly.devices) {
    const { site, connection } = assembled;
    if (site === null || connection === null) return null;
    const linked = linkedAssets.get(assembled.device.id) ?? [];
    const isTold = told.has(assembled.device.id);
    devices.set(assembled.device.id, resolveDevice(assembled, site.value, connection.value, linked, isTold));
  }
  const templates = Object.fromEntries(assembly.draft.workOrderTemplates.entries.map(({ value }) => [value.id, value]));
  const assets = new Map<string, AssetDefinition>();
  for (const assembled of assembly.assets) {
    if (assembled.site === null) return null;
    assets.set(assembled.asset.id, resolveAsset(assembled, assembled.site.value, templates));
  }
  return {
    organization: head.organization,
    simulated: head.simulated,
    sites: resolveSites(head, assembly),
    assets,
    assetProfiles: new Map(assembly.draft.assetProfiles.entries.map(({ value }) => [value.id, value])),
    devices,
    connections: resolveConnections(head, assembly, devices, told),
    workOrderTemplates: new Map(assembly.draft.workOrderTemplates.entries.map(({ value }) => [value.id, value])),
    roles: head.roles,
    retention: head.retention,
  };
}

function resolveSites(head: Head, assembly: Assembly): ReadonlyMap<string, SiteDefinition> {
  const assets = new Map<string, AssembledAsset[]>();
  for (const asset of assembly.assets) append(assets, asset.siteId ?? '', asset);
  const devices = new Map<string, string[]>();
  for (const { device } of assembly.devices) append(devices, device.site, device.id);
  const sites = new Map<string, SiteDefinition>();
  for (const { value: site } of assembly.draft.sites.entries) {
    const own = (assets.get(site.id) ?? []).sort((a, b) => a.level - b.level);
    sites.set(site.id, {
      ...site,
      organization: head.organization.id,
      simulated: head.simulated,
      assets: own.map(({ asset }) => asset.id),
      devices: devices.get(site.id) ?? [],
    });
  }
  return sites;
}

function resolveAsset(
  assembled: AssembledAsset,
  site: Site,
  workOrderTemplates: AssetDefinition['workOrderTemplates'],
): AssetDefinition {
  const { asset, profile, parent } = assembled;
  const path: string[] = [];
  for (let above = parent; above !== null; above = above.parent) path.unshift(above.asset.name);
  return {
    id: asset.id,
    name: asset.name,
    code: asset.code,
    site: site.id,
    siteName: site.name,
    timeZone: site.timeZone,
    parent: assembled.parentId,
    children: assembled.children.map((child) => child.asset.id),
    path,
    level: assembled.level,
    profile: asset.profile ?? null,
    type: asset.type ?? profile?.value.type ?? null,
    icon: profile?.value.icon ?? null,
    description: asset.description,
    place: asset.place,
    tags: asset.tags,
    attributes: { ...profile?.value.attributes, ...asset.attributes },
    lifecycle: asset.lifecycle,
    metrics: [...assembled.metrics.values()].map(({ value }) => value),
    rules: [...assembled.rules.values()].map(({ value }) => value),
    links: assembled.links.map(resolveLink),
    healthThresholds: profile?.value.healthThresholds ?? HealthThresholds.parse(undefined),
    workOrderTemplates,
  };
}

function resolveLink(assembled: AssembledLink): AssetDefinition['links'][number] {
  const { link, device, mappings, validFromMs, validUntilMs } = assembled;
  return {
    device: link.device,
    port: link.port,
    role: link.role,
    validFromMs,
    validUntilMs,
    mappings: mappings.map(({ metric, point, scale, offset }) => {
      const source = device?.points.get(point)?.value;
      const staleAfterMs = device && source ? staleAfter(device, source) : MIN_STALE_AFTER_MS;
      return { metric, point, scale, offset, staleAfterMs };
    }),
  };
}

function resolveDevice(
  assembled: AssembledDevice,
  site: Site,
  connection: Connection,
  linkedAssets: readonly string[],
  isToldByAsset: boolean,
): DeviceDefinition {
  const { device, profile } = assembled;
  const expectedIntervalMs = expectedInterval(assembled);
  const { driver } = connection;
  const modbus = driver === 'modbus' ? (device.modbus ?? ModbusDevice.parse({})) : undefined;
  return {
    id: device.id,
    name: device.name,
    site: site.id,
    siteName: site.name,
    timeZone: site.timeZone,
    connection: device.connection,
    driver,
    profile: device.profile ?? null,
    description: device.description,
    serialNumber: device.serialNumber,
    place: device.place,
    decommissioned: device.decommissioned,
    expectedIntervalMs,
    offlineAfterMs: device.offlineAfterMs ?? profile?.value.offlineAfterMs ?? Math.max(3000, 3 * expectedIntervalMs),
    lostAlarm: lostAlarmOf(assembled, isToldByAsset),
    points: [...assembled.points.values()].map(({ value: point }) => ({
      ...point,
      staleAfterMs: staleAfter(assembled, point),
    })),
    modbus,
    opcua: driver === 'opcua' ? (device.opcua ?? OpcUaDevice.parse({})) : undefined,
    mqtt: driver === 'mqtt' ? (device.mqtt ?? MqttDevice.parse({})) : undefined,
    attributes: device.attributes,
    linkedAssets,
  };
}

/** Alarms are suppressed while their device is lost, so something has to take their place unless somebody said otherwise. */
function lostAlarmOf({ device, profile }: AssembledDevice, isToldByAsset: boolean): DeviceDefinition['lostAlarm'] {
  const given = device.lostAlarm ?? profile?.value.lostAlarm;
  if (given !== undefined) return given === false ? null : given;
  return isToldByAsset ? null : { severity: 'HIGH', delaySeconds: 0 };
}

/**
 * Devices whose loss is an alarm of an asset that they feed, with those of the alarms that the one of their link can stand for:
 * not what calls a webhook or opens a work order, and not what is only information.
 */
function lossAlarmsOfAssets(assembly: Assembly): ReadonlyMap<string, readonly LossAlarm[]> {
  const alarms = new Map<string, LossAlarm[]>();
  for (const { rules, links } of assembly.assets) {
    for (const { value: rule } of rules.values()) {
      if (!rule.active || rule.when !== 'deviceLost') continue;
      const { severity, durationSeconds: delaySeconds, webhook, workOrder } = rule;
      const standsAlone = webhook !== undefined || workOrder !== undefined || severity === 'INFO';
      const devices = new Set(links.filter(({ link }) => link.role === 'primary').map(({ link }) => link.device));
      for (const device of devices) {
        if (!alarms.has(device)) alarms.set(device, []);
        if (!standsAlone) append(alarms, device, { severity, delaySeconds });
      }
    }
  }
  return alarms;
}

const DEFAULT_EXPECTED_MS = 1000;
const MIN_STALE_AFTER_MS = 2000;

function expectedInterval({ device, profile }: AssembledDevice): number {
  const given = device.expectedIntervalMs ?? profile?.value.expectedIntervalMs;
  return given ?? device.modbus?.pollMs ?? DEFAULT_EXPECTED_MS;
}

/** How often a point is expected; one that is polled slowly on purpose is not late between two polls. */
export function readingInterval(device: AssembledDevice, point: Point): number {
  return Math.max(expectedInterval(device), point.modbus?.pollMs ?? 0);
}

function staleAfter(device: AssembledDevice, point: Point): number {
  return point.staleAfterMs ?? Math.max(MIN_STALE_AFTER_MS, 2 * readingInterval(device, point));
}

function resolveConnections(
  head: Head,
  assembly: Assembly,
  devices: ReadonlyMap<string, DeviceDefinition>,
  told: ReadonlyMap<string, readonly LossAlarm[]>,
): ReadonlyMap<string, ConnectionDefinition> {
  const byConnection = new Map<string, DeviceDefinition[]>();
  for (const device of devices.values()) append(byConnection, device.connection, device);
  const ids = new Set(assembly.draft.connections.entries.map(({ value }) => value.id));
  return new Map(
    assembly.draft.connections.entries.map(({ value: settings }) => [
      settings.id,
      {
        id: settings.id,
        name: settings.name ?? settings.id,
        organization: head.organization.id,
        driver: settings.driver,
        settings,
        devices: byConnection.get(settings.id) ?? [],
        groups: linkGroups(settings.id, byConnection.get(settings.id) ?? [], told, (id) => ids.has(id)),
      },
    ]),
  );
}

function assetsByDevice(assembly: Assembly): ReadonlyMap<string, string[]> {
  const linked = new Map<string, string[]>();
  for (const { asset, links } of assembly.assets) {
    for (const device of new Set(links.map(({ link }) => link.device))) append(linked, device, asset.id);
  }
  return linked;
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
