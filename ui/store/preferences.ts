import { Signal } from './signal.ts';

export type Theme = 'system' | 'dark' | 'light';

/** What belongs to this screen and not to the plant: kept in the browser. */
export class Preferences {
  readonly theme: Signal<Theme>;
  readonly sound: Signal<boolean>;

  constructor() {
    const theme = stored('signalbox.theme');
    this.theme = new Signal<Theme>(theme === 'dark' || theme === 'light' ? theme : 'system');
    this.sound = new Signal(stored('signalbox.sound') === 'on');
    this.#apply();
  }

  nextTheme(): void {
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    const now = this.theme.value === 'system' ? (dark ? 'dark' : 'light') : this.theme.value;
    this.theme.value = now === 'dark' ? 'light' : 'dark';
    store('signalbox.theme', this.theme.value);
    this.#apply();
  }

  setSound(on: boolean): void {
    this.sound.value = on;
    store('signalbox.sound', on ? 'on' : 'off');
  }

  #apply(): void {
    if (this.theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme.value;
  }
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing still shows the wall; the choice then lasts as long as the page.
  }
}
