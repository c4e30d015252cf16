import { z } from 'zod';
import { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';

/** Checked as far as the shape of a view goes: whose they are runs the same product, and there are many. */
const Field = z.custom<Json>((value) => value !== undefined);
const Groups = z.record(z.string(), z.record(z.string(), Field));

export const EntityChange = z.object({
  id: EntityId,
  /** What it shows is just this, and nothing else; empty: it is gone. Else fields replace those of the same key. */
  whole: z.boolean(),
  groups: Groups,
  /** Fields that went away, by group. A field may well be null and there. */
  gone: z.record(z.string(), z.array(z.string())).exactOptional(),
});
export type EntityChange = z.infer<typeof EntityChange>;

/** From an edge to whoever mirrors it. Without changes it is a sign of life. */
export const ViewMessage = z.object({
  /** Of the process that sends: another one counts anew. */
  run: z.string(),
  /** 1, 2, 3 … of the run. */
  n: z.int(),
  /** By the clock of the edge. */
  atMs: z.number(),
  changes: z.array(EntityChange),
  /** How the edge does, for people. */
  status: z.record(z.string(), Field),
});
export type ViewMessage = z.infer<typeof ViewMessage>;

/** Whole views, in the order of their ids. They hold everything up to message `n`, and maybe some of what follows. */
export const ViewPage = z.object({
  run: z.string(),
  n: z.int(),
  atMs: z.number(),
  changes: z.array(EntityChange),
  /** Where the next page goes on; null: this was the last. */
  next: z.string().nullable(),
});
export type ViewPage = z.infer<typeof ViewPage>;

export const PageRequest = z.object({ after: z.string() });
