import { useLayoutEffect, useRef } from 'preact/hooks';

/** An action that returns false had nothing to do: the key goes on to the next outer part. */
export type Keymap = Readonly<Record<string, (event: KeyboardEvent) => unknown>>;

const SEQUENCE_MS = 1500;

/**
 * Keys of the page. `g a` is a sequence. Nothing fires while a field is being typed in or a dialog is open, except Escape in
 * the dialog itself. No key here writes: those that lead to a command open its dialog.
 */
class Keys {
  readonly #maps: { current: Keymap }[] = [];
  readonly #frame: { current: Keymap }[] = [];
  #prefix: string | null = null;
  #prefixAtMs = 0;

  constructor() {
    addEventListener('keydown', (event) => this.#press(event));
  }

  /** Inner parts mount before outer ones, so the order of adding is from the inside out; the frame's come last of all. */
  add(map: { current: Keymap }, frame: boolean): () => void {
    const maps = frame ? this.#frame : this.#maps;
    maps.push(map);
    return () => maps.splice(maps.indexOf(map), 1);
  }

  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const pending = this.#prefix !== null && event.timeStamp - this.#prefixAtMs < SEQUENCE_MS ? this.#prefix : null;
    this.#prefix = null;
    const name = pending === null ? event.key : `${pending} ${event.key}`;
    for (const map of [...this.#maps, ...this.#frame]) {
      const action = map.current[name];
      if (action !== undefined && action(event) !== false) {
        event.preventDefault();
        return;
      }
    }
    if (event.key === 'g' && pending === null) {
      this.#prefix = 'g';
      this.#prefixAtMs = event.timeStamp;
    }
  }
}

let keys: Keys | undefined;

/** Keys that hold as long as the calling part is shown; an inner part's go before an outer one's, the frame's come last. */
export function useKeys(map: Keymap, part: 'page' | 'frame' = 'page'): void {
  const holder = useHolder(map);
  // Together with the part: a key pressed in the moment it appears is not lost.
  useLayoutEffect(() => {
    keys ??= new Keys();
    return keys.add(holder, part === 'frame');
  }, [holder, part]);
}

function useHolder(map: Keymap): { current: Keymap } {
  const holder = useRef(map);
  holder.current = map;
  return holder;
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && target.type !== 'checkbox'))
  );
}
