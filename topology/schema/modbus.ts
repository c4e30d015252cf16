import { z } from 'zod';
import { Name, Title } from './base.ts';

export const ByteOrder = z
  .enum(['ABCD', 'DCBA', 'BADC', 'CDAB'])
  .describe('Order of bytes on the wire for 32-bit values; applied likewise to 64 bits. ABCD is big-endian');

const Tcp = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65535).default(502),
  /** Tried in turn with `host` when it does not answer. */
  backup: z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65535).default(502) }).optional(),
});

const Serial = z.strictObject({
  path: z.string().min(1).describe('/dev/ttyUSB0'),
  baudRate: z.int().min(300).max(4_000_000).default(9600),
  parity: z.enum(['none', 'even', 'odd']).default('even'),
  dataBits: z.literal([7, 8]).default(8),
  stopBits: z.literal([1, 2]).default(1),
});

const ReadLimits = z.strictObject({
  registers: z.int().min(1).max(125).default(125),
  bits: z.int().min(1).max(2000).default(2000),
});

export const ModbusConnection = z
  .strictObject({
    id: Name,
    name: Title.optional(),
    driver: z.literal('modbus'),
    tcp: Tcp.optional(),
    serial: Serial.optional(),
    timeoutMs: z.int().min(20).max(60_000).default(1000),
    retries: z.int().min(0).max(10).default(2),
    /** Pause between requests; old gateways need one. */
    sendIntervalMs: z.int().min(0).max(10_000).default(0),
    reconnect: z
      .strictObject({ minMs: z.int().min(10).default(500), maxMs: z.int().min(100).default(30_000) })
      .default({ minMs: 500, maxMs: 30_000 }),
  })
  .refine((c) => (c.tcp === undefined) !== (c.serial === undefined), 'exactly one of tcp and serial');

export const ModbusDevice = z.strictObject({
  unit: z.int().min(0).max(255).default(1),
  pollMs: z.int().min(10).max(86_400_000).default(1000),
  order: ByteOrder.default('ABCD'),
  /** 1: addresses are counted from one, as in many manuals. */
  addressBase: z.literal([0, 1]).default(0),
  /** Unused registers that may be read along to save a request. */
  maxGap: z.int().min(0).max(120).default(16),
  limits: ReadLimits.default({ registers: 125, bits: 2000 }),
  /** So many failed cycles in a row and the unit is degraded: probed with one request, no longer polled. */
  degradeAfter: z.int().min(1).max(100).default(3),
  probeMs: z.int().min(100).max(3_600_000).default(5000),
});

export const ModbusPoint = z.strictObject({
  area: z.enum(['holding', 'input', 'coil', 'discrete']).default('holding'),
  address: z.int().min(0).max(65_536),
  type: z
    .enum(['bool', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64', 'string'])
    .default('uint16'),
  order: ByteOrder.optional(),
  /** Bit of a register, 0 is the lowest. */
  bit: z.int().min(0).max(15).optional(),
  /** Registers of a string. */
  length: z.int().min(1).max(125).optional(),
  scale: z.number().default(1),
  offset: z.number().default(0),
  clamp: z.strictObject({ min: z.number(), max: z.number() }).optional(),
  /** No new value within this distance of the last one, on the scaled value. */
  deadband: z
    .strictObject({ absolute: z.number().min(0).optional(), percent: z.number().min(0).max(100).optional() })
    .optional(),
  pollMs: z.int().min(10).max(86_400_000).optional(),
});

export type ModbusConnection = z.infer<typeof ModbusConnection>;
export type ModbusDevice = z.infer<typeof ModbusDevice>;
export type ModbusPoint = z.infer<typeof ModbusPoint>;
export type ByteOrder = z.infer<typeof ByteOrder>;
