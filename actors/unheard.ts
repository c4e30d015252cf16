import type { View } from '../runtime/actor-kind.ts';
import { type EntityId, kindOf } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import { plantOfCell } from '../topology/cells.ts';
import type { Plant } from '../topology/plant.ts';
import { SHOWN_KINDS } from './cells.ts';
import { populationOf } from './population.ts';

/**
 * What the plant says of the entities of another cell, for as long as that has told nothing of them: their names and places, and
 * no value, alarm or state. Each is made when it is asked for, and made as the entity itself would begin.
 */
export function unheardViews(plant: Plant, cell: string): ReadonlyMap<EntityId, () => View> {
  const population = populationOf(plantOfCell(plant, cell));
  const kinds = new Map(population.kinds.map((kind) => [kind.name, kind]));
  const views = new Map<EntityId, () => View>();
  for (const id of population.residents) {
    const kind = kinds.get(kindOf(id));
    const definition = population.definitionOf(id);
    if (kind === undefined || definition == null || !SHOWN_KINDS.some((shown) => shown === kind.name)) continue;
    const self = { id, definition };
    views.set(id, () => unjudged(kind.view(kind.initial(self), self)));
  }
  return views;
}

/** An asset that nobody has heard of is neither well nor ill, though it would begin well. */
function unjudged(view: View): View {
  const { props } = view;
  if (props === undefined || !('healthBreakdown' in props)) return view;
  const parts = Object.keys(props.healthBreakdown as { readonly [part: string]: Json });
  const healthBreakdown = Object.fromEntries(parts.map((part) => [part, null]));
  return { ...view, props: { ...props, health: null, healthLevel: null, healthBreakdown } };
}
