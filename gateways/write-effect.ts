import { z } from 'zod';

/** Body of the `device-write` effect, as device actors emit it. */
export const WriteEffect = z.object({
  writeId: z.string(),
  device: z.string(),
  point: z.string(),
  value: z.union([z.number(), z.boolean(), z.string()]),
  deadlineMs: z.number(),
});
