import {
  type CabinetState,
  type GaugeState,
  initialCabinet,
  initialGauge,
  stepCabinet,
  stepGauge,
} from './district.ts';
import { clamp, daily, wander } from './dynamics.ts';
import { Random } from './random.ts';
import { initialStation, type StationState, stepStation } from './station.ts';
import { initialTurbine, stepTurbine, type TurbineState } from './turbine.ts';
import { CALM_START, stepWind, type WindState } from './wind.ts';

/** The whole simulated plant at one moment. A value: the next one is made from it, the seed included. */
export interface World {
  readonly seconds: number;
  readonly timeOfDaySeconds: number;
  readonly seed: number;
  readonly ambientC: number;
  /** mm/h, of ordinary weather */
  readonly showerMmH: number;
  readonly shower: number;
  readonly wind: WindState;
  readonly turbines: readonly TurbineState[];
  readonly station: StationState;
  readonly cabinets: readonly CabinetState[];
  readonly gauges: readonly GaugeState[];
}

/** What is wrong, by asset id: `{ 'pump-1': { bearingHeat: 45 } }`. */
export type Disturbances = Readonly<Record<string, Readonly<Partial<Record<Disturbance, number>>>>>;

export const DISTURBANCES = [
  'gearboxHeat',
  'overspeed',
  'trip',
  'vibration',
  'bearingHeat',
  'dryWell',
  'burst',
  'doorOpen',
  'sag',
  'fanFailure',
  'surge',
] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

/** What the control room has set. */
export interface Setpoints {
  /** Highest speed of pump 3, 0 to 1. */
  readonly pump3Limit: number;
}

export const TURBINES = 8;
export const CABINETS = 28;
export const GAUGES = 12;
const DAY_SECONDS = 86_400;

export function initialWorld(options: { readonly seed: number; readonly timeOfDaySeconds: number }): World {
  const ambientC = ambient(options.timeOfDaySeconds);
  return {
    seconds: 0,
    timeOfDaySeconds: options.timeOfDaySeconds,
    seed: options.seed,
    ambientC,
    showerMmH: 0,
    shower: 0,
    wind: CALM_START,
    turbines: Array.from({ length: TURBINES }, () => initialTurbine(CALM_START, ambientC)),
    station: initialStation(options.timeOfDaySeconds),
    cabinets: Array.from({ length: CABINETS }, (_, index) => initialCabinet(index, ambientC)),
    gauges: Array.from({ length: GAUGES }, initialGauge),
  };
}

export function stepWorld(
  world: World,
  dtSeconds: number,
  disturbances: Disturbances = {},
  setpoints: Setpoints = { pump3Limit: 1 },
): World {
  const random = new Random(world.seed);
  const normal = (): number => random.normal();
  const seconds = world.seconds + dtSeconds;
  const timeOfDaySeconds = (world.timeOfDaySeconds + dtSeconds) % DAY_SECONDS;
  const ambientC = ambient(timeOfDaySeconds);
  const wind = stepWind(world.wind, dtSeconds, timeOfDaySeconds, normal);
  const shower = wander(world.shower, 1, 1800, dtSeconds, normal());
  const showerMmH = clamp((shower - 1) * 12, 0, 25);
  const of = (id: string): Readonly<Partial<Record<Disturbance, number>>> => disturbances[id] ?? {};
  return {
    seconds,
    timeOfDaySeconds,
    ambientC,
    showerMmH,
    shower,
    wind,
    turbines: world.turbines.map((turbine, index) =>
      stepTurbine(turbine, dtSeconds, { wind, wake: 1 - (index % 4) * 0.025, ambientC }, of(`wt-${index + 1}`), normal),
    ),
    station: stepStation(
      world.station,
      dtSeconds,
      timeOfDaySeconds,
      {
        pump3Limit: setpoints.pump3Limit,
        pumps: [of('pump-1'), of('pump-2'), of('pump-3')],
        zones: [of('zone-1'), of('zone-2'), of('zone-3'), of('zone-4')],
      },
      normal,
    ),
    cabinets: world.cabinets.map((cabinet, index) =>
      stepCabinet(cabinet, dtSeconds, { timeOfDaySeconds, ambientC, index }, of(cabinetId(index)), normal),
    ),
    gauges: world.gauges.map((gauge, index) =>
      stepGauge(gauge, dtSeconds, { seconds, showerMmH, index }, of(gaugeId(index)), normal),
    ),
    seed: random.state,
  };
}

export function cabinetId(index: number): string {
  return `cabinet-${String(index + 1).padStart(2, '0')}`;
}

export function gaugeId(index: number): string {
  return `flood-${String(index + 1).padStart(2, '0')}`;
}

function ambient(timeOfDaySeconds: number): number {
  return 12 + 4 * daily(timeOfDaySeconds, 15);
}
