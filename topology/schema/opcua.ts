import { z } from 'zod';
import { Name, Reconnect, Scale, Title } from './base.ts';
import { SecretReference } from './secret.ts';

export const OpcUaConnection = z.strictObject({
  id: Name.describe('Unique in the file'),
  name: Title.optional().describe('Shown to people; default: the id'),
  driver: z.literal('opcua').describe('OPC UA'),
  endpoint: z
    .string()
    .regex(/^opc\.tcp:\/\/.+/, 'opc.tcp://host:port/path')
    .describe('opc.tcp://host:port/path'),
  security: z
    .strictObject({
      policy: z
        .enum(['None', 'Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'])
        .default('Basic256Sha256')
        .describe('Algorithms'),
      mode: z.enum(['None', 'Sign', 'SignAndEncrypt']).default('SignAndEncrypt').describe('What is protected'),
    })
    .default({ policy: 'Basic256Sha256', mode: 'SignAndEncrypt' })
    .describe('Of the channel; None only where nobody else can listen'),
  user: z.string().optional().describe('User name; anonymous when left out'),
  password: SecretReference.optional().describe('Reference to the password'),
  publishingIntervalMs: z.int().min(50).max(600_000).default(500).describe('How often the server sends changes, in ms'),
  lifetimeCount: z
    .int()
    .min(3)
    .max(10_000)
    .default(60)
    .describe('Publishing intervals without a sign of us before the server drops the subscription'),
  maxKeepAliveCount: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Publishing intervals without changes before the server says it is alive'),
  connectTimeoutMs: z.int().min(100).max(120_000).default(5000).describe('How long connecting may take, in ms'),
  reconnect: Reconnect,
  certificateWarningDays: z
    .int()
    .min(0)
    .max(365)
    .default(30)
    .describe(
      "So many days before the server's or our own certificate ends there is an alarm, and the link is shown as degraded",
    ),
});

export const OpcUaDevice = z.strictObject({
  nodePrefix: z
    .string()
    .default('')
    .describe("Put before every relative node id of the device's points: `nsu=urn:plant;s=Turbine1.`"),
});

export const OpcUaPoint = z.strictObject({
  node: z
    .string()
    .min(1)
    .describe(
      "`nsu=<uri>;s=...` (kept right when namespace indexes move) or `ns=2;s=...`; the device's prefix is put before it",
    ),
  samplingMs: z.int().min(0).max(600_000).default(500).describe('How often the server looks at the value, in ms'),
  queueSize: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe(
      'Changes kept between two publications, so that a rule sees a limit that was passed and left between them; 1 keeps the newest',
    ),
  scale: Scale.describe('Value = raw × scale + offset'),
  offset: z.number().default(0).describe('Added after scaling'),
});

export type OpcUaConnection = z.infer<typeof OpcUaConnection>;
export type OpcUaDevice = z.infer<typeof OpcUaDevice>;
export type OpcUaPoint = z.infer<typeof OpcUaPoint>;
