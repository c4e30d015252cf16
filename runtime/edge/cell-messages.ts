import { z } from 'zod';
import { CommandId, EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import type { Reply } from '../runtime.ts';

/** What cells say to each other beside `hello`, `views`, `page`, `journal` and `journal-place`; each by its name on the link. */
const JsonValue = z.custom<Json>((value) => value !== undefined);

/** From the centre: to be carried out once, however often it comes. */
export const CommandRequest = z.object({
  to: EntityId,
  command: z.unknown(),
  commandId: CommandId,
  by: z.object({ user: z.string(), via: z.enum(['http', 'websocket', 'entity', 'timer', 'log', 'driver', 'cli']) }),
  permissions: z.array(z.string()),
  /** By the clock of the centre: nothing is begun from then on. */
  expiresAtMs: z.number(),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

export const CommandReply: z.ZodType<Reply> = z.union([
  z.object({ ok: z.literal(true), result: JsonValue, repeated: z.boolean() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), field: z.string().exactOptional() }),
]);

/** From an edge: what time is it over there? */
export const ClockAnswer = z.object({ receivedMs: z.number(), answeredMs: z.number() });
