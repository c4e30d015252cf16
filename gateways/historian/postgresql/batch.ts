import type { Frame, PointValue } from '../../../actors/frame.ts';
import { qualityCode } from '../column.ts';
import { dayOf } from '../day-file.ts';
import { timeOfFrame, timeOfReading } from '../readings.ts';

/** Readings as PostgreSQL takes many at once: an array a column. */
export class SampleBatch {
  readonly series: number[] = [];
  readonly days = new Set<number>();
  readonly #times: number[] = [];
  readonly #values: (number | null)[] = [];
  readonly #flags: (boolean | null)[] = [];
  readonly #texts: (string | null)[] = [];
  readonly #qualities: number[] = [];
  readonly #gateway: number[] = [];
  readonly #logged: (number | null)[] = [];

  get rows(): number {
    return this.#times.length;
  }

  add(ids: readonly number[], frame: Frame, loggedAtMs: number | undefined): void {
    const frameTimeMs = timeOfFrame(frame);
    for (let index = 0; index < ids.length; index++) {
      const timeMs = timeOfReading(frame, index, frameTimeMs);
      const value: PointValue = frame.values[index] ?? null;
      this.series.push(ids[index] ?? 0);
      this.days.add(dayOf(timeMs));
      this.#times.push(timeMs);
      this.#values.push(typeof value === 'number' ? value : null);
      this.#flags.push(typeof value === 'boolean' ? value : null);
      this.#texts.push(typeof value === 'string' ? storable(value) : null);
      this.#qualities.push(qualityCode(frame.quality?.[index]));
      this.#gateway.push(frame.gatewayTimeMs);
      this.#logged.push(loggedAtMs ?? null);
    }
  }

  parameters(storedAtMs: number): readonly unknown[] {
    return [
      this.series,
      this.#times,
      this.#values,
      this.#flags,
      this.#texts,
      this.#qualities,
      this.#gateway,
      this.#logged,
      storedAtMs,
    ];
  }
}

/** PostgreSQL keeps every character but one. */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text;
}
