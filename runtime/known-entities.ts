import type { EntityId } from './ids.ts';
import type { Journal } from './journal.ts';
import type { Population } from './population.ts';

type Known = Pick<Population, 'residents' | 'found'>;

/** Everybody who comes up at a start: the residents, and those besides that the journal knows. */
export async function knownEntities(population: Known, journal: Pick<Journal, 'entities'>): Promise<Set<EntityId>> {
  return new Set([...population.residents, ...(await foundEntities(population, journal))]);
}

/** Those that the journal knows beside the residents; some residents may be among them. */
export async function foundEntities(
  { found }: Pick<Known, 'found'>,
  journal: Pick<Journal, 'entities'>,
): Promise<EntityId[]> {
  if (found === undefined) return journal.entities();
  return (await Promise.all(found.map((kind) => journal.entities(kind)))).flat();
}
