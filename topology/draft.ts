import type { z } from 'zod';
import { Asset, AssetProfile } from './schema/asset.ts';
import { Connection, Device, DeviceProfile } from './schema/device.ts';
import { Site, Topology } from './schema/topology.ts';
import { WorkOrderTemplate } from './schema/work-order-template.ts';
import { isRecord, schemaFaults, valueAt } from './schema-faults.ts';
import type { Path, Source } from './source.ts';

/** A part of the file that has the right form, and where it stands. */
export interface Entry<T> {
  readonly value: T;
  readonly path: Path;
}

/**
 * The file after the schema, before the references: a flat list of each kind. A part that the schema refuses is left out, so
 * that the checks can still say what is wrong with the rest; its id counts as known, and what depends on it is not judged.
 */
export interface Draft {
  /** Null when the head of the file is refused; then the file is refused anyway. */
  readonly head: Pick<Topology, 'organization' | 'simulated' | 'roles' | 'retention'> | null;
  readonly sites: Section<Site>;
  readonly assetProfiles: Section<AssetProfile>;
  readonly assets: Section<Asset, AssetEntry>;
  readonly deviceProfiles: Section<DeviceProfile>;
  readonly connections: Section<Connection>;
  readonly devices: Section<Device>;
  readonly workOrderTemplates: Section<WorkOrderTemplate>;
}

export interface AssetEntry extends Entry<Asset> {
  /** Id of the asset whose `children` it stands in. */
  readonly listedUnder: string | null;
}

export class Section<T extends { readonly id: string }, E extends Entry<T> = Entry<T>> {
  /** Word for messages: `asset profile`. */
  readonly word: string;
  readonly entries: E[] = [];
  readonly byId = new Map<string, E>();
  /** Ids of parts that the schema refused. */
  readonly refused = new Set<string>();

  constructor(word: string) {
    this.word = word;
  }

  add(entry: E): void {
    this.entries.push(entry);
    if (!this.byId.has(entry.value.id)) this.byId.set(entry.value.id, entry);
  }

  /** True for parts that stand in the file, whether or not they are usable. */
  has(id: string): boolean {
    return this.byId.has(id) || this.refused.has(id);
  }

  *ids(): Iterable<string> {
    yield* this.byId.keys();
    yield* this.refused;
  }
}

export function draftOf(raw: unknown, source: Source): Draft {
  const parsed = Topology.safeParse(raw);
  if (parsed.success) return draftOfValid(parsed.data);
  for (const fault of schemaFaults(Topology, raw, parsed.error.issues)) source.report(fault);
  return draftOfRefused(withoutUnknownKeys(raw, parsed.error.issues));
}

function emptyDraft(head: Draft['head']): Draft {
  return {
    head,
    sites: new Section('site'),
    assetProfiles: new Section('asset profile'),
    assets: new Section('asset'),
    deviceProfiles: new Section('device profile'),
    connections: new Section('connection'),
    devices: new Section('device'),
    workOrderTemplates: new Section('work-order template'),
  };
}

function draftOfValid(topology: Topology): Draft {
  const draft = emptyDraft(topology);
  for (const [index, value] of topology.sites.entries()) draft.sites.add({ value, path: ['sites', index] });
  for (const [index, value] of topology.assetProfiles.entries()) {
    draft.assetProfiles.add({ value, path: ['assetProfiles', index] });
  }
  for (const [index, value] of topology.deviceProfiles.entries()) {
    draft.deviceProfiles.add({ value, path: ['deviceProfiles', index] });
  }
  for (const [index, value] of topology.connections.entries()) {
    draft.connections.add({ value, path: ['connections', index] });
  }
  for (const [index, value] of topology.devices.entries()) draft.devices.add({ value, path: ['devices', index] });
  for (const [index, value] of topology.workOrderTemplates.entries()) {
    draft.workOrderTemplates.add({ value, path: ['workOrderTemplates', index] });
  }
  addAssets(draft, topology.assets, ['assets'], null);
  return draft;
}

function addAssets(draft: Draft, assets: readonly Asset[], path: Path, listedUnder: string | null): void {
  for (const [index, value] of assets.entries()) {
    const at = [...path, index];
    draft.assets.add({ value, path: at, listedUnder });
    if (value.children.length > 0) addAssets(draft, value.children, [...at, 'children'], value.id);
  }
}

function draftOfRefused(raw: unknown): Draft {
  const head = Topology.pick({ organization: true, simulated: true, roles: true, retention: true }).safeParse(
    isRecord(raw)
      ? Object.fromEntries(
          ['organization', 'simulated', 'roles', 'retention'].flatMap((key) => (key in raw ? [[key, raw[key]]] : [])),
        )
      : {},
  );
  const draft = emptyDraft(head.success ? head.data : null);
  addUsable(draft.sites, Site, raw, 'sites');
  addUsable(draft.assetProfiles, AssetProfile, raw, 'assetProfiles');
  addUsable(draft.deviceProfiles, DeviceProfile, raw, 'deviceProfiles');
  addUsable(draft.connections, Connection, raw, 'connections');
  addUsable(draft.devices, Device, raw, 'devices');
  addUsable(draft.workOrderTemplates, WorkOrderTemplate, raw, 'workOrderTemplates');
  addUsableAssets(draft, valueAt(raw, ['assets']), ['assets'], null);
  return draft;
}

function addUsable<T extends { id: string }>(
  section: Section<T>,
  schema: z.ZodType<T>,
  raw: unknown,
  key: string,
): void {
  const list = valueAt(raw, [key]);
  if (!Array.isArray(list)) return;
  for (const [index, item] of list.entries()) {
    const parsed = schema.safeParse(item);
    if (parsed.success) section.add({ value: parsed.data, path: [key, index] });
    else if (isRecord(item) && typeof item.id === 'string') section.refused.add(item.id);
  }
}

function addUsableAssets(draft: Draft, list: unknown, path: Path, listedUnder: string | null): void {
  if (!Array.isArray(list)) return;
  for (const [index, item] of list.entries()) {
    if (!isRecord(item)) continue;
    const parsed = Asset.safeParse({ ...item, children: [] });
    const id = typeof item.id === 'string' ? item.id : null;
    if (parsed.success) draft.assets.add({ value: parsed.data, path: [...path, index], listedUnder });
    else if (id !== null) draft.assets.refused.add(id);
    addUsableAssets(draft, item.children, [...path, index, 'children'], id);
  }
}

/** An unknown key has been told; without it the part around it can still be checked. */
function withoutUnknownKeys(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy = structuredClone(raw);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const owner = valueAt(
      copy,
      issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
    );
    if (isRecord(owner)) for (const key of issue.keys) delete owner[key];
  }
  return copy;
}
