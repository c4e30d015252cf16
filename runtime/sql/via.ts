import type { Who } from '../actor-kind.ts';

const VIA = ['http', 'websocket', 'entity', 'timer', 'log', 'driver', 'cli'] as const satisfies readonly Who['via'][];

/** The column `by_via` of a table. Throws for what this program has never written. */
export function viaOf(text: string): Who['via'] {
  const via = VIA.find((known) => known === text);
  if (via === undefined) throw new TypeError(`the database names an unknown origin: ${text}`);
  return via;
}
