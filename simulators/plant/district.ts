import { approach, clamp, daily, wander } from './dynamics.ts';

/** A street cabinet: mains, load, warmth inside, a door and a battery. */
export interface CabinetState {
  readonly voltageV: number;
  readonly currentA: number;
  readonly insideC: number;
  readonly doorOpen: boolean;
  readonly batteryV: number;
  readonly whim: number;
}

export interface CabinetDisturbance {
  /** Not 0: somebody has opened the door. */
  readonly doorOpen?: number | undefined;
  /** V less than usual. */
  readonly sag?: number | undefined;
  /** K that a failed fan costs in the end. */
  readonly fanFailure?: number | undefined;
}

/** A gauge at the quay: tide, and what heavy rain brings down the canal. */
export interface GaugeState {
  readonly levelM: number;
  readonly surgeM: number;
  readonly rainMmH: number;
  readonly batteryV: number;
}

export interface GaugeDisturbance {
  /** m that a cloudburst raises the water in the end. */
  readonly surge?: number | undefined;
}

const TIDE_SECONDS = 44_712;

export function initialCabinet(index: number, ambientC: number): CabinetState {
  return { voltageV: 231, currentA: 10 + (index % 7), insideC: ambientC + 9, doorOpen: false, batteryV: 13.6, whim: 0 };
}

export function stepCabinet(
  state: CabinetState,
  dtSeconds: number,
  at: { readonly timeOfDaySeconds: number; readonly ambientC: number; readonly index: number },
  disturbance: CabinetDisturbance,
  normal: () => number,
): CabinetState {
  const whim = wander(state.whim, 2, 200, dtSeconds, normal());
  // Street lights make the load of the evening.
  const currentA = Math.max(0.5, 11 + (at.index % 7) + 5 * daily(at.timeOfDaySeconds, 21) + whim);
  const doorOpen = (disturbance.doorOpen ?? 0) !== 0;
  const warmth = (doorOpen ? 2 : 6) + currentA ** 2 * 0.01 + (disturbance.fanFailure ?? 0);
  const insideTau = disturbance.fanFailure === undefined ? 900 : 20;
  return {
    voltageV: 233 - currentA * 0.12 + normal() * 0.35 - (disturbance.sag ?? 0),
    currentA,
    insideC: approach(state.insideC, at.ambientC + warmth, insideTau, dtSeconds),
    doorOpen,
    batteryV: 13.6 + normal() * 0.01,
    whim,
  };
}

export function initialGauge(): GaugeState {
  return { levelM: 0.4, surgeM: 0, rainMmH: 0, batteryV: 3.6 * 3.5 };
}

export function stepGauge(
  state: GaugeState,
  dtSeconds: number,
  at: { readonly seconds: number; readonly showerMmH: number; readonly index: number },
  disturbance: GaugeDisturbance,
  normal: () => number,
): GaugeState {
  const surge = disturbance.surge ?? 0;
  const surgeM = approach(state.surgeM, surge + at.showerMmH * 0.01, surge > 0 ? 10 : 15, dtSeconds);
  const tideM = 0.4 + 0.5 * Math.sin((2 * Math.PI * at.seconds) / TIDE_SECONDS + at.index * 0.05);
  return {
    levelM: tideM + surgeM + normal() * 0.004,
    surgeM,
    rainMmH: clamp(approach(state.rainMmH, at.showerMmH + surge * 25, 5, dtSeconds), 0, 200),
    batteryV: 12.6 + normal() * 0.005,
  };
}
