import {
  ASSET_FIELDS,
  DEVICE_FIELDS,
  SITE_FIELDS,
  SYSTEM_FIELDS,
  type ViewFields,
  WORK_ORDER_FIELDS,
} from '../http/view-fields.ts';
import type { Topic } from './protocol.ts';
import type { Subscription } from './selection.ts';

/** Alarms and events come whole. */
const FIELDS: Readonly<Record<Topic, ViewFields | null>> = {
  sites: SITE_FIELDS,
  assets: ASSET_FIELDS,
  devices: DEVICE_FIELDS,
  connections: SYSTEM_FIELDS,
  nodes: SYSTEM_FIELDS,
  workorders: WORK_ORDER_FIELDS,
  alarms: null,
  events: null,
};

const OF_EVENTS = ['severity', 'kinds', 'entity'] as const;

/** What a subscription asks for that its topic does not have; it would be answered with nothing, and nobody would know why. */
export function subscriptionProblem({
  topic,
  filter,
  fields,
}: Subscription): { readonly field: string; readonly message: string } | undefined {
  const known = FIELDS[topic];
  if (known === null) {
    return fields === undefined ? undefined : { field: 'fields', message: `${topic} come whole, without fields` };
  }
  const foreign = OF_EVENTS.find((name) => filter[name] !== undefined);
  if (foreign !== undefined)
    return {
      field: `filter.${foreign}`,
      message: `${topic} are filtered by ids and site; by ${foreign} only alarms and events are`,
    };
  for (const [index, path] of (fields ?? []).entries()) {
    const message = known.problemOfPath(path);
    if (message !== undefined) return { field: `fields.${index}`, message };
  }
  return undefined;
}
