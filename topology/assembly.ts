import type { AssetEntry, Draft, Entry } from './draft.ts';
import type { Asset, AssetProfile, Link, Metric } from './schema/asset.ts';
import type { Connection, Device, DeviceProfile, Point } from './schema/device.ts';
import type { Rule } from './schema/rule.ts';
import type { Site } from './schema/topology.ts';
import type { WorkOrderTemplate } from './schema/work-order-template.ts';

/**
 * The draft with its references followed and its profiles applied. Checks look at it, and the plant is made from it, so that
 * both mean the same. What does not resolve is null here and reported by the check of references.
 */
export interface Assembly {
  readonly draft: Draft;
  readonly assets: readonly AssembledAsset[];
  readonly assetsById: ReadonlyMap<string, AssembledAsset>;
  readonly devices: readonly AssembledDevice[];
  readonly devicesById: ReadonlyMap<string, AssembledDevice>;
  readonly templates: ReadonlyMap<string, Entry<WorkOrderTemplate>>;
}

export interface AssembledAsset {
  readonly entry: AssetEntry;
  readonly asset: Asset;
  readonly parentId: string | null;
  readonly profile: Entry<AssetProfile> | null;
  /** Something that it is made from was refused: what it lacks says nothing. */
  readonly incomplete: boolean;
  /** Of the profile, then its own; one of its own replaces one of the profile. Shared by assets that add nothing. */
  readonly metrics: ReadonlyMap<string, Entry<Metric>>;
  readonly rules: ReadonlyMap<string, Entry<Rule>>;
  readonly links: readonly AssembledLink[];
  /** Filled in by following the parents; empty for a cycle. */
  parent: AssembledAsset | null;
  readonly children: AssembledAsset[];
  site: Entry<Site> | null;
  siteId: string | null;
  level: number;
}

export interface AssembledLink {
  readonly link: Link;
  readonly entry: Entry<Link>;
  readonly device: AssembledDevice | null;
  readonly validFromMs: number | null;
  readonly validUntilMs: number | null;
  readonly mappings: readonly Mapping[];
}

export interface Mapping {
  readonly metric: string;
  readonly point: string;
  readonly scale: number;
  readonly offset: number;
  readonly at: Entry<unknown>['path'];
}

export interface AssembledDevice {
  readonly entry: Entry<Device>;
  readonly device: Device;
  readonly profile: Entry<DeviceProfile> | null;
  readonly connection: Entry<Connection> | null;
  readonly site: Entry<Site> | null;
  readonly incomplete: boolean;
  readonly points: ReadonlyMap<string, Entry<Point>>;
}

export function assemble(draft: Draft): Assembly {
  const pointsOf = new Map<string, ReadonlyMap<string, Entry<Point>>>();
  for (const { value, path } of draft.deviceProfiles.entries)
    pointsOf.set(value.id, byKey(value.points, path, 'points', nameOf));
  const devices = draft.devices.entries.map((entry) => assembleDevice(draft, entry, pointsOf));
  const devicesById = firstById(devices, (device) => device.device.id);

  const ofProfile = new Map<string, ProfileParts>();
  for (const { value, path } of draft.assetProfiles.entries) {
    ofProfile.set(value.id, {
      metrics: byKey(value.metrics, path, 'metrics', nameOf),
      rules: byKey(value.rules, path, 'rules', idOf),
    });
  }
  const assets = draft.assets.entries.map((entry) => assembleAsset(draft, entry, ofProfile, devicesById));
  const assetsById = firstById(assets, (asset) => asset.asset.id);
  for (const asset of assets) {
    const parent = asset.parentId === null ? null : (assetsById.get(asset.parentId) ?? null);
    asset.parent = parent;
    parent?.children.push(asset);
  }
  for (const asset of assets) place(asset, draft);
  return { draft, assets, assetsById, devices, devicesById, templates: draft.workOrderTemplates.byId };
}

interface ProfileParts {
  readonly metrics: ReadonlyMap<string, Entry<Metric>>;
  readonly rules: ReadonlyMap<string, Entry<Rule>>;
}

const NO_PARTS: ProfileParts = { metrics: new Map(), rules: new Map() };

