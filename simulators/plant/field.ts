import type { Readings } from './readings.ts';
import type { ScenarioEvent } from './scenario.ts';

/** One side of the simulated field: a protocol and the devices that speak it. */
export interface Field {
  /** Takes over what the devices measure now, and what is wrong with them. Never throws. */
  apply(moment: FieldMoment): void;
  /** What clients have written, by point; nothing when none can be written. */
  written?(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

export interface FieldMoment {
  readonly nowMs: number;
  readonly readings: Readings;
  readonly events: readonly ScenarioEvent[];
}

/** Does to the readings what is wrong with the sensors: frozen, out of range, missing. Keeps what a frozen one last gave. */
export class SensorFaults {
  readonly #frozen = new Map<string, number | boolean | string>();

  apply(readings: Readings, events: readonly ScenarioEvent[]): void {
    const stillFrozen = new Set<string>();
    for (const event of events) {
      if (event.kind !== 'freeze' && event.kind !== 'spike' && event.kind !== 'omit') continue;
      const values = readings.get(event.device);
      if (values === undefined) continue;
      if (event.kind === 'omit') delete values[event.point];
      else if (event.kind === 'spike') values[event.point] = event.value;
      else {
        const key = `${event.device} ${event.point}`;
        const value = this.#frozen.get(key) ?? values[event.point];
        if (value === undefined) continue;
        stillFrozen.add(key);
        this.#frozen.set(key, value);
        values[event.point] = value;
      }
    }
    for (const key of this.#frozen.keys()) if (!stillFrozen.has(key)) this.#frozen.delete(key);
  }
}
