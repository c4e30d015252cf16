import { approach, clamp, daily, wander } from './dynamics.ts';
import { initialPump, type PumpDisturbance, type PumpState, stepPump } from './pump.ts';

/** The pumping station: three pumps, the balance of the tank, four zones that take what people use. */
export interface StationState {
  readonly pumps: readonly [PumpState, PumpState, PumpState];
  readonly levelM: number;
  readonly inflowM3h: number;
  readonly outflowM3h: number;
  readonly zones: readonly ZoneState[];
  readonly controlVoltageV: number;
  readonly rtuVoltageV: number;
}

export interface ZoneState {
  readonly pressureBar: number;
  readonly flowM3h: number;
  readonly valvePercent: number;
  readonly whim: number;
}

export interface ZoneDisturbance {
  /** bar that a burst main costs in the end. */
  readonly burst?: number | undefined;
}

export const TANK_AREA_M2 = 120;
export const TANK_HEIGHT_M = 6.3;
const ZONES = [
  { meanM3h: 90, bar: 5.6 },
  { meanM3h: 75, bar: 5.3 },
  { meanM3h: 60, bar: 5.1 },
  { meanM3h: 50, bar: 5.4 },
] as const;

export function initialStation(timeOfDaySeconds: number): StationState {
  const zones = ZONES.map(({ meanM3h, bar }) => ({
    pressureBar: bar - 0.5,
    flowM3h: meanM3h * demand(timeOfDaySeconds),
    valvePercent: 70,
    whim: 0,
  }));
  return {
    pumps: [initialPump(true, 15), initialPump(false, 15), initialPump(false, 15)],
    levelM: 4.4,
    inflowM3h: 0,
    outflowM3h: zones.reduce((sum, zone) => sum + zone.flowM3h, 0),
    zones,
    controlVoltageV: 24,
    rtuVoltageV: 24,
  };
}

export function stepStation(
  state: StationState,
  dtSeconds: number,
  timeOfDaySeconds: number,
  inputs: {
    /** Highest share of the rated speed that pump 3 may run at. */
    readonly pump3Limit: number;
    readonly pumps: readonly PumpDisturbance[];
    readonly zones: readonly ZoneDisturbance[];
  },
  normal: () => number,
): StationState {
  const { levelM } = state;
  const [first, second, third] = state.pumps;
  // The first pump follows the level with its speed and never stops; the others help out, each with a band of its own.
  const speeds = [
    clamp(0.78 + (4.6 - levelM) * 0.4, 0.78, 1),
    hysteresis(second.on, levelM, 4, 4.7) ? 1 : 0,
    hysteresis(third.on, levelM, 3.2, 4.2) ? inputs.pump3Limit : 0,
  ] as const;
  const step = (pump: PumpState, index: 0 | 1 | 2): PumpState =>
    stepPump(pump, dtSeconds, speeds[index], 15, inputs.pumps[index] ?? {}, normal);
  const pumps = [step(first, 0), step(second, 1), step(third, 2)] as const;

  const zones = state.zones.map((zone, index) =>
    stepZone(zone, dtSeconds, { timeOfDaySeconds, levelM, index, disturbance: inputs.zones[index] ?? {} }, normal),
  );
  const inflowM3h = pumps.reduce((sum, pump) => sum + pump.flowM3h, 0);
  const outflowM3h = levelM > 0.05 ? zones.reduce((sum, zone) => sum + zone.flowM3h, 0) : 0;
  const change = ((inflowM3h - outflowM3h) / 3600 / TANK_AREA_M2) * dtSeconds;
  return {
    pumps,
    levelM: clamp(levelM + change, 0, TANK_HEIGHT_M),
    inflowM3h,
    outflowM3h,
    zones,
    controlVoltageV: wander(state.controlVoltageV - 24, 0.06, 30, dtSeconds, normal()) + 24,
    rtuVoltageV: wander(state.rtuVoltageV - 24, 0.08, 30, dtSeconds, normal()) + 24,
  };
}

function stepZone(
  zone: ZoneState,
  dtSeconds: number,
  at: {
    readonly timeOfDaySeconds: number;
    readonly levelM: number;
    readonly index: number;
    readonly disturbance: ZoneDisturbance;
  },
  normal: () => number,
): ZoneState {
  const { meanM3h, bar } = ZONES[at.index] ?? ZONES[0];
  const burst = at.disturbance.burst ?? 0;
  const whim = wander(zone.whim, 0.06, 120, dtSeconds, normal());
  const wanted = meanM3h * Math.max(0.2, demand(at.timeOfDaySeconds) + whim);
  const flowM3h = approach(zone.flowM3h, wanted + burst * 20, 4, dtSeconds);
  const lost = 0.6 * (wanted / meanM3h) ** 2 + burst;
  const target = bar + 0.098 * (at.levelM - 4) - lost;
  return {
    pressureBar: clamp(approach(zone.pressureBar, target, 3, dtSeconds) + normal() * 0.004, 0, 12),
    flowM3h,
    valvePercent: approach(zone.valvePercent, clamp(55 + (flowM3h / meanM3h) * 18, 10, 100), 20, dtSeconds),
    whim,
  };
}

/** Of a day's mean: little at night, peaks in the morning and in the evening. */
function demand(timeOfDaySeconds: number): number {
  const hour = (timeOfDaySeconds / 3600) % 24;
  const peak = (at: number, width: number): number => Math.exp(-(((hour - at) / width) ** 2));
  return 0.85 + 0.2 * daily(timeOfDaySeconds, 14) + 0.35 * peak(7.5, 1.6) + 0.3 * peak(19, 2);
}

function hysteresis(on: boolean, levelM: number, startBelow: number, stopAbove: number): boolean {
  return on ? levelM < stopAbove : levelM < startBelow;
}
