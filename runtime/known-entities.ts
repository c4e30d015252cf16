import type { EntityId } from './ids.ts';
import type { Journal } from './journal.ts';
import type { Population } from './population.ts';

/** Everybody who comes up at a start: the residents, and those besides that the journal knows. */
export async function knownEntities(
  { residents, found }: Pick<Population, 'residents' | 'found'>,
  journal: Pick<Journal, 'entities'>,
): Promise<Set<EntityId>> {
  const others = await (found === undefined
    ? journal.entities()
    : Promise.all(found.map((kind) => journal.entities(kind))));
  return new Set([...residents, ...others.flat()]);
}
