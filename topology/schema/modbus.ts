import { z } from 'zod';
import { Name, Range, Reconnect, Scale, Title } from './base.ts';

export const ByteOrder = z
  .enum(['ABCD', 'DCBA', 'BADC', 'CDAB'])
  .describe('Order of bytes on the wire for 32-bit values; applied likewise to 64 bits. ABCD is big-endian');

const Tcp = z.strictObject({
  host: z.string().min(1).describe('Name or address'),
  port: z.int().min(1).max(65535).default(502).describe('TCP port'),
  backup: z
    .strictObject({
      host: z.string().min(1).describe('Name or address'),
      port: z.int().min(1).max(65535).default(502).describe('TCP port'),
    })
    .optional()
    .describe('Tried in turn with `host` when it does not answer'),
});

const Serial = z.strictObject({
  path: z.string().min(1).describe('Device file: /dev/ttyUSB0'),
  baudRate: z.int().min(300).max(4_000_000).default(9600).describe('Bits per second'),
  parity: z.enum(['none', 'even', 'odd']).default('even').describe('Parity bit'),
  dataBits: z.literal([7, 8]).default(8).describe('Bits of a character'),
  stopBits: z.literal([1, 2]).default(1).describe('Stop bits'),
});

const ReadLimits = z.strictObject({
  registers: z.int().min(1).max(125).default(125).describe('Registers in one request'),
  bits: z.int().min(1).max(2000).default(2000).describe('Coils or discrete inputs in one request'),
});

export const ModbusConnection = z
  .strictObject({
    id: Name.describe('Unique in the file'),
    name: Title.optional().describe('Shown to people; default: the id'),
    driver: z.literal('modbus').describe('Modbus TCP or RTU'),
    tcp: Tcp.optional().describe('Modbus TCP; exactly one of tcp and serial'),
    serial: Serial.optional().describe('Modbus RTU; exactly one of tcp and serial'),
    timeoutMs: z.int().min(20).max(60_000).default(1000).describe('How long an answer may take, in ms'),
    retries: z.int().min(0).max(10).default(2).describe('Further attempts of a request before it has failed'),
    sendIntervalMs: z
      .int()
      .min(0)
      .max(10_000)
      .default(0)
      .describe('Pause between requests, in ms; old gateways need one'),
    reconnect: Reconnect,
  })
  .refine((c) => (c.tcp === undefined) !== (c.serial === undefined), 'exactly one of tcp and serial');

export const ModbusDevice = z.strictObject({
  unit: z.int().min(0).max(255).default(1).describe('Unit id, also called slave address'),
  pollMs: z.int().min(10).max(86_400_000).default(1000).describe('Polling interval, in ms'),
  order: ByteOrder.default('ABCD').describe('Order of bytes for points that do not say'),
  addressBase: z.literal([0, 1]).default(0).describe('1: addresses are counted from one, as in many manuals'),
  maxGap: z.int().min(0).max(120).default(16).describe('Unused registers that may be read along to save a request'),
  limits: ReadLimits.default({ registers: 125, bits: 2000 }).describe('What the device takes in one request'),
  degradeAfter: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('So many failed cycles in a row and the unit is degraded: probed with one request, no longer polled'),
  probeMs: z.int().min(100).max(3_600_000).default(5000).describe('How often a degraded unit is probed, in ms'),
});

export const ModbusPoint = z.strictObject({
  area: z.enum(['holding', 'input', 'coil', 'discrete']).default('holding').describe('Which of the four tables'),
  address: z.int().min(0).max(65_536).describe('Of the first register or bit'),
  type: z
    .enum(['bool', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64', 'string'])
    .default('uint16')
    .describe('How the registers are read'),
  order: ByteOrder.optional().describe('Order of bytes, when it is not that of the device'),
  bit: z.int().min(0).max(15).optional().describe('Bit of a register, 0 is the lowest'),
  length: z.int().min(1).max(125).optional().describe('Registers of a string'),
  scale: Scale.describe('Value = raw × scale + offset'),
  offset: z.number().default(0).describe('Added after scaling'),
  clamp: Range.optional().describe('Values outside are set to the limit'),
  deadband: z
    .strictObject({
      absolute: z.number().min(0).optional().describe('In the unit of the point'),
      percent: z.number().min(0).max(100).optional().describe('Of the last value'),
    })
    .optional()
    .describe('No new value within this distance of the last one, on the scaled value'),
  pollMs: z
    .int()
    .min(10)
    .max(86_400_000)
    .optional()
    .describe('Polling interval of this point, in ms. Default: of the device'),
});

export type ModbusConnection = z.infer<typeof ModbusConnection>;
export type ModbusDevice = z.infer<typeof ModbusDevice>;
export type ModbusPoint = z.infer<typeof ModbusPoint>;
export type ByteOrder = z.infer<typeof ByteOrder>;
