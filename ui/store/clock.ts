import { Signal } from './signal.ts';

const SAMPLES = 8;

/**
 * The server's time as this page knows it. Every heartbeat gives one sample of the offset; the largest of the last few is
 * taken, since a sample can only be late, never early. Stops while the link is lost, so that no old value looks current.
 */
export class ServerClock {
  /** Server time in whole seconds, as milliseconds: what clocks and ages are drawn from. 0 before the first heartbeat. */
  readonly second = new Signal(0);
  /** Server time when the link was lost; null while it is there. */
  readonly stoppedAtMs = new Signal<number | null>(null);
  #offsets: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #monotonic: () => number;

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
  }

  /** Server time now; while stopped, the instant at which it stopped. */
  nowMs(): number {
    return this.stoppedAtMs.value ?? this.at(this.#monotonic());
  }

  /** Server time at an instant of this page's monotonic clock. */
  at(monotonicMs: number): number {
    return this.#offsets.length === 0 ? 0 : monotonicMs + Math.max(...this.#offsets);
  }

  sample(serverTimeMs: number): void {
    this.#offsets.push(serverTimeMs - this.#monotonic());
    if (this.#offsets.length > SAMPLES) this.#offsets.shift();
    if (this.#timer === undefined) this.#tick();
  }

  /** A new connection may reach another server: older samples say nothing about its clock. */
  restart(serverTimeMs: number): void {
    this.#offsets = [];
    this.stoppedAtMs.value = null;
    this.sample(serverTimeMs);
    this.second.value = Math.floor(this.nowMs() / 1000) * 1000;
  }

  stop(atMs: number): void {
    if (this.#offsets.length === 0 || this.stoppedAtMs.value !== null) return;
    this.stoppedAtMs.value = atMs;
    this.second.value = Math.floor(atMs / 1000) * 1000;
  }

  resume(): void {
    this.stoppedAtMs.value = null;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = this.nowMs();
    this.second.value = Math.floor(now / 1000) * 1000;
    // Aligned to the server's second, so that all walls in a room turn over together.
    this.#timer = setTimeout(() => this.#tick(), 1000 - (now % 1000) + 1);
  }
}
