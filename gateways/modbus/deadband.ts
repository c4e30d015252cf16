import type { PointValue } from '../../actors/frame.ts';
import type { ModbusPoint } from '../../topology/schema/modbus.ts';

/**
 * Holds a value until it has moved by at least the deadband: the frame then repeats the value reported last, which stays
 * fresh (it was read) without moving. Percent is of the engineering range, or, without one, of the value reported last.
 */
export class Deadband {
  readonly #absolute: number;
  readonly #fraction: number;
  #last: number | null = null;

  constructor(settings: NonNullable<ModbusPoint['deadband']>, range: { min: number; max: number } | undefined) {
    const percent = settings.percent ?? 0;
    const span = range === undefined ? 0 : (range.max - range.min) * (percent / 100);
    this.#absolute = Math.max(settings.absolute ?? 0, span);
    this.#fraction = range === undefined ? percent / 100 : 0;
  }

  apply(value: PointValue): PointValue {
    if (typeof value !== 'number') return value;
    const last = this.#last;
    if (last !== null) {
      const width = Math.max(this.#absolute, Math.abs(last) * this.#fraction);
      if (Math.abs(value - last) < width) return last;
    }
    this.#last = value;
    return value;
  }
}