function assembleDevice(
  draft: Draft,
  entry: Entry<Device>,
  pointsOf: ReadonlyMap<string, ReadonlyMap<string, Entry<Point>>>,
): AssembledDevice {
  const device = entry.value;
  const ofProfile = device.profile === undefined ? undefined : pointsOf.get(device.profile);
  return {
    entry,
    device,
    profile: device.profile === undefined ? null : (draft.deviceProfiles.byId.get(device.profile) ?? null),
    connection: draft.connections.byId.get(device.connection) ?? null,
    site: draft.sites.byId.get(device.site) ?? null,
    incomplete: device.profile !== undefined && ofProfile === undefined,
    points: merge(ofProfile ?? new Map(), byKey(device.points, entry.path, 'points', nameOf)),
  };
}

function assembleAsset(
  draft: Draft,
  entry: AssetEntry,
  ofProfile: ReadonlyMap<string, ProfileParts>,
  devices: ReadonlyMap<string, AssembledDevice>,
): AssembledAsset {
  const asset = entry.value;
  const parts = asset.profile === undefined ? NO_PARTS : ofProfile.get(asset.profile);
  const metrics = merge(parts?.metrics ?? NO_PARTS.metrics, byKey(asset.metrics, entry.path, 'metrics', nameOf));
  const rules = merge(parts?.rules ?? NO_PARTS.rules, byKey(asset.rules, entry.path, 'rules', idOf));
  return {
    entry,
    asset,
    parentId: entry.listedUnder ?? asset.parent ?? null,
    profile: asset.profile === undefined ? null : (draft.assetProfiles.byId.get(asset.profile) ?? null),
    incomplete: parts === undefined,
    metrics,
    rules,
    links: asset.links.map((link, index) => assembleLink(link, [...entry.path, 'links', index], metrics, devices)),
    parent: null,
    children: [],
    site: null,
    siteId: null,
    level: 0,
  };
}

function assembleLink(
  link: Link,
  path: Entry<Link>['path'],
  metrics: ReadonlyMap<string, Entry<Metric>>,
  devices: ReadonlyMap<string, AssembledDevice>,
): AssembledLink {
  const device = devices.get(link.device) ?? null;
  const mappings: Mapping[] = [];
  if (link.metrics !== undefined) {
    for (const [metric, target] of Object.entries(link.metrics)) {
      const at = [...path, 'metrics', metric];
      if (typeof target === 'string') mappings.push({ metric, point: target, scale: 1, offset: 0, at });
      else mappings.push({ metric, ...target, at });
    }
  } else if (device) {
    for (const [name, metric] of metrics) {
      // A computed metric keeps its formula, whatever a device calls its points.
      if (!device.points.has(name) || metric.value.formula !== undefined || metric.value.rollUp !== undefined) continue;
      mappings.push({ metric: name, point: name, scale: 1, offset: 0, at: [...path, 'device'] });
    }
  }
  return {
    link,
    entry: { value: link, path },
    device,
    validFromMs: link.validFrom === undefined ? null : Date.parse(link.validFrom),
    validUntilMs: link.validUntil === undefined ? null : Date.parse(link.validUntil),
    mappings,
  };
}

/** Site and level come from the top; a cycle has no top and leaves both empty. */
function place(asset: AssembledAsset, draft: Draft): void {
  const chain: AssembledAsset[] = [];
  const seen = new Set<AssembledAsset>();
  let current: AssembledAsset | null = asset;
  while (current !== null && current.level === 0 && !seen.has(current)) {
    seen.add(current);
    chain.push(current);
    current = current.parent;
  }
  if (current !== null && current.level === 0) return;
  for (const member of chain.reverse()) {
    member.level = (member.parent?.level ?? 0) + 1;
    member.siteId = member.parent?.siteId ?? member.asset.site ?? null;
    member.site = member.siteId === null ? null : (draft.sites.byId.get(member.siteId) ?? null);
  }
}

function byKey<T>(
  values: readonly T[],
  path: Entry<T>['path'],
  list: string,
  keyOf: (value: T) => string,
): ReadonlyMap<string, Entry<T>> {
  const map = new Map<string, Entry<T>>();
  for (const [index, value] of values.entries()) map.set(keyOf(value), { value, path: [...path, list, index] });
  return map;
}

function merge<T>(base: ReadonlyMap<string, T>, own: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  if (own.size === 0) return base;
  return base.size === 0 ? own : new Map([...base, ...own]);
}

function firstById<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const value of values) if (!map.has(keyOf(value))) map.set(keyOf(value), value);
  return map;
}

function nameOf(value: { readonly name: string }): string {
  return value.name;
}

function idOf(value: { readonly id: string }): string {
  return value.id;
}
