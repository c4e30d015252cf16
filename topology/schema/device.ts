import { z } from 'zod';
import { Identifier, LIMITS_REVERSED, limitsFit, Name, Place, Range, Severity, Title, Unit } from './base.ts';
import { ModbusConnection, ModbusDevice, ModbusPoint } from './modbus.ts';
import { MqttConnection, MqttDevice, MqttPoint } from './mqtt.ts';
import { OpcUaConnection, OpcUaDevice, OpcUaPoint } from './opcua.ts';

/** What a point is, whatever protocol brings it. */
const PointBase = z.strictObject({
  name: Identifier.describe('Name in links and messages'),
  title: Title.optional().describe('Shown to people; default: the name'),
  unit: Unit.default('').describe('Unit of the value after scaling'),
  type: z.enum(['number', 'boolean', 'string']).default('number').describe('What the value is'),
  range: Range.optional().describe('Physically possible values, in the unit of the point; a reading outside is BAD'),
  maxRatePerSecond: z
    .number()
    .positive()
    .optional()
    .describe('A larger step per second makes a reading SUSPECT, in units of the point'),
  frozen: z
    .strictObject({
      afterMs: z
        .int()
        .min(1000)
        .max(604_800_000)
        .describe('Readings arrive, but the value has not moved for so long, in ms: they are SUSPECT until it moves'),
      tolerance: z
        .number()
        .nonnegative()
        .default(0)
        .describe('A value within this distance has not moved, in units of the point'),
    })
    .optional()
    .describe('For a quantity that is never quite still: how to tell that its sensor hangs. Without it, never'),
  staleAfterMs: z
    .int()
    .min(500)
    .max(86_400_000)
    .optional()
    .describe(
      'Older than this and the value is shown as stale, in ms. Default: twice the expected interval, at least 2000',
    ),
  decimals: z.int().min(0).max(9).default(2).describe('Digits after the point'),
  writable: z
    .strictObject({
      min: z.number().optional().describe('Smallest value that may be written'),
      max: z.number().optional().describe('Largest value that may be written'),
      readBack: z.boolean().default(true).describe('The value is read again after the write and compared'),
      permission: z
        .string()
        .regex(/^(?!internal:)[a-z-]+:[a-z-]+$/, 'resource:verb, as in roles')
        .default('device:write')
        .describe('Permission that the writer needs beside device:write, resource:verb'),
    })
    .refine(limitsFit, LIMITS_REVERSED)
    .optional()
    .describe('The allow-list for writes: a point without it is read-only'),
});

export const Point = PointBase.extend({
  modbus: ModbusPoint.optional().describe('Where the value is found, for devices on a Modbus connection'),
  opcua: OpcUaPoint.optional().describe('Where the value is found, for devices on an OPC UA connection'),
  mqtt: MqttPoint.optional().describe(
    'Where the value is found, for devices on an MQTT connection, when it is not the name of the point',
  ),
});
export type Point = z.infer<typeof Point>;

export const LostAlarm = z
  .union([
    z.literal(false),
    z.strictObject({
      severity: Severity.default('HIGH').describe('How urgent it is that the device cannot be seen'),
      delaySeconds: z.number().min(0).max(86_400).default(0).describe('The device must be lost for so long, in s'),
    }),
  ])
  .describe(
    'The alarm of the device itself while there is no connection to it; false: none. Default: severity HIGH at once, unless a deviceLost rule of an asset that it feeds is that alarm. Not raised where the link is down for several devices: that is one alarm',
  );

export const DeviceProfile = z.strictObject({
  id: Name.describe('Named by the devices that use it'),
  title: Title.optional().describe('Shown to people'),
  expectedIntervalMs: z
    .int()
    .min(10)
    .max(86_400_000)
    .default(1000)
    .describe('How often a reading is expected, in ms; a gap is twice that'),
  offlineAfterMs: z
    .int()
    .min(1000)
    .max(604_800_000)
    .optional()
    .describe(
      'Nothing heard for so long and the device is offline, in ms. Default: three expected intervals, at least 3000',
    ),
  lostAlarm: LostAlarm.optional(),
  points: z.array(Point).max(5000).default([]).describe('Points of every such device'),
});
export type DeviceProfile = z.infer<typeof DeviceProfile>;

export const Device = z.strictObject({
  id: Name.describe('Unique in the file; part of the entity id `device/<id>`'),
  name: Title.describe('Shown to people'),
  site: Name.describe('Id of the site'),
  connection: Name.describe('Id of the connection that it is reached by'),
  profile: Name.optional().describe('Id of the device profile that it takes points and intervals from'),
  description: z.string().max(500).optional().describe('For people'),
  serialNumber: z.string().max(80).optional().describe('As on the type plate'),
  place: Place.optional().describe('Where it stands on the map'),
  decommissioned: z.boolean().default(false).describe('Out of use: neither read nor expected'),
  expectedIntervalMs: DeviceProfile.shape.expectedIntervalMs
    .removeDefault()
    .optional()
    .describe('How often a reading is expected, in ms. Default: of the profile, else the polling interval'),
  offlineAfterMs: DeviceProfile.shape.offlineAfterMs.describe(
    'Nothing heard for so long and the device is offline, in ms. Default: of the profile, else three expected intervals, at least 3000',
  ),
  lostAlarm: LostAlarm.optional(),
  points: z
    .array(Point)
    .max(5000)
    .default([])
    .describe('Points beside those of the profile; a point of the same name replaces it'),
  modbus: ModbusDevice.optional().describe('Settings for devices on a Modbus connection'),
  opcua: OpcUaDevice.optional().describe('Settings for devices on an OPC UA connection'),
  mqtt: MqttDevice.optional().describe('Settings for devices on an MQTT connection'),
  attributes: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Facts: manufacturer, firmware'),
});
export type Device = z.infer<typeof Device>;

/** A link to the field: a socket, a serial bus, a session with a server, a broker. Devices share it. */
export const Connection = z.discriminatedUnion('driver', [ModbusConnection, OpcUaConnection, MqttConnection]);
export type Connection = z.infer<typeof Connection>;
