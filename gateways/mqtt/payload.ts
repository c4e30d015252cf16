import { z } from 'zod';
import type { Frame, PointValue, Quality } from '../../actors/frame.ts';
import type { DriverCode } from '../driver-codes.ts';
import { type DevicePoints, layoutOf, type PointReader, readValue } from './device-points.ts';
import { parseDeviceTime } from './device-time.ts';
import type { Route, Router } from './router.ts';

export interface Message {
  readonly payload: Buffer;
  readonly receivedAtMs: number;
  /** Kept by the broker from earlier and sent because we subscribed. */
  readonly retained: boolean;
}

/** What a message was worth. Both may be there: one wrong value does not spoil the others. */
export interface Decoded {
  readonly device: string | null;
  readonly frame: Frame | null;
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly code: DriverCode;
  readonly reason: string;
}

type ReadingsRoute = Extract<Route, { kind: 'readings' }>;

/** Pure: bytes to a frame. */
export function decodePayload(router: Router, route: ReadingsRoute, message: Message): Decoded {
  const { template, points } = route;
  const text = message.payload.toString();
  if (template.payload === 'value') return decodeValue(route, text, message);
  if (isTooDeep(message.payload)) return fault(points, 'bad_payload', `nested deeper than ${MAX_DEPTH} levels`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fault(points, 'bad_json', error instanceof Error ? error.message : 'no JSON');
  }
  if (!isRecord(json)) return fault(points, 'bad_payload', 'the payload is not an object');
  if (template.payload === 'envelope') return decodeEnvelope(router, route, json, message);
  if (points === null) return fault(points, 'mqtt_device_not_in_topic', 'the topic does not say which device it is of');
  const given = json[template.timeField];
  const timeMs = given === undefined ? null : parseDeviceTime(given);
  if (timeMs === undefined) return badTime(points, template.timeField, given);
  if (template.payload === 'flat') return decodeFields(points, json, template.timeField, timeMs, message);
  const metrics = json[template.metricsField];
  if (!isRecord(metrics)) return fault(points, 'bad_payload', `${template.metricsField} is not an object of values`);
  return decodeFields(points, metrics, undefined, timeMs, message);
}

/** The hot path: one pass over the fields of the payload. Fields that are no point of the device are none of our business. */
function decodeFields(
  points: DevicePoints,
  fields: Readonly<Record<string, unknown>>,
  timeField: string | undefined,
  timeMs: number | null,
  message: Message,
): Decoded {
  const readers: PointReader[] = [];
  const values: PointValue[] = [];
  let faults: Fault[] | undefined;
  let count = 0;
  for (const field in fields) {
    if (++count > MAX_FIELDS) return fault(points, 'bad_payload', `more than ${MAX_FIELDS} fields`);
    const reader = points.byField.get(field);
    if (reader === undefined || field === timeField) continue;
    const value = readValue(reader, fields[field]);
    if (value === undefined) {
      faults = [...(faults ?? []), wrongType(reader, fields[field])];
      continue;
    }
    readers.push(reader);
    values.push(value);
  }
  for (const { path, reader } of points.nested) {
    const found = valueAt(fields, path);
    if (found === undefined || Object.hasOwn(fields, reader.field)) continue;
    const value = readValue(reader, found);
    if (value === undefined) {
      faults = [...(faults ?? []), wrongType(reader, found)];
      continue;
    }
    readers.push(reader);
    values.push(value);
  }
  if (readers.length === 0) {
    return { device: points.device, frame: null, faults: faults ?? [{ code: 'no_known_field', reason: NO_FIELD }] };
  }
  const frame = frameOf(layoutOf(points, readers), values, timeMs, message);
  return { device: points.device, frame, faults: faults ?? NO_FAULTS };
}

/** The payload is one value: JSON, or plain text. */
function decodeValue({ points, reader }: ReadingsRoute, text: string, message: Message): Decoded {
  if (points === null || reader === null) return fault(points, 'unknown_point', 'the topic names no point');
  const value = readValue(reader, scalarOf(text, reader.type));
  if (value === undefined) {
    return { device: points.device, frame: null, faults: [wrongType(reader, text)] };
  }
  const frame = frameOf(layoutOf(points, [reader]), [value], null, message);
  return { device: points.device, frame, faults: NO_FAULTS };
}

