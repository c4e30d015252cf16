import { z } from 'zod';
import type { SystemView } from '../../actors/views.ts';
import { AssetItem } from './view-schemas.ts';

const { id, away, notRecorded, pending, alarms, unrecordedAlarms } = AssetItem.shape;

const Instant = z.number().describe('Epoch milliseconds');

const SystemGroups = z.object({
  away,
  notRecorded,
  pending,
  props: z.object({ name: z.string(), site: z.string().describe('Under which its alarms stand') }),
  alarms,
  unrecordedAlarms,
  certificates: z
    .record(z.string(), z.object({ subject: z.string(), thumbprint: z.string(), expiresAtMs: Instant }))
    .describe('The newest that was seen, by whose it is: `server` or `own`'),
  link: z.record(z.string(), z.unknown()).describe('Of a connection whose devices have an alarm in common'),
  clock: z.record(z.string(), z.unknown()).describe('Of a node: the last check of its clock'),
}) satisfies z.ZodType<SystemView>;

/** A connection or a node, as the push sends it. */
export const SystemItem = SystemGroups.extend({ id }).meta({ id: 'SystemPart' });
