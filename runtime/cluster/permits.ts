import { invariant, type Step } from './machine.ts';

/** So many at a time, the rest in the order in which they asked. */
export interface Permits<Key> {
  readonly limit: number;
  readonly held: readonly Key[];
  readonly waiting: readonly Key[];
}

export type PermitsInput<Key> =
  | { readonly kind: 'ask'; readonly key: Key }
  /** Held or waiting, or neither: giving back twice is no harm. */
  | { readonly kind: 'giveBack'; readonly key: Key };

export interface PermitsEffect<Key> {
  readonly kind: 'granted';
  readonly key: Key;
}

export function permitsOf<Key>(limit: number): Permits<Key> {
  invariant(limit > 0, 'nobody could ever get a permit');
  return { limit, held: [], waiting: [] };
}

export function stepPermits<Key>(
  state: Permits<Key>,
  input: PermitsInput<Key>,
): Step<Permits<Key>, PermitsEffect<Key>> {
  const { limit } = state;
  const held = input.kind === 'giveBack' ? state.held.filter((key) => key !== input.key) : [...state.held];
  const waiting = state.waiting.filter((key) => key !== input.key);
  if (input.kind === 'ask' && !held.includes(input.key)) waiting.push(input.key);
  const effects: PermitsEffect<Key>[] = [];
  while (held.length < limit) {
    const key = waiting.shift();
    if (key === undefined) break;
    held.push(key);
    effects.push({ kind: 'granted', key });
  }
  return { state: { limit, held, waiting }, effects };
}
