/**
 * An address as it may be shown to everybody who may read: its path, query and user may be what keeps others out.
 */
export function shownAddress(url: string): string {
  const { origin, pathname, search, username } = new URL(url);
  return pathname === '/' && search === '' && username === '' ? origin : `${origin}/…`;
}
