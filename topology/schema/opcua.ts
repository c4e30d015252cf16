import { z } from 'zod';
import { Name, Title } from './base.ts';
import { SecretReference } from './secret.ts';

export const OpcUaConnection = z.strictObject({
  id: Name,
  name: Title.optional(),
  driver: z.literal('opcua'),
  endpoint: z.string().regex(/^opc\.tcp:\/\/.+/, 'opc.tcp://host:port/path'),
  security: z
    .strictObject({
      policy: z
        .enum(['None', 'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'])
        .default('Basic256Sha256'),
      mode: z.enum(['None', 'Sign', 'SignAndEncrypt']).default('SignAndEncrypt'),
    })
    .default({ policy: 'Basic256Sha256', mode: 'SignAndEncrypt' }),
  user: z.string().optional(),
  password: SecretReference.optional(),
  publishingIntervalMs: z.int().min(50).max(600_000).default(500),
  lifetimeCount: z.int().min(3).max(10_000).default(60),
  maxKeepAliveCount: z.int().min(1).max(1000).default(10),
  connectTimeoutMs: z.int().min(100).max(120_000).default(5000),
  reconnect: z
    .strictObject({ minMs: z.int().min(10).default(500), maxMs: z.int().min(100).default(30_000) })
    .default({ minMs: 500, maxMs: 30_000 }),
  /** An alarm so many days before the server's or our own certificate expires. */
  certificateWarningDays: z.int().min(0).max(365).default(30),
});

export const OpcUaDevice = z.strictObject({
  /** Put before every relative node id of the device's points: `nsu=urn:plant;s=Turbine1.` */
  nodePrefix: z.string().default(''),
});

export const OpcUaPoint = z.strictObject({
  /** `nsu=<uri>;s=...` (kept right when namespace indexes move) or `ns=2;s=...`; the device's prefix is put before it. */
  node: z.string().min(1),
  samplingMs: z.int().min(0).max(600_000).default(500),
  queueSize: z.int().min(1).max(1000).default(1),
  scale: z.number().default(1),
  offset: z.number().default(0),
});

export type OpcUaConnection = z.infer<typeof OpcUaConnection>;
export type OpcUaDevice = z.infer<typeof OpcUaDevice>;
export type OpcUaPoint = z.infer<typeof OpcUaPoint>;
