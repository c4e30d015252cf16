import type { RefObject } from 'preact';
import { useKeys } from './keys.ts';
import { useSignal } from './signal.ts';
import { useWall } from './wall.ts';

export interface Inspection {
  /** Values whose detail is open; the address holds them. */
  readonly open: ReadonlySet<string>;
  readonly toggle: (name: string) => void;
}

/**
 * Opens the detail of values in a list, by mouse on the row's own button, by `i` on the focused row (the first, when none is).
 * Rows carry `data-value`, their buttons `data-inspect`; arrow keys go from one to the next.
 */
export function useInspection(list: RefObject<HTMLElement>, names: readonly string[]): Inspection {
  const { router } = useWall();
  const { query } = useSignal(router.address);
  const open = new Set((query.get('value') ?? '').split(',').filter((name) => names.includes(name)));
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    router.set({ value: [...next].join(',') });
  };
  const focused = () => {
    const row = document.activeElement?.closest<HTMLElement>('[data-value]');
    return row != null && list.current?.contains(row) ? names.indexOf(row.dataset.value ?? '') : -1;
  };
  const focus = (name: string | undefined) => {
    if (name === undefined) return;
    list.current?.querySelector<HTMLElement>(`[data-value="${CSS.escape(name)}"] [data-inspect]`)?.focus();
  };
  const move = (by: number) => {
    const at = focused();
    if (at < 0) return false;
    return focus(names[at + by]);
  };
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    i: () => {
      const name = names[Math.max(0, focused())];
      if (name === undefined) return false;
      focus(name);
      return toggle(name);
    },
  });
  return { open, toggle };
}
