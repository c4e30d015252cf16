import { z } from 'zod';
import { CommandId, EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import type { RequestNumber } from './session.ts';

/** A command on its way from the node that was asked to the node that owns the entity. */
export interface RoutedRequest extends RequestNumber {
  readonly shard: number;
  /** Under which the sender takes the other node for the owner. */
  readonly epoch: number;
  readonly command: unknown;
  readonly options: Omit<AskOptions, 'timeoutMs'>;
}

/** What the owner says to it. Only `decided` is an answer; the others have to be sent again. */
export type RoutedAnswer =
  | { readonly kind: 'decided'; readonly reply: Reply }
  /** Not by this node, not under this epoch, or not now. */
  | { readonly kind: 'refused'; readonly owner?: { readonly node: string; readonly epoch: number } | undefined }
  /** The sender has sent something newer to the entity since. */
  | { readonly kind: 'outdated' };

/** Another node may be of the next version: what it sends is parsed like anything from outside. */
export const RoutedRequestSchema = z.object({
  sender: z.string(),
  entity: EntityId,
  n: z.number().int(),
  floor: z.number().int(),
  shard: z.number().int().nonnegative(),
  epoch: z.number().int(),
  command: z.unknown(),
  options: z.object({
    commandId: CommandId,
    by: z.object({ user: z.string(), via: z.enum(['http', 'websocket', 'entity', 'timer', 'log', 'driver', 'cli']) }),
    permissions: z.array(z.string()),
    deadlineMs: z.number().exactOptional(),
  }),
});

const ReplySchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.json(), repeated: z.boolean() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), field: z.string().exactOptional() }),
]);

export const RoutedAnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('decided'), reply: ReplySchema }),
  z.object({
    kind: z.literal('refused'),
    owner: z.object({ node: z.string(), epoch: z.number().int() }).optional(),
  }),
  z.object({ kind: z.literal('outdated') }),
]);
