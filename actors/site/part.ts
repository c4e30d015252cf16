import type { View } from '../../runtime/actor-kind.ts';
import { type EntityId, kindOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { SiteDefinition } from '../../topology/plant.ts';
import { partOf } from '../quality/combined.ts';
import type { AlarmTally, SitePart } from './state.ts';

/** What a site takes from the view of one of its entities; null for what does not count. */
export function sitePartOf(id: EntityId, view: View, definition: SiteDefinition): SitePart | null {
  switch (kindOf(id)) {
    case 'asset':
      return {
        kind: 'asset',
        health: numberOf(view.props?.health),
        alarms: tally(view),
        figures: definition.keyFigures.map(({ metric }) => partOf(view, metric)),
      };
    case 'device':
      return { kind: 'device', connectivity: connectivityOf(view), alarms: tally(view) };
    case 'connection':
    case 'node':
      return { kind: 'system', alarms: tally(view) };
    case 'work-order': {
      const state = view.props?.state;
      return { kind: 'work-order', isOpen: typeof state === 'string' && state !== 'closed' && state !== 'cancelled' };
    }
    default:
      return null;
  }
}

function connectivityOf(view: View): 'online' | 'offline' | 'unknown' | 'decommissioned' {
  if (view.props?.decommissioned === true) return 'decommissioned';
  const state = view.props?.connectivity;
  return state === 'online' || state === 'offline' ? state : 'unknown';
}

function tally(view: View): AlarmTally {
  const counts = { unacknowledged: 0, active: 0, shelved: 0, critical: 0, high: 0, medium: 0, low: 0 };
  for (const entry of Object.values(view.alarms ?? {})) {
    const alarm = fieldsOf(entry);
    if (alarm === undefined) continue;
    const { detail, severity } = alarm;
    if (alarm.shelved !== null) counts.shelved++;
    if (alarm.state === 'SUPPRESSED' || detail === 'NORMAL') continue;
    if (detail !== 'RTN_UNACK') counts.active++;
    if (detail === 'ACTIVE_UNACK' || detail === 'RTN_UNACK' || detail === 'LATCHED_UNACK') counts.unacknowledged++;
    if (severity === 'CRITICAL') counts.critical++;
    else if (severity === 'HIGH') counts.high++;
    else if (severity === 'MEDIUM') counts.medium++;
    else if (severity === 'LOW') counts.low++;
  }
  return counts;
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : undefined;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
