import { z } from 'zod';
import { Name, Title } from './base.ts';
import { SecretReference } from './secret.ts';

/** `{device}`, `{site}`, `{asset}`, `{org}` and `{tag}` stand for one level each; `#` and `+` as in MQTT. */
const TopicTemplate = z.strictObject({
  topic: z
    .string()
    .min(1)
    .max(200)
    .describe('telemetry/{site}/{asset}/{tag}, v1/telemetry/{org}/{device}, sensors/{device}/data'),
  /**
   * `metrics`: JSON with `ts` and an object of values; `flat`: JSON whose top-level fields are values; `value`: the payload
   * is one value, its point is `{tag}`; `envelope`: one reading with parameter, value, unit, quality and timestamps (ING-08).
   */
  payload: z.enum(['metrics', 'flat', 'value', 'envelope']).default('metrics'),
  /** Field with the device's time; epoch seconds, epoch milliseconds or ISO 8601 are told apart by their size and form. */
  timeField: z.string().default('ts'),
  metricsField: z.string().default('metrics'),
});

export const MqttConnection = z.strictObject({
  id: Name,
  name: Title.optional(),
  driver: z.literal('mqtt'),
  url: z
    .string()
    .regex(/^(mqtts?|wss?|embedded):/, 'mqtt://host:1883, mqtts://host:8883 or embedded: for the built-in broker'),
  clientId: z
    .string()
    .max(64)
    .optional()
    .describe('Fixed, so that the broker keeps the session; default signalbox-<connection>'),
  user: z.string().optional(),
  password: SecretReference.optional(),
  ca: z.string().optional().describe('PEM file of the authority that signed the broker'),
  certificate: z.string().optional(),
  key: z.string().optional(),
  /** Set when several replicas share the load: `$share/<group>/…`. */
  sharedGroup: Name.optional(),
  qos: z.literal([0, 1]).default(1),
  topics: z.array(TopicTemplate).min(1).max(50),
  /** `{device}` level; payload `online` or `offline`, for instance a last will. */
  statusTopic: z.string().optional(),
  keepAliveSeconds: z.int().min(5).max(3600).default(15),
  connectTimeoutMs: z.int().min(100).max(120_000).default(5000),
  reconnect: z
    .strictObject({ minMs: z.int().min(10).default(500), maxMs: z.int().min(100).default(30_000) })
    .default({ minMs: 500, maxMs: 30_000 }),
  /** Messages taken from the broker and not yet in the log; beyond it the broker has to wait. */
  maxInFlight: z.int().min(1).max(65_535).default(2000),
});

export const MqttDevice = z.strictObject({
  /** What stands in the topic for this device, when it is not its id. */
  topicName: z.string().min(1).max(128).optional(),
});

export const MqttPoint = z.strictObject({
  /** Name of the value in the payload, when it is not the point's name; dots lead into objects. */
  field: z.string().min(1).max(128).optional(),
  scale: z.number().default(1),
  offset: z.number().default(0),
});

export type MqttConnection = z.infer<typeof MqttConnection>;
export type MqttDevice = z.infer<typeof MqttDevice>;
export type MqttPoint = z.infer<typeof MqttPoint>;
export type TopicTemplate = z.infer<typeof TopicTemplate>;
