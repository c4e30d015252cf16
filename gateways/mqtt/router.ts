import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import type { MqttConnection, TopicTemplate } from '../../topology/schema/mqtt.ts';
import { compileTopic, type TopicNames, type TopicPattern } from '../../topology/syntax/topic-pattern.ts';
import type { DriverCode } from '../driver-codes.ts';
import { type DevicePoints, devicePoints, type PointReader } from './device-points.ts';

/** What a topic means: decided once a topic, then remembered. */
export type Route =
  | {
      readonly kind: 'readings';
      readonly template: TopicTemplate;
      /** Null: the payload says which device it is of. */
      readonly points: DevicePoints | null;
      /** The point that the topic names. */
      readonly reader: PointReader | null;
    }
  | { readonly kind: 'status'; readonly device: string }
  | { readonly kind: 'refused'; readonly code: DriverCode; readonly reason: string };

export interface Router {
  /** What to subscribe to for readings. */
  readonly filters: readonly string[];
  readonly statusFilter: string | null;
  route(topic: string): Route;
  /** The device that a payload names, by its id, its name in topics or an asset that it is linked to. */
  deviceNamed(name: string): DevicePoints | undefined;
}

/** More topics than that are taken apart anew; a flood of made-up topics must not fill the memory. */
const CACHE_LIMIT = 100_000;

export function createRouter(definition: ConnectionDefinition, settings: MqttConnection): Router {
  const templates = settings.topics.map((template) => ({ template, pattern: compileTopic(template.topic) }));
  const status = settings.statusTopic === undefined ? undefined : compileTopic(settings.statusTopic);
  const devices = new DeviceIndex(definition);
  const cache = new Map<string, Route>();

  const find = (topic: string): Route => {
    const asStatus = status?.match(topic);
    if (asStatus !== undefined) return statusRoute(devices, asStatus);
    for (const { template, pattern } of templates) {
      const names = pattern.match(topic);
      if (names !== undefined) return readingsRoute(devices, template, pattern, names);
    }
    return refused('mqtt_unknown_topic', 'the topic fits no template of the connection');
  };

  return {
    filters: [...new Set(templates.map(({ pattern }) => pattern.filter))],
    statusFilter: status?.filter ?? null,
    route(topic) {
      const known = cache.get(topic);
      if (known !== undefined) return known;
      const route = find(topic);
      if (cache.size >= CACHE_LIMIT) cache.clear();
      cache.set(topic, route);
      return route;
    },
    deviceNamed: (name) => devices.named(name)?.points,
  };
}

interface Indexed {
  readonly definition: DeviceDefinition;
  readonly points: DevicePoints;
}

class DeviceIndex {
  readonly organization: string;
  readonly all: readonly Indexed[];
  readonly #byTopicName: ReadonlyMap<string, Indexed>;

  constructor(definition: ConnectionDefinition) {
    this.organization = definition.organization;
    this.all = definition.devices.map((device) => ({ definition: device, points: devicePoints(device) }));
    this.#byTopicName = new Map(
      this.all.map((device) => [device.definition.mqtt?.topicName ?? device.definition.id, device]),
    );
  }

  byTopicName(name: string): Indexed | undefined {
    return this.#byTopicName.get(name);
  }

  ofAsset(asset: string): readonly Indexed[] {
    const same = this.#byTopicName.get(asset);
    return same ? [same] : this.all.filter((device) => device.definition.linkedAssets.includes(asset));
  }

  named(name: string): Indexed | undefined {
    const candidates = this.ofAsset(name);
    return candidates.length === 1 ? candidates[0] : this.all.find((device) => device.definition.id === name);
  }
}

function statusRoute(devices: DeviceIndex, names: TopicNames): Route {
  const device = names.device === undefined ? undefined : devices.byTopicName(names.device);
  if (device === undefined) return refused('unknown_device', `no device ${names.device ?? ''} on this connection`);
  return mismatch(devices, device, names) ?? { kind: 'status', device: device.definition.id };
}

function readingsRoute(devices: DeviceIndex, template: TopicTemplate, pattern: TopicPattern, names: TopicNames): Route {
  const device = deviceOf(devices, template, names);
  if (device !== null && 'kind' in device) return device;
  if (device === null) return { kind: 'readings', template, points: null, reader: null };
  const wrong = mismatch(devices, device, names);
  if (wrong !== undefined) return wrong;
  const { points } = device;
  const reader = names.tag === undefined ? onlyPoint(points) : points.byField.get(names.tag);
  const needsPoint =
    template.payload === 'value' || (template.payload === 'envelope' && pattern.placeholders.includes('tag'));
  if (needsPoint && reader == null) {
    return refused('unknown_point', `${points.device} has no point ${names.tag ?? 'that the topic names'}`);
  }
  return { kind: 'readings', template, points, reader: needsPoint ? (reader ?? null) : null };
}

/** The device that the topic means; null when only the payload can say it. */
function deviceOf(devices: DeviceIndex, template: TopicTemplate, names: TopicNames): Indexed | Route | null {
  if (names.device !== undefined) {
    return (
      devices.byTopicName(names.device) ?? refused('unknown_device', `no device ${names.device} on this connection`)
    );
  }
  if (names.asset !== undefined) {
    const { asset, tag } = names;
    const ofAsset = devices.ofAsset(asset);
    const candidates =
      ofAsset.length > 1 && tag !== undefined ? ofAsset.filter((each) => each.points.byField.has(tag)) : ofAsset;
    const [only, another] = candidates;
    if (only === undefined)
      return refused('unknown_device', `no device of this connection is linked to asset ${asset}`);
    if (another === undefined) return only;
    return refused('ambiguous_device', `several devices of this connection could be meant by asset ${asset}`);
  }
  if (devices.all.length === 1) return devices.all[0] ?? null;
  if (template.payload === 'envelope') return null;
  return refused('mqtt_device_not_in_topic', 'the topic does not say which device it is of');
}

function mismatch(devices: DeviceIndex, { definition }: Indexed, names: TopicNames): Route | undefined {
  if (names.org !== undefined && names.org !== devices.organization) {
    return refused('organization_mismatch', `${definition.id} belongs to ${devices.organization}, not ${names.org}`);
  }
  if (names.site !== undefined && names.site !== definition.site) {
    return refused('site_mismatch', `${definition.id} stands on site ${definition.site}, not ${names.site}`);
  }
  const { device, asset } = names;
  if (device !== undefined && asset !== undefined && !definition.linkedAssets.includes(asset)) {
    return refused('asset_mismatch', `${definition.id} is not linked to asset ${asset}`);
  }
  return undefined;
}

function onlyPoint(points: DevicePoints): PointReader | undefined {
  return points.byField.size === 1 ? [...points.byField.values()][0] : undefined;
}

function refused(code: DriverCode, reason: string): Route {
  return { kind: 'refused', code, reason };
}
