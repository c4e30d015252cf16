import { type EntityId, entityId, kindOf, nameOf } from '../ids.ts';

/** Entities of which each cell has one, under this name: its books. */
const OF_THE_CELL = 'main';

/** What an entity of a cell is called outside of it: `order-book/main` of edge-7 is `order-book/edge-7`. */
export function nameOutside(id: EntityId, cell: string): EntityId {
  return nameOf(id) === OF_THE_CELL ? entityId(kindOf(id), cell) : id;
}

/** The other way round. */
export function nameInside(id: EntityId, cell: string): EntityId {
  return nameOf(id) === cell ? entityId(kindOf(id), OF_THE_CELL) : id;
}
