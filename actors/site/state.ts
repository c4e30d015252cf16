import type { Self } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { SiteDefinition } from '../../topology/plant.ts';
import type { Part } from '../quality/combined.ts';
import { type Figures, keyOf } from './figures.ts';

/** All live: a site is what its assets, devices and work orders are. Nothing of it is journaled or kept in a snapshot. */
export interface SiteState {
  readonly definition: SiteDefinition;
  readonly parts: Map<EntityId, SitePart>;
  /** Of the newest views. */
  figures: Figures;
}

/** What one entity adds to its site. */
export type SitePart = AssetPart | DevicePart | SystemPart | OrderPart;

export interface AssetPart {
  readonly kind: 'asset';
  readonly health: number | null;
  readonly alarms: AlarmTally;
  /** By place of the site's key figures; null where it does not have the metric. */
  readonly figures: readonly (Part | null)[];
}

export interface DevicePart {
  readonly kind: 'device';
  readonly connectivity: 'online' | 'offline' | 'unknown' | 'decommissioned';
  readonly alarms: AlarmTally;
}

/** A connection, or the node. */
export interface SystemPart {
  readonly kind: 'system';
  readonly alarms: AlarmTally;
}

export interface OrderPart {
  readonly kind: 'work-order';
  readonly isOpen: boolean;
}

export interface AlarmTally {
  readonly unacknowledged: number;
  readonly active: number;
  readonly shelved: number;
  readonly critical: number;
  readonly high: number;
  readonly medium: number;
  readonly low: number;
}

export function initialSite({ definition }: Self<SiteDefinition>): SiteState {
  const values = Object.fromEntries(definition.keyFigures.map((figure) => [keyOf(figure), null]));
  return { definition, parts: new Map(), figures: { values, marks: {} } };
}
