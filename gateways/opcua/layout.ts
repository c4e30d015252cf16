import type { PointValue, Quality } from '../../actors/frame.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { type NodeAddress, parseNodeAddress } from '../../topology/syntax/node-address.ts';
import type { DriverCode } from '../driver-codes.ts';
import type { OpcUaCode } from './codes.ts';
import type { ValueMapping } from './values.ts';

/** A reading as it came, with the time its source gave it. */
export interface Sample {
  readonly value: PointValue;
  readonly quality: Quality;
  readonly reason: DriverCode | null;
  /** Source time, else server time; of a value given again, the server's time at which it still held. */
  readonly timeMs: number | null;
  /** As it came: with value and status it tells a change from a repetition. */
  readonly sourceMs: number | null;
  readonly statusCode: number;
}

/** One point and its monitored item. */
export interface Item {
  /** Ours, given to the server at creation and returned with every value. */
  readonly handle: number;
  readonly device: string;
  readonly point: string;
  /** Within the device. */
  readonly position: number;
  readonly address: NodeAddress | null;
  readonly nodeText: string;
  readonly mapping: ValueMapping;
  readonly samplingMs: number;
  readonly queueSize: number;
  /** Equal keys: the monitored item serves on after a change of the topology. */
  readonly key: string;
  /** Node id in the server's numbering, as of the last resolution. */
  nodeId: string | null;
  /** The server's id of the monitored item; null while there is none. */
  serverId: number | null;
  /** Why there is none: `opcua_BadNodeIdUnknown`. */
  failure: OpcUaCode | null;
  revisedSamplingMs: number;
  revisedQueueSize: number;
  last: Sample | null;
  /** Server's clock when `last` was known to hold. */
  asOfMs: number;
}

export interface DeviceLayout {
  readonly definition: DeviceDefinition;
  readonly items: readonly Item[];
  /** All names in order: the array that frames with every point share. */
  readonly points: readonly string[];
}

export interface Layout {
  readonly devices: ReadonlyMap<string, DeviceLayout>;
  readonly items: ReadonlyMap<number, Item>;
  readonly nextHandle: number;
}

/** The items of all devices in service; those unchanged since `previous` keep their handle and what is known of them. */
export function buildLayout(definitions: readonly DeviceDefinition[], previous: Layout | null): Layout {
  const known = new Map<string, Item>();
  for (const item of previous?.items.values() ?? []) known.set(item.key, item);
  let handle = previous?.nextHandle ?? 1;
  const devices = new Map<string, DeviceLayout>();
  const items = new Map<number, Item>();
  for (const definition of definitions) {
    if (definition.decommissioned) continue;
    const own: Item[] = [];
    for (const point of definition.points) {
      const fresh = newItem(definition, point, own.length, handle);
      if (fresh === null) continue;
      const item = known.get(fresh.key) ?? fresh;
      if (item === fresh) handle += 1;
      own.push(item);
      items.set(item.handle, item);
    }
    devices.set(definition.id, { definition, items: own, points: own.map((item) => item.point) });
  }
  return { devices, items, nextHandle: handle };
}

function newItem(
  device: DeviceDefinition,
  point: DeviceDefinition['points'][number],
  position: number,
  handle: number,
): Item | null {
  const settings = point.opcua;
  if (settings === undefined) return null;
  const nodeText = `${device.opcua?.nodePrefix ?? ''}${settings.node}`;
  const mapping = { type: point.type, scale: settings.scale, offset: settings.offset };
  return {
    handle,
    device: device.id,
    point: point.name,
    position,
    address: parseNodeAddress(nodeText),
    nodeText,
    mapping,
    samplingMs: settings.samplingMs,
    queueSize: settings.queueSize,
    key: JSON.stringify([device.id, point.name, position, nodeText, mapping, settings.samplingMs, settings.queueSize]),
    nodeId: null,
    serverId: null,
    failure: null,
    revisedSamplingMs: settings.samplingMs,
    revisedQueueSize: settings.queueSize,
    last: null,
    asOfMs: 0,
  };
}
