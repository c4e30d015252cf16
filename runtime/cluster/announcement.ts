import { z } from 'zod';
import { EntityId } from '../ids.ts';
import { SHARD_COUNT } from '../ownership.ts';

/** What nodes tell each other about shards. Hearsay all of it: it saves looks at the rows of the cell and decides nothing. */
export const SHARD_OPENED = 'shard-opened';
export const SHARD_FREE = 'shard-free';

/** A node has committed up to a position of the journal. */
export const JOURNAL_AT = 'journal-at';
export const JournalNews = z.object({ position: z.number().int() });

/** Somebody asks for an entity of another node to be built again. */
export const RESTART = 'restart';
export const RestartOrder = z.object({ id: EntityId });
export const RestartOutcome = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

/** `node` owns the shard, or, where it is free, is to take it. */
export const ShardNews = z.object({
  shard: z
    .number()
    .int()
    .min(0)
    .max(SHARD_COUNT - 1),
  node: z.string(),
  epoch: z.number().int(),
});
export type ShardNews = z.infer<typeof ShardNews>;
