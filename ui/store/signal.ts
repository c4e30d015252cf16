import { useLayoutEffect, useReducer } from 'preact/hooks';

/** A value that tells its listeners when it was replaced. The unit of re-rendering: a part listens to what it draws and no more. */
export interface Readable<T> {
  readonly value: T;
  subscribe(listener: () => void): () => void;
}

export class Signal<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  set value(next: T) {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    for (const listener of [...this.#listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Renders the calling part again whenever the signal's value was replaced. */
export function useSignal<T>(signal: Readable<T>): T {
  const value = signal.value;
  useSubscription(
    (listener) => signal.subscribe(listener),
    [signal],
    () => signal.value !== value,
  );
  return value;
}

/**
 * Renders the calling part again when `subscribe` calls back. `changed` is asked once after mounting, since the value may have
 * moved between drawing and subscribing.
 */
export function useSubscription(
  subscribe: (listener: () => void) => () => void,
  inputs: readonly unknown[],
  changed: () => boolean = () => false,
): void {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  // The caller names the inputs that `subscribe` depends on.
  useLayoutEffect(() => {
    const stop = subscribe(() => redraw(undefined));
    if (changed()) redraw(undefined);
    return stop;
  }, inputs);
}
