import { storable } from './batch.ts';
import { SERIES_IDS } from './tables.ts';

type Query = (text: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;

/** Series whose ids are kept; more, and all of them are asked for anew. */
const MAX_KEPT = 200_000;

/** Short numbers for series, since their names would be most of a row. */
export class SeriesIds {
  readonly #ids = new Map<string, Map<string, number>>();
  #kept = 0;

  clear(): void {
    this.#ids.clear();
    this.#kept = 0;
  }

  get(entity: string, series: string): number | undefined {
    return this.#ids.get(entity)?.get(series);
  }

  /** Makes those known that are not, all of them in one question. */
  async learn(wanted: Iterable<readonly [entity: string, points: readonly string[]]>, query: Query): Promise<void> {
    if (this.#kept > MAX_KEPT) this.clear();
    const missing = new Map<string, Set<string>>();
    for (const [entity, points] of wanted) {
      const known = this.#ids.get(entity);
      for (const point of points) {
        if (known?.has(point)) continue;
        const ofEntity = missing.get(entity) ?? new Set();
        missing.set(entity, ofEntity.add(point));
      }
    }
    const pairs = [...missing].flatMap(([entity, points]) => [...points].map((point) => [entity, point] as const));
    if (pairs.length === 0) return;
    const parameters = [pairs.map(([entity]) => entity), pairs.map(([, point]) => storable(point))];
    const rows = await query(SERIES_IDS, parameters);
    for (const [index, [entity, point]] of pairs.entries()) this.#keep(entity, point, idOf(rows[index]));
  }

  #keep(entity: string, point: string, id: number): void {
    const known = this.#ids.get(entity) ?? new Map<string, number>();
    this.#ids.set(entity, known.set(point, id));
    this.#kept += 1;
  }
}

function idOf(row: unknown): number {
  if (typeof row === 'object' && row !== null && 'id' in row && typeof row.id === 'number') return row.id;
  throw new TypeError('the database gave a series no id');
}
