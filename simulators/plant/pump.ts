import { approach, ramp } from './dynamics.ts';

/** A centrifugal pump on a rising main. Flow, head and power follow the speed by the affinity laws. */
export interface PumpState {
  readonly on: boolean;
  readonly rpm: number;
  readonly flowM3h: number;
  readonly pressureBar: number;
  readonly currentA: number;
  readonly voltageV: number;
  readonly bearingC: number;
  readonly bearingBaseC: number;
  readonly bearingHotSpotK: number;
  readonly vibrationMmS: number;
}

export interface PumpDisturbance {
  /** K that a damaged bearing is hotter in the end. */
  readonly bearingHeat?: number | undefined;
  /** mm/s beside the usual. */
  readonly vibration?: number | undefined;
  /** Share of the flow that is lost because the well runs dry, 0 to 1. */
  readonly dryWell?: number | undefined;
}

const RATED_RPM = 1480;
/** Head at no flow and full speed, and what is lost in the pump per (m³/h)². */
const SHUT_OFF_BAR = 5.5;
const PUMP_LOSS = 2.4e-5;
/** Height of the tank, and what is lost in the main per (m³/h)². */
const STATIC_BAR = 3;
const MAIN_LOSS = 1.6e-5;
const EFFICIENCY = 0.74;
const POWER_FACTOR = 0.86;
const STANDBY_BAR = 0.3;

export function initialPump(on: boolean, ambientC: number): PumpState {
  const bearingC = on ? ambientC + 26 : ambientC;
  const idle: PumpState = {
    on,
    rpm: on ? RATED_RPM * 0.9 : 0,
    flowM3h: 0,
    pressureBar: STANDBY_BAR,
    currentA: 0,
    voltageV: 400,
    bearingC,
    bearingBaseC: bearingC,
    bearingHotSpotK: 0,
    vibrationMmS: 0.2,
  };
  return on ? { ...idle, flowM3h: flowAt(0.9), pressureBar: STATIC_BAR + MAIN_LOSS * flowAt(0.9) ** 2 } : idle;
}

/** `speed` is the share of the rated speed that is asked for; 0 stops the pump. */
export function stepPump(
  state: PumpState,
  dtSeconds: number,
  speed: number,
  ambientC: number,
  disturbance: PumpDisturbance,
  normal: () => number,
): PumpState {
  const on = speed > 0;
  const rpm = ramp(state.rpm, speed * RATED_RPM, 250, dtSeconds);
  const share = rpm / RATED_RPM;
  const flowM3h = approach(state.flowM3h, flowAt(share) * (1 - (disturbance.dryWell ?? 0)), 2, dtSeconds);
  const pressureTarget = flowM3h > 1 ? STATIC_BAR + MAIN_LOSS * flowM3h ** 2 : STANDBY_BAR;
  const pressureBar = approach(state.pressureBar, pressureTarget, 1.5, dtSeconds);
  const voltageV = 400 + normal() * 0.4 - (on ? 2 : 0);
  const hydraulicKw = (flowM3h * (pressureBar + 0.2)) / 36;
  const electricalKw = rpm > 1 ? hydraulicKw / EFFICIENCY + 1.5 * share ** 3 : 0;
  const bearingBaseC = approach(state.bearingBaseC, ambientC + 28 * share ** 2, 300, dtSeconds);
  const bearingHotSpotK = approach(state.bearingHotSpotK, disturbance.bearingHeat ?? 0, 10, dtSeconds);
  return {
    on,
    rpm,
    flowM3h,
    pressureBar,
    currentA: (electricalKw * 1000) / (Math.sqrt(3) * voltageV * POWER_FACTOR),
    voltageV,
    bearingC: bearingBaseC + bearingHotSpotK + normal() * 0.05,
    bearingBaseC,
    bearingHotSpotK,
    vibrationMmS: Math.max(0.05, 0.2 + 1.9 * share ** 2 + normal() * 0.06 + (disturbance.vibration ?? 0)),
  };
}

/** Where the curve of the pump meets that of the main; below a certain speed it does not lift the water at all. */
function flowAt(share: number): number {
  return Math.sqrt(Math.max(0, SHUT_OFF_BAR * share ** 2 - STATIC_BAR) / (PUMP_LOSS + MAIN_LOSS));
}
