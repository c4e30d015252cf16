import type { PointValue } from '../../actors/frame.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';

/** How one point of a device is read from a payload. */
export interface PointReader {
  readonly point: string;
  /** Name of the value in the payload, or a path of them. */
  readonly field: string;
  readonly type: 'number' | 'boolean' | 'string';
  readonly unit: string;
  readonly scale: number;
  readonly offset: number;
}

/** The points of a device as its messages carry them. */
export interface DevicePoints {
  readonly device: string;
  /** Points of the top level, by the name of their field. */
  readonly byField: ReadonlyMap<string, PointReader>;
  /** Points whose field is a path into objects: looked up one by one. */
  readonly nested: readonly NestedReader[];
  /** Lists of point names that frames have had, so that frames of one form share the list. */
  readonly layouts: Map<string, Layout>;
  /** Of the last frame: nearly always that of the next one too. */
  lastLayout: Layout;
}

interface Layout {
  readonly readers: readonly PointReader[];
  readonly points: readonly string[];
}

export interface NestedReader {
  readonly path: readonly string[];
  readonly reader: PointReader;
}

/** Devices send few forms of message; one that sends a new form every time must not fill the memory. */
const LAYOUTS_LIMIT = 64;

export function devicePoints(definition: DeviceDefinition): DevicePoints {
  const byField = new Map<string, PointReader>();
  const nested: NestedReader[] = [];
  for (const { name, type, unit, mqtt } of definition.points) {
    const field = mqtt?.field ?? name;
    const reader = { point: name, field, type, unit, scale: mqtt?.scale ?? 1, offset: mqtt?.offset ?? 0 };
    byField.set(field, reader);
    if (field.includes('.')) nested.push({ path: field.split('.'), reader });
  }
  const lastLayout: Layout = { readers: [], points: [] };
  return { device: definition.id, byField, nested, layouts: new Map(), lastLayout };
}

/** The same list for the same points in the same order. */
export function layoutOf(points: DevicePoints, readers: readonly PointReader[]): readonly string[] {
  const last = points.lastLayout;
  if (last.readers.length === readers.length && last.readers.every((reader, index) => reader === readers[index])) {
    return last.points;
  }
  const key = readers.map((reader) => reader.point).join();
  const layout = points.layouts.get(key) ?? { readers, points: readers.map((reader) => reader.point) };
  if (points.layouts.size >= LAYOUTS_LIMIT) points.layouts.clear();
  points.layouts.set(key, layout);
  points.lastLayout = layout;
  return layout.points;
}

/** Undefined when the value is not of the point's type: nothing is guessed, a text that looks like a number is a text. */
export function readValue(reader: PointReader, value: unknown): PointValue | undefined {
  switch (reader.type) {
    case 'number': {
      if (typeof value !== 'number') return undefined;
      const scaled = value * reader.scale + reader.offset;
      return Number.isFinite(scaled) ? scaled : undefined;
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : value === 1 ? true : value === 0 ? false : undefined;
    case 'string':
      return typeof value === 'string' ? value : undefined;
  }
}
