import type { World } from './world.ts';

/** Weather of one direction of a link. */
interface Weather {
  cut: boolean;
  slowMs: number;
}

/**
 * Links between nodes, clients and the database, one-way each. A message may be late, lost or (never from a database, whose
 * connection keeps order and count) come twice.
 */
export class Network {
  readonly #world: World;
  readonly #weather = new Map<string, Weather>();
  lossy = 0;
  doubling = 0;
  /** How often a call to the journal waits for a connection. */
  waiting = 0.1;

  constructor(world: World) {
    this.#world = world;
  }

  cut(from: string, to: string, cut: boolean): void {
    this.#of(from, to).cut = cut;
  }

  slow(from: string, to: string, slowMs: number): void {
    this.#of(from, to).slowMs = slowMs;
  }

  heal(): void {
    this.#weather.clear();
    this.lossy = 0;
    this.doubling = 0;
    this.waiting = 0;
  }

  /** So long a call to the journal stays where it is before it leaves. */
  connectionMs(): number {
    const { random } = this.#world;
    return random.chance(this.waiting) ? random.between(0, 1500) : 0;
  }

  send(from: string, to: string, deliver: () => void): void {
    const { random } = this.#world;
    const weather = this.#at(from, to);
    if (weather?.cut || random.chance(this.lossy)) return;
    this.#world.in(this.#delayMs(weather), deliver);
    if (random.chance(this.doubling)) this.#world.in(this.#delayMs(weather) * 4, deliver);
  }

  /** One direction of a database connection. */
  line(from: string, to: string, deliver: () => void): void {
    const weather = this.#at(from, to);
    if (!weather?.cut) this.#world.in(this.#delayMs(weather), deliver);
  }

  #delayMs(weather: Weather | undefined): number {
    const { random } = this.#world;
    const usual = random.between(0.5, random.chance(0.05) ? 80 : 6);
    return usual + (weather ? random.between(0, weather.slowMs) : 0);
  }

  #at(from: string, to: string): Weather | undefined {
    return this.#weather.size === 0 ? undefined : this.#weather.get(`${from}>${to}`);
  }

  #of(from: string, to: string): Weather {
    const key = `${from}>${to}`;
    let weather = this.#weather.get(key);
    if (!weather) {
      weather = { cut: false, slowMs: 0 };
      this.#weather.set(key, weather);
    }
    return weather;
  }
}