function scalarOf(text: string, type: PointReader['type']): unknown {
  if (type === 'string') {
    if (!text.startsWith('"')) return text;
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : text;
}

/** One reading as other systems pass it on (ING-08). Fields that we have no use for may be there. */
const Envelope = z.object({
  device_id: z.string().optional(),
  asset_id: z.string().optional(),
  parameter: z.string().optional(),
  value: z.union([z.number(), z.string(), z.boolean(), z.null()]),
  unit: z.string().optional(),
  quality: z.enum(['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD']).default('GOOD'),
  timestamps: z.object({ device_time: z.unknown() }).partial().optional(),
});

function decodeEnvelope(router: Router, route: ReadingsRoute, json: unknown, message: Message): Decoded {
  const parsed = Envelope.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fault(route.points, 'bad_payload', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not an envelope'}`);
  }
  const envelope = parsed.data;
  const name = envelope.device_id ?? envelope.asset_id;
  const points = route.points ?? (name === undefined ? undefined : router.deviceNamed(name));
  if (points === undefined) return fault(null, 'unknown_device', `no device ${name ?? 'is named'} on this connection`);
  const reader = envelope.parameter === undefined ? route.reader : points.byField.get(envelope.parameter);
  if (reader == null)
    return fault(points, 'unknown_point', `${points.device} has no point ${envelope.parameter ?? ''}`);
  if (envelope.unit !== undefined && envelope.unit !== reader.unit) {
    return fault(points, 'unit_mismatch', `${reader.point} is in "${reader.unit}", not "${envelope.unit}"`);
  }
  const given = envelope.timestamps?.device_time;
  const timeMs = given === undefined || given === null ? null : parseDeviceTime(given);
  if (timeMs === undefined) return badTime(points, 'timestamps.device_time', given);
  const value = envelope.value === null && envelope.quality === 'BAD' ? null : readValue(reader, envelope.value);
  if (value === undefined) return { device: points.device, frame: null, faults: [wrongType(reader, envelope.value)] };
  const frame = frameOf(layoutOf(points, [reader]), [value], timeMs, message, envelope.quality, 'source');
  return { device: points.device, frame, faults: NO_FAULTS };
}

function frameOf(
  points: readonly string[],
  values: readonly PointValue[],
  deviceTimeMs: number | null,
  message: Message,
  given: Quality = 'GOOD',
  givenReason = '',
): Frame {
  // The broker does not say how old a message is that it has kept: without the device's own time it may be from any day.
  const ageless = message.retained && deviceTimeMs === null;
  const quality = given === 'GOOD' && ageless ? 'UNCERTAIN' : given;
  const good = quality === 'GOOD';
  const reason = given === 'GOOD' ? 'retained' : givenReason;
  return {
    deviceTimeMs,
    gatewayTimeMs: message.receivedAtMs,
    points,
    values,
    quality: good ? null : values.map(() => quality),
    reasons: good ? null : values.map(() => reason),
    times: null,
  };
}

/** Twice what a device may have of points. */
const MAX_FIELDS = 10_000;
const MAX_DEPTH = 32;
/** Nothing shorter can be nested so deep that it does harm. */
const SHALLOW_BYTES = 2048;

/** Before it is parsed: what is nested thousands deep cannot even be shown in a dead letter without breaking the stack. */
function isTooDeep(payload: Buffer): boolean {
  if (payload.length < SHALLOW_BYTES) return false;
  let depth = 0;
  let inText = false;
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === BRACE || byte === BRACKET) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === BRACE_END || byte === BRACKET_END) depth--;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;

const NO_FAULTS: readonly Fault[] = [];
const NO_FIELD = 'no field of the payload is a point of the device';

function fault(points: DevicePoints | null, code: DriverCode, reason: string): Decoded {
  return { device: points?.device ?? null, frame: null, faults: [{ code, reason }] };
}

function badTime(points: DevicePoints, field: string, given: unknown): Decoded {
  const shown = JSON.stringify(given)?.slice(0, 60);
  return fault(
    points,
    'bad_time',
    `${field}: ${shown} is no epoch seconds, epoch milliseconds or ISO 8601 with offset`,
  );
}

function wrongType(reader: PointReader, value: unknown): Fault {
  const shown = JSON.stringify(value)?.slice(0, 60);
  return { code: 'wrong_type', reason: `${reader.field}: ${shown} is not a ${reader.type}` };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(fields: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let found: unknown = fields;
  for (const key of path) found = isRecord(found) ? found[key] : undefined;
  return found;
}
