import { messageOf } from './errors.ts';
import type { Historian } from './historian.ts';

const LOOK_EVERY_MS = 1000;

/** How far the historian has got with the log, and what keeps it, as it said last. */
export class HistorianWatch {
  readonly #historian: Historian;
  #timer: NodeJS.Timeout | undefined;
  #position = 0;
  #problem: string | null = null;

  constructor(historian: Historian) {
    this.#historian = historian;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  /** Log position up to which it has everything. */
  get position(): number {
    return this.#position;
  }

  get problem(): string | null {
    return this.#problem;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      const { consumedPosition, problem } = await this.#historian.statistics();
      if (typeof consumedPosition === 'number') this.#position = consumedPosition;
      this.#problem = typeof problem === 'string' ? problem : null;
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }
}
