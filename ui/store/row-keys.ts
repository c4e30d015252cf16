import type { RefObject } from 'preact';
import { useKeys } from './keys.ts';

/** So many rows at once with PageDown and PageUp. */
const PAGE = 10;

/**
 * Arrow keys (or `j` and `k`) go from row to row of a table. The focus stands on the first link of the row, which Enter opens
 * as anywhere; the style sheet marks the whole row.
 */
export function useRowKeys(table: RefObject<HTMLElement>): void {
  const move = (by: number) => {
    const rows = [...(table.current?.querySelectorAll('tbody tr') ?? [])];
    if (rows.length === 0) return false;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const to = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by));
    return rows[to]?.querySelector<HTMLElement>('a[href]')?.focus();
  };
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    PageDown: () => move(PAGE),
    PageUp: () => move(-PAGE),
    Home: () => move(Number.NEGATIVE_INFINITY),
    End: () => move(Number.POSITIVE_INFINITY),
  });
}
