import type { AssetProfile, Link, Metric } from './schema/asset.ts';
import type { Place, Severity } from './schema/base.ts';
import type { Connection, Device, Point } from './schema/device.ts';
import type { ModbusDevice } from './schema/modbus.ts';
import type { MqttDevice } from './schema/mqtt.ts';
import type { OpcUaDevice } from './schema/opcua.ts';
import type { Rule } from './schema/rule.ts';
import type { Site, Topology } from './schema/topology.ts';
import type { WorkOrderTemplate } from './schema/work-order-template.ts';

/**
 * A checked topology file, resolved: profiles applied, children flattened, references turned into what they mean, defaults
 * filled in. Each definition stands alone, so that an entity needs nothing but its own and a change is found by comparison.
 */
export interface Plant {
  /** The cell that it is the part of; absent: the whole, or that of the centre. */
  readonly cell?: string;
  readonly organization: Topology['organization'];
  readonly simulated: boolean;
  readonly sites: ReadonlyMap<string, SiteDefinition>;
  readonly assets: ReadonlyMap<string, AssetDefinition>;
  readonly assetProfiles: ReadonlyMap<string, AssetProfile>;
  readonly devices: ReadonlyMap<string, DeviceDefinition>;
  readonly connections: ReadonlyMap<string, ConnectionDefinition>;
  readonly workOrderTemplates: ReadonlyMap<string, WorkOrderTemplate>;
  readonly roles: Topology['roles'];
  readonly retention: Topology['retention'];
}

export interface SiteDefinition extends Site {
  readonly organization: string;
  /** All assets of the site, top level first. */
  readonly assets: readonly string[];
  readonly devices: readonly string[];
  readonly simulated: boolean;
}

export interface AssetDefinition {
  readonly id: string;
  readonly name: string;
  readonly code?: string | undefined;
  readonly site: string;
  readonly siteName: string;
  readonly timeZone: string;
  readonly parent: string | null;
  readonly children: readonly string[];
  /** Names from the top of the site down to the parent. */
  readonly path: readonly string[];
  readonly level: number;
  /** Id of the asset profile that it is made from. */
  readonly profile: string | null;
  readonly type: string | null;
  readonly icon: string | null;
  readonly description?: string | undefined;
  readonly place?: Place | undefined;
  readonly tags: readonly string[];
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly lifecycle: 'planned' | 'commissioning' | 'in_service' | 'retired';
  readonly metrics: readonly Metric[];
  readonly rules: readonly Rule[];
  readonly links: readonly LinkDefinition[];
  readonly healthThresholds: AssetProfile['healthThresholds'];
  /** All of the file, shared: a rule that is made over the API may name any of them. */
  readonly workOrderTemplates: Readonly<Record<string, WorkOrderTemplate>>;
}

export interface LinkDefinition {
  readonly device: string;
  readonly port?: string | undefined;
  readonly role: Link['role'];
  readonly validFromMs: number | null;
  readonly validUntilMs: number | null;
  readonly mappings: readonly {
    readonly metric: string;
    readonly point: string;
    readonly scale: number;
    readonly offset: number;
    /** Of the point: how long without a reading before its value is stale. */
    readonly staleAfterMs: number;
  }[];
}

export interface DeviceDefinition {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly siteName: string;
  readonly timeZone: string;
  readonly connection: string;
  readonly driver: Connection['driver'];
  readonly profile: string | null;
  readonly description?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly place?: Place | undefined;
  readonly decommissioned: boolean;
  readonly expectedIntervalMs: number;
  readonly offlineAfterMs: number;
  /** The alarm of the device itself while it is lost; none where it is switched off, or a rule of an asset is that alarm. */
  readonly lostAlarm?: Exclude<Device['lostAlarm'], false> | null | undefined;
  /** `staleAfterMs` filled in. */
  readonly points: readonly (Point & { readonly staleAfterMs: number })[];
  readonly modbus?: ModbusDevice | undefined;
  readonly opcua?: OpcUaDevice | undefined;
  readonly mqtt?: MqttDevice | undefined;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Assets with a link to it. */
  readonly linkedAssets: readonly string[];
}

/** What one driver instance is started with: a link to the field and the devices on it. */
export interface ConnectionDefinition {
  readonly id: string;
  readonly name: string;
  readonly organization: string;
  readonly driver: Connection['driver'];
  readonly settings: Connection;
  readonly devices: readonly DeviceDefinition[];
  /** Devices that are lost together with the link, where one alarm stands for those on the loss of each; absent: none. */
  readonly groups?: readonly LinkGroup[] | undefined;
}

/** Devices on one connection and at one site, so that whoever looks after the site sees their alarm. */
export interface LinkGroup {
  /** Name of the entity that has the alarm, unique: the id of the connection at the site of its first device. */
  readonly id: string;
  readonly site: string;
  readonly devices: readonly string[];
  /** The most urgent, and the shortest, of the alarms that it stands for. */
  readonly severity: Severity;
  readonly delaySeconds: number;
}
