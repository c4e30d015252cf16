import { z } from 'zod';

/** Where a log is on NATS and how to get there: plain data, so that a thread of its own can be told. */
export const NatsPlace = z.object({
  url: z.string(),
  /** How the server lists the connection. */
  name: z.string(),
  credentialsFile: z.string().optional(),
  tlsCaFile: z.string().optional(),
  tlsCertFile: z.string().optional(),
  tlsKeyFile: z.string().optional(),
  /** The start is given up after so long without an answer. */
  startTimeoutMs: z.number(),
  prefix: z.string(),
  replicas: z.number(),
  maxAgeMs: z.number(),
  maxBytes: z.number().optional(),
});
export type NatsPlace = z.infer<typeof NatsPlace>;
