import type { AlarmBook } from './alarm-book.ts';
import { PRIORITY } from './alarm-order.ts';
import type { Preferences } from './preferences.ts';
import { Signal } from './signal.ts';
import { occurrenceKey, SOUNDS, soundingSeverity } from './sound-plan.ts';

/** `blocked`: switched on, but the browser wants a click or key on the page first. */
export type SoundState = 'off' | 'blocked' | 'on' | 'sounding' | 'silenced';

/** Sounds while an alarm is unacknowledged. Silencing is for this screen alone and changes nothing about the alarm. */
export class Sound {
  readonly state = new Signal<SoundState>('off');
  readonly #book: AlarmBook;
  readonly #preferences: Preferences;
  #context: AudioContext | null = null;
  #silenced = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next bar of sound is due, and the priority of the last one. */
  #nextAtMs = 0;
  #priority = 0;

  constructor(book: AlarmBook, preferences: Preferences) {
    this.#book = book;
    this.#preferences = preferences;
    book.alarms.subscribe(() => this.#update());
    preferences.sound.subscribe(() => this.#update());
    const unlock = () => void this.#unlock();
    addEventListener('pointerdown', unlock);
    addEventListener('keydown', unlock);
    this.#update();
  }

  /** Off -> on; sounding -> silenced; else off. */
  press(): void {
    if (this.state.value === 'sounding') this.silence();
    else this.#preferences.setSound(this.state.value === 'off');
    void this.#unlock();
  }

  silence(): void {
    this.#silenced = new Set([...this.#book.alarms.value.values()].map(occurrenceKey));
    this.#update();
  }

  async #unlock(): Promise<void> {
    if (!this.#preferences.sound.value) return;
    this.#context ??= new AudioContext();
    if (this.#context.state === 'suspended') await this.#context.resume();
    this.#update();
  }

  #update(): void {
    clearTimeout(this.#timer);
    const alarms = this.#book.alarms.value;
    if (!this.#preferences.sound.value) this.state.value = 'off';
    else if (this.#context?.state !== 'running') this.state.value = 'blocked';
    else if (soundingSeverity(alarms.values(), this.#silenced) !== null) this.#play();
    else if (soundingSeverity(alarms.values(), new Set()) !== null) this.state.value = 'silenced';
    else this.state.value = 'on';
  }

  #play(): void {
    const severity = soundingSeverity(this.#book.alarms.value.values(), this.#silenced);
    const sound = severity === null ? null : SOUNDS[severity];
    if (severity === null || sound === null || this.#context === null) return;
    const now = performance.now();
    // A flood sounds no denser than one alarm; only a graver one does not wait for its turn.
    if (now >= this.#nextAtMs || PRIORITY[severity] < this.#priority) {
      for (const tone of sound.tones) schedule(this.#context, tone.hertz, tone.startMs, tone.lengthMs);
      this.#nextAtMs = now + sound.everyMs;
      this.#priority = PRIORITY[severity];
    }
    this.state.value = 'sounding';
    this.#timer = setTimeout(() => this.#update(), this.#nextAtMs - now);
  }
}

/** A soft edge on both sides keeps a beep from clicking. */
function schedule(context: AudioContext, hertz: number, startMs: number, lengthMs: number): void {
  const start = context.currentTime + startMs / 1000;
  const end = start + lengthMs / 1000;
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.25, start + 0.015);
  gain.gain.setValueAtTime(0.25, end - 0.03);
  gain.gain.linearRampToValueAtTime(0, end);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(end);
}
