import { approach, clamp, ramp, wander } from './dynamics.ts';
import type { WindState } from './wind.ts';

/** A wind turbine of 2 MW: power curve, inertia of the rotor, thermal masses of gearbox and generator. */
export interface TurbineState {
  /** m/s at its own nacelle, less what the neighbours take and with eddies of its own */
  readonly windSpeed: number;
  readonly eddy: number;
  readonly nacelleDirection: number;
  readonly yawing: boolean;
  readonly rotorRpm: number;
  readonly pitchDegrees: number;
  readonly powerKw: number;
  readonly oilC: number;
  readonly gearboxBearingC: number;
  readonly gearboxHotSpotK: number;
  readonly windingC: number;
  readonly generatorBearingC: number;
  readonly vibrationMmS: number;
  readonly code: 0 | 1 | 2 | 9;
}

export interface TurbineDisturbance {
  /** K that a damaged gearbox bearing is hotter in the end. */
  readonly gearboxHeat?: number | undefined;
  /** rpm that the rotor runs up to because the pitch is stuck. */
  readonly overspeed?: number | undefined;
  /** mm/s beside the usual. */
  readonly vibration?: number | undefined;
  /** Not 0: the controller has tripped. */
  readonly trip?: number | undefined;
}

const RATED_KW = 2000;
const RATED_WIND = 12;
const RATED_RPM = 16.1;
export const GEARBOX_RATIO = 112.8;
const CUT_IN = 3;
const CUT_OUT = 25;

/** In the steady state of the given wind, so that a plant does not begin with a warm-up. */
export function initialTurbine(wind: WindState, ambientC: number): TurbineState {
  const powerKw = powerCurve(wind.speed);
  const rotorRpm = rotorCurve(wind.speed);
  const oilC = oilTarget(powerKw, ambientC);
  return {
    windSpeed: wind.speed,
    eddy: 0,
    nacelleDirection: wind.direction,
    yawing: false,
    rotorRpm,
    pitchDegrees: 0,
    powerKw,
    oilC,
    gearboxBearingC: oilC + bearingRise(rotorRpm),
    gearboxHotSpotK: 0,
    windingC: windingTarget(powerKw, ambientC),
    generatorBearingC: generatorBearingTarget(rotorRpm, ambientC),
    vibrationMmS: 2,
    code: 2,
  };
}

export function stepTurbine(
  state: TurbineState,
  dtSeconds: number,
  surroundings: { readonly wind: WindState; readonly wake: number; readonly ambientC: number },
  disturbance: TurbineDisturbance,
  normal: () => number,
): TurbineState {
  const { wind, wake, ambientC } = surroundings;
  const eddy = wander(state.eddy, 0.35, 6, dtSeconds, normal());
  const windSpeed = clamp(wind.speed * wake + eddy, 0, 40);
  const tripped = (disturbance.trip ?? 0) !== 0;
  const running = !tripped && windSpeed >= CUT_IN && windSpeed <= CUT_OUT;

  const runaway = disturbance.overspeed;
  const rotorRpm =
    runaway === undefined
      ? approach(state.rotorRpm, running ? rotorCurve(windSpeed) : 0.4, running ? 7 : 15, dtSeconds)
      : approach(state.rotorRpm, runaway, 4, dtSeconds);
  const powerKw = approach(state.powerKw, running ? powerCurve(windSpeed) : -12, 4, dtSeconds);
  const pitchTarget = running ? clamp((windSpeed - RATED_WIND) * 2.4, 0, 24) : 85;
  const oilC = approach(state.oilC, oilTarget(powerKw, ambientC), 900, dtSeconds);
  const gearboxHotSpotK = approach(state.gearboxHotSpotK, disturbance.gearboxHeat ?? 0, 12, dtSeconds);
  return {
    windSpeed,
    eddy,
    ...yaw(state, wind.direction, dtSeconds),
    rotorRpm,
    pitchDegrees: ramp(state.pitchDegrees, pitchTarget, 5, dtSeconds),
    powerKw,
    oilC,
    gearboxBearingC: oilC + bearingRise(rotorRpm) + gearboxHotSpotK,
    gearboxHotSpotK,
    windingC: approach(state.windingC, windingTarget(powerKw, ambientC), 420, dtSeconds),
    generatorBearingC: approach(state.generatorBearingC, generatorBearingTarget(rotorRpm, ambientC), 500, dtSeconds),
    vibrationMmS: Math.max(0.1, 1 + rotorRpm * 0.09 + normal() * 0.08 + (disturbance.vibration ?? 0)),
    code: tripped ? 9 : running ? 2 : 1,
  };
}

/** kW: grows with the cube of the wind between cut-in and rated wind. */
export function powerCurve(windSpeed: number): number {
  if (windSpeed < CUT_IN || windSpeed > CUT_OUT) return 0;
  const share = (windSpeed ** 3 - CUT_IN ** 3) / (RATED_WIND ** 3 - CUT_IN ** 3);
  return RATED_KW * clamp(share, 0, 1);
}

function rotorCurve(windSpeed: number): number {
  return clamp(6.5 + ((windSpeed - CUT_IN) * (RATED_RPM - 6.5)) / (RATED_WIND - CUT_IN), 0, RATED_RPM);
}

function oilTarget(powerKw: number, ambientC: number): number {
  return ambientC + 12 + 30 * (Math.max(0, powerKw) / RATED_KW);
}

function bearingRise(rotorRpm: number): number {
  return 10 * Math.min(1.2, rotorRpm / RATED_RPM);
}

function windingTarget(powerKw: number, ambientC: number): number {
  return ambientC + 15 + 70 * (powerKw / RATED_KW) ** 2;
}

function generatorBearingTarget(rotorRpm: number, ambientC: number): number {
  return ambientC + 8 + 28 * Math.min(1.2, rotorRpm / RATED_RPM);
}

/** The yaw drive starts when the nacelle is well off the wind and runs until it faces it. */
function yaw(
  { nacelleDirection, yawing }: TurbineState,
  windDirection: number,
  dtSeconds: number,
): Pick<TurbineState, 'nacelleDirection' | 'yawing'> {
  const error = ((windDirection - nacelleDirection + 540) % 360) - 180;
  const moving = yawing ? Math.abs(error) > 1 : Math.abs(error) > 8;
  if (!moving) return { nacelleDirection, yawing: false };
  return { nacelleDirection: (nacelleDirection + ramp(0, error, 0.4, dtSeconds) + 360) % 360, yawing: true };
}
