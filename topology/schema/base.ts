import { z } from 'zod';

/** Names in the topology file: they become parts of entity ids, addresses and MQTT topics. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore, starting with a letter or digit');

/** Name of a cell: a word of subjects on NATS, so without a dot, and part of the numbers of its work orders. */
export const CellName = z
  .string()
  .min(1)
  .max(20)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'letters, digits, dash and underscore, starting with a letter or digit')
  .refine((name) => name !== 'main', '"main" is what each cell calls its own books');

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

/** Whether the lower limit is not above the upper one, where both are given: otherwise nothing would ever fit. */
export function limitsFit({ min, max }: { min?: number | undefined; max?: number | undefined }): boolean {
  return min === undefined || max === undefined || min <= max;
}
export const LIMITS_REVERSED = { message: 'min must not be above max', path: ['min'] };

/** A scale of 0 would make one value of all. */
export const Scale = z
  .number()
  .refine((scale) => scale !== 0, 'a scale of 0 makes every value the offset; 1 leaves it as it is')
  .default(1);

export const Reconnect = z
  .strictObject({
    minMs: z.int().min(10).default(500).describe('First pause, in ms'),
    maxMs: z.int().min(100).default(30_000).describe('Longest pause, in ms'),
  })
  .refine(({ minMs, maxMs }) => minMs <= maxMs, {
    message: 'the first pause must not be longer than the longest: minMs is above maxMs',
    path: ['minMs'],
  })
  .default({ minMs: 500, maxMs: 30_000 })
  .describe('Pause before a new attempt to connect, doubled up to the longest');

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
