import { useLayoutEffect } from 'preact/hooks';
import { useWall } from './wall.ts';

/** Says which site the calling page is about, for as long as it is shown. */
export function usePageSite(site: string | null | undefined): void {
  const { pageZone } = useWall();
  useLayoutEffect(() => {
    pageZone.setSite(site ?? null);
    return () => pageZone.setSite(null);
  }, [pageZone, site]);
}
