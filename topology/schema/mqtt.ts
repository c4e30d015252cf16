import { z } from 'zod';
import { Name, Reconnect, Scale, Title } from './base.ts';
import { SecretReference } from './secret.ts';

/** `{device}`, `{site}`, `{asset}`, `{org}` and `{tag}` stand for one level each; `#` and `+` as in MQTT. */
const TopicTemplate = z.strictObject({
  topic: z
    .string()
    .min(1)
    .max(200)
    .describe(
      '`{device}`, `{site}`, `{asset}`, `{org}` and `{tag}` stand for one level each; `#` and `+` as in MQTT: telemetry/{site}/{asset}/{tag}, v1/telemetry/{org}/{device}',
    ),
  payload: z
    .enum(['metrics', 'flat', 'value', 'envelope'])
    .default('metrics')
    .describe(
      'metrics: JSON with time and an object of values; flat: JSON whose top-level fields are values; value: the payload is one value, its point is {tag}; envelope: one reading with parameter, value, unit, quality and timestamps',
    ),
  timeField: z
    .string()
    .default('ts')
    .describe(
      "Field with the device's time; epoch seconds, epoch milliseconds and ISO 8601 are told apart by size and form",
    ),
  metricsField: z.string().default('metrics').describe('Field with the object of values, for payload metrics'),
});

export const MqttConnection = z.strictObject({
  id: Name.describe('Unique in the file'),
  name: Title.optional().describe('Shown to people; default: the id'),
  driver: z.literal('mqtt').describe('MQTT 3.1.1 or 5'),
  url: z
    .string()
    .regex(/^(mqtts?|wss?|embedded):/, 'mqtt://host:1883, mqtts://host:8883 or embedded: for the built-in broker')
    .describe(
      'mqtt://host:1883, mqtts://host:8883, or embedded://127.0.0.1:1883 for the built-in broker on that address',
    ),
  clientId: z
    .string()
    .max(64)
    .optional()
    .describe('Fixed, so that the broker keeps the session; default signalbox-<connection>'),
  user: z.string().optional().describe('User name'),
  password: SecretReference.optional().describe('Reference to the password'),
  ca: z.string().optional().describe('PEM file of the authority that signed the broker'),
  certificate: z.string().optional().describe('PEM file of our certificate'),
  key: z.string().optional().describe('PEM file of its key'),
  sharedGroup: Name.optional().describe('Set when several replicas share the load: `$share/<group>/…`'),
  qos: z.literal([0, 1]).default(1).describe('Quality of service of the subscription; 1 loses nothing'),
  topics: z.array(TopicTemplate).min(1).max(50).describe('Topics with telemetry, and the form of their payload'),
  statusTopic: z
    .string()
    .optional()
    .describe('With a `{device}` level; payload `online` or `offline`, for instance a last will'),
  keepAliveSeconds: z.int().min(5).max(3600).default(15).describe('Keep-alive, in s'),
  connectTimeoutMs: z.int().min(100).max(120_000).default(5000).describe('How long connecting may take, in ms'),
  reconnect: Reconnect,
  maxPayloadBytes: z
    .int()
    .min(128)
    .max(16_777_216)
    .default(262_144)
    .describe(
      'A longer message is refused, in bytes: by the built-in broker before it is read, from any other before it is parsed',
    ),
  maxInFlight: z
    .int()
    .min(1)
    .max(65_535)
    .default(2000)
    .describe('Messages taken from the broker and not yet in the log; beyond it the broker has to wait'),
});

export const MqttDevice = z.strictObject({
  topicName: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('What stands in the topic for this device, when it is not its id'),
});

export const MqttPoint = z.strictObject({
  field: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe("Name of the value in the payload, when it is not the point's name; dots lead into objects"),
  scale: Scale.describe('Value = raw × scale + offset'),
  offset: z.number().default(0).describe('Added after scaling'),
});

export type MqttConnection = z.infer<typeof MqttConnection>;
export type MqttDevice = z.infer<typeof MqttDevice>;
export type MqttPoint = z.infer<typeof MqttPoint>;
export type TopicTemplate = z.infer<typeof TopicTemplate>;
