import { z } from 'zod';

/** Names in the topology file: they become parts of entity ids, addresses and MQTT topics. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore, starting with a letter or digit');

/** A metric or point name: it can stand in a formula. */
export const Identifier = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a letter or underscore, then letters, digits and underscores');

export const Title = z.string().min(1).max(120);
export const Unit = z
  .string()
  .max(16)
  .describe('As shown beside the value: °C, bar, m³/h, %. Empty for a pure number.');

export const Range = z
  .strictObject({ min: z.number().describe('Lowest value'), max: z.number().describe('Highest value') })
  .refine((r) => r.min < r.max, 'min must be below max');

export const Place = z.strictObject({
  latitude: z.number().min(-90).max(90).describe('Degrees north, WGS 84'),
  longitude: z.number().min(-180).max(180).describe('Degrees east, WGS 84'),
  address: z.string().max(200).optional().describe('Postal address, as a person would write it'),
});

export const Severity = z.enum(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO']);
export type Severity = z.infer<typeof Severity>;

/** Instant in ISO 8601 with offset. */
export const Instant = z.iso.datetime({ offset: true });

export type Place = z.infer<typeof Place>;
