import { type EntityId, entityId, kindOf, nameOf } from '../ids.ts';

/** Entities of which each cell has one, its books, have this name within it. */
const OF_THE_CELL = 'main';

/**
 * What entities of a cell are called outside of it: its `order-book/main` is `order-book/edge-7` there, and its `rule/high`,
 * which another cell may have as well, `rule/high.edge-7`. All others have one name everywhere.
 */
export class CellNames {
  readonly #books: ReadonlySet<string>;
  readonly #named: ReadonlySet<string>;

  /**
   * @param books kinds of which each cell has one entity
   * @param named kinds whose entities people name, in each cell as they like
   */
  constructor(books: readonly string[], named: readonly string[]) {
    this.#books = new Set(books);
    this.#named = new Set(named);
  }

  outside(id: EntityId, cell: string): EntityId {
    if (this.#named.has(kindOf(id))) return entityId(kindOf(id), `${nameOf(id)}.${cell}`);
    return this.book(id, cell);
  }

  /** As somebody outside asks for it, who says `order-book/main` and means that of the cell. */
  book(id: EntityId, cell: string): EntityId {
    return this.#books.has(kindOf(id)) && nameOf(id) === OF_THE_CELL ? entityId(kindOf(id), cell) : id;
  }

  inside(id: EntityId, cell: string): EntityId {
    const name = nameOf(id);
    if (this.#named.has(kindOf(id)) && name.endsWith(`.${cell}`))
      return entityId(kindOf(id), name.slice(0, -cell.length - 1));
    return this.#books.has(kindOf(id)) && name === cell ? entityId(kindOf(id), OF_THE_CELL) : id;
  }
}
