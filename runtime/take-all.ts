import type { Checkpoints } from './checkpoints.ts';
import type { EffectRunner } from './effects.ts';
import type { Entities } from './entities.ts';
import type { Journal } from './journal.ts';
import { knownEntities } from './known-entities.ts';
import { SHARD_COUNT, type Shard } from './ownership.ts';
import type { Population } from './population.ts';

/**
 * A node that is alone takes every shard at once: everything comes up in one pass over the log. Rejects where a store keeps
 * somebody from coming up: without its stores a node that is alone has nothing to begin with.
 */
export async function takeAll(options: {
  readonly journal: Journal;
  readonly population: Population;
  readonly entities: Entities;
  readonly checkpoints: Checkpoints;
  readonly effects: EffectRunner;
  readonly opened: (shard: Shard) => void;
}): Promise<void> {
  const { journal, population, entities, checkpoints, effects, opened } = options;
  const all = Array.from({ length: SHARD_COUNT }, (_, shard) => shard);
  await Promise.all(all.map((shard) => checkpoints.begin(shard)));
  // What the recovery itself decides begins its effects by itself.
  const pending = await journal.pendingEffects();
  const ids = await knownEntities(population, journal);
  await entities.bringUp(ids);
  for (const shard of all) {
    checkpoints.follow(shard);
    opened(shard);
  }
  for (const effect of pending) effects.begin(effect);
}
