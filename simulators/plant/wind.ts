import { clamp, daily, wander } from './dynamics.ts';

/** The wind over the farm: a mean of the day, weather that changes over minutes and gusts of seconds. */
export interface WindState {
  /** m/s at hub height */
  readonly speed: number;
  /** Degrees, 0 is north, where it comes from. */
  readonly direction: number;
  readonly weather: number;
  readonly gust: number;
  readonly veer: number;
}

export const CALM_START: WindState = { speed: 9.5, direction: 255, weather: 0, gust: 0, veer: 0 };

export function stepWind(
  state: WindState,
  dtSeconds: number,
  timeOfDaySeconds: number,
  normal: () => number,
): WindState {
  const weather = wander(state.weather, 1.2, 900, dtSeconds, normal());
  const gust = wander(state.gust, 0.5, 12, dtSeconds, normal());
  const veer = wander(state.veer, 12, 1800, dtSeconds, normal());
  const speed = clamp(9.5 + 1.2 * daily(timeOfDaySeconds, 15) + weather + gust, 4, 18);
  return { speed, direction: (255 + veer + 360) % 360, weather, gust, veer };
}
