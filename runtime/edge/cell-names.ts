import { type EntityId, entityId, kindOf, nameOf } from '../ids.ts';

/** Entities of which each cell has one, its books, have this name within it. */
const OF_THE_CELL = 'main';

/**
 * What entities of a cell are called outside of it: its `order-book/main` is `order-book/edge-7` there. All others have one
 * name everywhere.
 */
export class CellNames {
  readonly #books: ReadonlySet<string>;

  /** @param books kinds of which each cell has one entity */
  constructor(books: readonly string[]) {
    this.#books = new Set(books);
  }

  outside(id: EntityId, cell: string): EntityId {
    return this.#books.has(kindOf(id)) && nameOf(id) === OF_THE_CELL ? entityId(kindOf(id), cell) : id;
  }

  inside(id: EntityId, cell: string): EntityId {
    return this.#books.has(kindOf(id)) && nameOf(id) === cell ? entityId(kindOf(id), OF_THE_CELL) : id;
  }
}
