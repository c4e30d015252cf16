import { useKeys } from './keys.ts';
import { useWall } from './wall.ts';

/** Escape leads one level up, from a detail to its asset, from there to its site and the overview, wherever one came from. */
export function useParent(href: string | undefined): void {
  const { router } = useWall();
  useKeys({
    Escape: () => {
      if (letGo()) return true;
      return href === undefined ? false : router.go(href);
    },
  });
}

/** What has the focus gives it up first; false when nothing has it. */
export function letGo(): boolean {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement) || focused === document.body) return false;
  focused.blur();
  return true;
}
