import { z } from 'zod';
import { Identifier, Name, Place, Range, Title, Unit } from './base.ts';
import { ModbusConnection, ModbusDevice, ModbusPoint } from './modbus.ts';
import { MqttConnection, MqttDevice, MqttPoint } from './mqtt.ts';
import { OpcUaConnection, OpcUaDevice, OpcUaPoint } from './opcua.ts';

/** What a point is, whatever protocol brings it. */
const PointBase = z.strictObject({
  name: Identifier,
  title: Title.optional(),
  unit: Unit.default(''),
  type: z.enum(['number', 'boolean', 'string']).default('number'),
  /** QUA-02: outside of it a reading is BAD and goes to the dead letters. */
  range: Range.optional().describe('Physically possible values; a reading outside is BAD'),
  /** QUA-03: a larger step per second makes a reading SUSPECT. */
  maxRatePerSecond: z.number().positive().optional(),
  /** Older than this and the value is shown as stale. Default: twice the expected interval. */
  staleAfterMs: z.int().min(500).max(86_400_000).optional(),
  decimals: z.int().min(0).max(9).default(2),
  writable: z
    .strictObject({
      min: z.number().optional(),
      max: z.number().optional(),
      readBack: z.boolean().default(true),
      permission: z.string().default('device:write'),
    })
    .optional()
    .describe('The allow-list for writes: a point without it is read-only'),
});

export const Point = PointBase.extend({
  modbus: ModbusPoint.optional(),
  opcua: OpcUaPoint.optional(),
  mqtt: MqttPoint.optional(),
});
export type Point = z.infer<typeof Point>;

export const DeviceProfile = z.strictObject({
  id: Name,
  title: Title.optional(),
  /** QUA-05: how often a reading is expected; a gap is twice that. */
  expectedIntervalMs: z.int().min(10).max(86_400_000).default(1000),
  /** DEV-02: nothing heard for so long and the device is offline. Default: three expected intervals, at least 3 s. */
  offlineAfterMs: z.int().min(1000).max(604_800_000).optional(),
  /** ING-09 */
  classification: z.enum(['TELEMETRY', 'EVENT', 'ALARM', 'LOG']).default('TELEMETRY'),
  points: z.array(Point).max(5000).default([]),
});
export type DeviceProfile = z.infer<typeof DeviceProfile>;

export const Device = z.strictObject({
  id: Name,
  name: Title,
  site: Name,
  connection: Name,
  profile: Name.optional(),
  description: z.string().max(500).optional(),
  serialNumber: z.string().max(80).optional(),
  place: Place.optional(),
  decommissioned: z.boolean().default(false),
  node: Name.optional().describe('Pins the device to one node'),
  expectedIntervalMs: DeviceProfile.shape.expectedIntervalMs.removeDefault().optional(),
  offlineAfterMs: DeviceProfile.shape.offlineAfterMs,
  points: z
    .array(Point)
    .max(5000)
    .default([])
    .describe('Points beside those of the profile; a point of the same name replaces it'),
  modbus: ModbusDevice.optional(),
  opcua: OpcUaDevice.optional(),
  mqtt: MqttDevice.optional(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});
export type Device = z.infer<typeof Device>;

/** A link to the field: a socket, a serial bus, a session with a server, a broker. Devices share it. */
export const Connection = z.discriminatedUnion('driver', [ModbusConnection, OpcUaConnection, MqttConnection]);
export type Connection = z.infer<typeof Connection>;
