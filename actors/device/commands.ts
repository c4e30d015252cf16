import { z } from 'zod';
import { AlarmCommand } from '../asset/commands.ts';
import { Text } from '../text.ts';

/** From the driver, on change. */
export const ReportConnectivity = z.strictObject({
  kind: z.literal('ReportConnectivity'),
  state: z.enum(['online', 'offline', 'unknown']),
  reason: z.string().max(100),
  detail: z.string().max(500).optional(),
  /** The link itself is down: the entity whose alarm stands for that of this device too. */
  ofLink: z.string().min(1).max(200).optional(),
});
/** From the link that was down: nothing is known of the device yet, and from now on its silence is its own. */
export const ReportLinkBack = z.strictObject({ kind: z.literal('ReportLinkBack') });
export const WritePoint = z.strictObject({
  kind: z.literal('WritePoint'),
  point: z.string().min(1).max(64),
  value: z.union([z.number(), z.boolean(), z.string().max(250)]),
  /** How long it may take until it is sent; a late write never leaves. */
  timeoutMs: z.int().min(100).max(60_000).default(5000),
});
/**
 * From the node that drives the device, before the write leaves. The answer, `leftMs`, is how long it may take until it has
 * left, or null: it is not to be sent, and how it ended stands in the journal.
 */
export const SendWrite = z.strictObject({ kind: z.literal('SendWrite'), writeId: z.string().max(990) });
/** From the driver: how a write ended. */
export const ReportWrite = z.strictObject({
  kind: z.literal('ReportWrite'),
  writeId: z.string().max(990),
  state: z.enum(['acknowledged', 'verified', 'failed', 'timed_out']),
  code: z.string().max(100).optional(),
  message: z.string().max(500).optional(),
});
export const DecommissionDevice = z.strictObject({ kind: z.literal('DecommissionDevice'), reason: Text });
export const RecommissionDevice = z.strictObject({ kind: z.literal('RecommissionDevice'), reason: Text });

export const DeviceCommand = z.discriminatedUnion('kind', [
  ...AlarmCommand.options,
  ReportConnectivity,
  ReportLinkBack,
  WritePoint,
  SendWrite,
  ReportWrite,
  DecommissionDevice,
  RecommissionDevice,
]);
export type DeviceCommand = z.infer<typeof DeviceCommand>;
