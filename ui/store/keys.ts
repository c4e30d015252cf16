import { useEffect, useRef } from 'preact/hooks';

export type Keymap = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const SEQUENCE_MS = 1500;

/**
 * Keys of the page. `g a` is a sequence. Nothing fires while a field is being typed in or a dialog is open, except Escape in
 * the dialog itself. No key here writes: those that lead to a command open its dialog.
 */
class Keys {
  readonly #maps: { current: Keymap }[] = [];
  #prefix: string | null = null;
  #prefixAtMs = 0;

  constructor() {
    addEventListener('keydown', (event) => this.#press(event));
  }

  add(map: { current: Keymap }): () => void {
    this.#maps.push(map);
    return () => this.#maps.splice(this.#maps.indexOf(map), 1);
  }

  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const pending = this.#prefix !== null && event.timeStamp - this.#prefixAtMs < SEQUENCE_MS ? this.#prefix : null;
    this.#prefix = null;
    const name = pending === null ? event.key : `${pending} ${event.key}`;
    // The map added last belongs to the innermost part.
    for (const map of [...this.#maps].reverse()) {
      const action = map.current[name];
      if (action !== undefined) {
        event.preventDefault();
        action(event);
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

/** Keys that hold as long as the calling part is shown. */
export function useKeys(map: Keymap): void {
  const holder = useHolder(map);
  useEffect(() => {
    keys ??= new Keys();
    return keys.add(holder);
  }, [holder]);
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
