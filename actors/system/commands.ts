import { z } from 'zod';
import { AlarmCommand } from '../asset/commands.ts';

/** From a driver: a certificate that its links depend on, at every connection. */
export const ReportCertificate = z.strictObject({
  kind: z.literal('ReportCertificate'),
  whose: z.enum(['server', 'own']),
  subject: z.string().max(1000),
  thumbprint: z.string().max(200),
  expiresAtMs: z.number(),
});

/** From the watch over the clock of the node, after every check. */
export const ReportClock = z.strictObject({
  kind: z.literal('ReportClock'),
  /** Of our clock from that of the server, positive when ours is behind; null: it is not checked. */
  offsetMs: z.number().nullable(),
  server: z.string().max(300),
});

/** From a driver, on change: the link to all devices of the connection. */
export const ReportLink = z.strictObject({
  kind: z.literal('ReportLink'),
  state: z.enum(['up', 'lost']),
  reason: z.string().max(100),
  detail: z.string().max(500).optional(),
});

/** From the watch over the disk of an edge: something was let go of for want of room (EDG-05). */
export const ReportOverflow = z.strictObject({
  kind: z.literal('ReportOverflow'),
  what: z.string().max(100),
  segments: z.int().min(0),
  bytesFreed: z.number().min(0),
  /** Of what went, records that nobody else has. */
  lost: z.int().min(0),
  oldestMs: z.number().nullable(),
  newestMs: z.number().nullable(),
});

export const SystemCommand = z.discriminatedUnion('kind', [
  ...AlarmCommand.options,
  ReportCertificate,
  ReportClock,
  ReportLink,
  ReportOverflow,
]);
export type SystemCommand = z.infer<typeof SystemCommand>;
