import type { DriverCode } from '../driver-codes.ts';

/**
 * Whether a device answers. Pure; time and consequences are the caller's.
 *
 * unknown → online → failing → degraded: the first cycle without any answer makes it offline to everybody else, `degradeAfter`
 * of them stop the polling; from then on it is probed with a single request until it answers.
 */
export class UnitHealth {
  readonly #degradeAfter: number;
  #state: 'unknown' | 'online' | 'failing' | 'degraded' = 'unknown';
  #failedCycles = 0;
  #reason: DriverCode | null = null;

  constructor(degradeAfter: number) {
    this.#degradeAfter = degradeAfter;
  }

  get state(): 'unknown' | 'online' | 'failing' | 'degraded' {
    return this.#state;
  }

  /** True when it was not online before. */
  answered(): boolean {
    const changed = this.#state !== 'online';
    this.#state = 'online';
    this.#failedCycles = 0;
    this.#reason = null;
    return changed;
  }

  /** A whole cycle, or a probe, without an answer. */
  cycleFailed(reason: DriverCode): HealthChange {
    this.#failedCycles++;
    const degrades = this.#state !== 'degraded' && this.#failedCycles >= this.#degradeAfter;
    const wentOffline = !this.#offline() || this.#reason !== reason;
    this.#fail(reason);
    if (degrades) this.#state = 'degraded';
    return { wentOffline, degrades };
  }

  /**
   * The link is gone, or an answer is overdue: offline, though no cycle of the unit's own has failed. True when it was not
   * offline before; a unit that is keeps the reason it has, since a silent one makes its link come and go.
   */
  unreachable(reason: DriverCode): boolean {
    if (this.#offline()) return false;
    this.#fail(reason);
    return true;
  }

  #offline(): boolean {
    return this.#state === 'failing' || this.#state === 'degraded';
  }

  #fail(reason: DriverCode): void {
    this.#reason = reason;
    if (this.#state !== 'degraded') this.#state = 'failing';
  }
}

export interface HealthChange {
  /** Offline since now, or for another reason than before. */
  readonly wentOffline: boolean;
  /** Polling is to stop and probing to begin. */
  readonly degrades: boolean;
}
