import type { AlarmView, AssetView } from '../../actors/views.ts';
import type { Scene } from './wall-scene.ts';

/** What a client of the fixture server subscribed to. */
export interface Interest {
  readonly topic: string;
  readonly ids: ReadonlySet<string> | null;
  readonly site: string | null;
  readonly fields: readonly string[] | null;
}

/** What the snapshot of a subscription holds. */
export function itemsOf(scene: Scene, interest: Interest): unknown[] {
  if (interest.topic === 'alarms') return [...scene.alarms.values()];
  const all: Readonly<Record<string, ReadonlyMap<string, object>>> = {
    sites: scene.sites,
    assets: scene.assets,
    devices: scene.devices,
    workorders: scene.orders,
  };
  const items: unknown[] = [];
  for (const [id, view] of all[interest.topic] ?? []) {
    if (!(interest.ids?.has(id) ?? true)) continue;
    const props = 'props' in view ? view.props : {};
    if (
      interest.site !== null &&
      (typeof props !== 'object' || props === null || !('site' in props) || props.site !== interest.site)
    )
      continue;
    items.push(project({ id, ...view }, interest.fields));
  }
  return items;
}

/** A made-up curve that ends in the value as it is now; the shape of `GET /api/v1/telemetry`. */
export function historyOf(scene: Scene, query: URLSearchParams, nowMs: number): object {
  const start = Date.parse(query.get('start') ?? '');
  const end = Math.min(Date.parse(query.get('end') ?? ''), nowMs);
  const aggregation = query.get('aggregation') ?? 'none';
  const stepMs = { none: 5000, '1m': 60_000, '5m': 300_000, '1h': 3_600_000 }[aggregation] ?? 5000;
  const asset = scene.assets.get(query.get('asset') ?? '');
  const now = Number(asset?.values[query.get('metricKey') ?? ''] ?? 0);
  const items = [];
  for (let timeMs = Math.ceil(start / stepMs) * stepMs; timeMs < end; timeMs += stepMs) {
    const back = (end - timeMs) / (end - start);
    const value = now * (1 - 0.25 * back) + now * 0.05 * Math.sin(timeMs / (stepMs * 23)) * Math.min(1, back * 5);
    items.push(
      aggregation === 'none'
        ? { timeMs, value, quality: 'GOOD' }
        : { startMs: timeMs, endMs: timeMs + stepMs, avg: value, min: value * 0.94, max: value * 1.05 },
    );
  }
  return { items, total: null, next: null };
}

export interface Change {
  readonly values?: object;
  readonly times?: object;
  readonly received?: object;
  readonly marks?: object;
  readonly props?: object;
}

/** A view after a change; a mark that is null went away. */
export function merged<
  V extends Pick<AssetView, 'values' | 'times' | 'received' | 'marks'> & { readonly props: object },
>(view: V, change: Change): V {
  const marks = Object.fromEntries(
    Object.entries({ ...view.marks, ...change.marks }).filter(([, mark]) => mark !== null),
  );
  return {
    ...view,
    props: { ...view.props, ...change.props },
    values: { ...view.values, ...change.values },
    times: { ...view.times, ...change.times },
    received: { ...view.received, ...change.received },
    marks,
  };
}

/** Of a view the fields that were asked for, as the product's value lane gives them. */
export function project(
  item: { id: string; [group: string]: unknown },
  fields: readonly string[] | null,
): Record<string, unknown> {
  if (fields === null) return item;
  const projected: Record<string, Record<string, unknown>> = {};
  for (const path of fields) {
    const [name = '', key] = path.split('.');
    const group = item[name];
    if (typeof group !== 'object' || group === null) continue;
    if (key === undefined) projected[name] = { ...group };
    else if (key in group)
      projected[name] = { ...projected[name], [key]: Object.entries(group).find(([k]) => k === key)?.[1] };
  }
  return { id: item.id, ...projected };
}

/** An alarm after a command, as far as the tests need it; undefined: not in a state for that. */
export function carriedOut(alarm: AlarmView, command: Record<string, unknown>, nowMs: number): AlarmView | undefined {
  switch (command.kind) {
    case 'AcknowledgeAlarm': {
      const next = { ACTIVE_UNACK: 'ACTIVE_ACK', RTN_UNACK: 'NORMAL', LATCHED_UNACK: 'LATCHED_ACK' } as const;
      if (alarm.detail !== 'ACTIVE_UNACK' && alarm.detail !== 'RTN_UNACK' && alarm.detail !== 'LATCHED_UNACK')
        return undefined;
      return {
        ...alarm,
        detail: next[alarm.detail],
        state: 'ACKNOWLEDGED',
        acknowledgedBy: 'olga',
        acknowledgedAtMs: nowMs,
      };
    }
    case 'ShelveAlarm':
      return {
        ...alarm,
        state: 'SUPPRESSED',
        shelved: {
          untilMs: nowMs + Number(command.durationMs),
          by: 'olga',
          reason: String(command.reason),
          atMs: nowMs,
        },
      };
    case 'UnshelveAlarm':
      return { ...alarm, state: 'ACTIVE', shelved: null };
    case 'CommentAlarm':
      return { ...alarm, comments: [...alarm.comments, { atMs: nowMs, by: 'olga', text: String(command.text) }] };
    default:
      return undefined;
  }
}
