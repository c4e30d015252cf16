import type { AssetDefinition } from '../topology/plant.ts';
import type { AlarmDetail, HealthBreakdown, HealthLevel, Severity } from './views.ts';

type HealthThresholds = AssetDefinition['healthThresholds'];

/**
 * Health of an asset, 0 to 100, 100 is best (P-27, LNK-05). Each part is judged by itself; null where there is nothing to judge
 * by, and it then takes no part. The score is half the weighted mean of the parts and half the worst of them: a mean
 * alone would call an asset with a critical alarm healthy because its sensors answer so well.
 */
export const HEALTH_WEIGHTS: Readonly<Record<keyof HealthBreakdown, number>> = {
  alarms: 0.4,
  telemetry: 0.25,
  workOrders: 0.15,
  maintenance: 0.1,
  age: 0.1,
};

/** What an active alarm takes off the part `alarms`. One whose condition is gone takes nothing. */
export const ALARM_PENALTIES: Readonly<Record<Severity, number>> = {
  CRITICAL: 80,
  HIGH: 45,
  MEDIUM: 20,
  LOW: 8,
  INFO: 0,
};

/** What an open order takes off the part `workOrders`; one that holds the asset down takes more. */
export const ORDER_PENALTY = 15;
export const DOWN_PENALTY = 50;

/** What a metric counts for the part `telemetry`, which is their mean. */
export const TELEMETRY_WORTH = { GOOD: 100, SUSPECT: 75, UNCERTAIN: 50, stale: 0, BAD: 0 } as const;

const DAY_MS = 86_400_000;
const YEAR_MS = 365.25 * DAY_MS;

export interface HealthInput {
  /** Null where the asset has no rules. */
  readonly alarms:
    | readonly { readonly severity: Severity; readonly detail: AlarmDetail; readonly hidden: boolean }[]
    | null;
  /** Null where no order could exist for it. */
  readonly orders: readonly { readonly down: boolean }[] | null;
  /** One for each metric that a device feeds. */
  readonly telemetry: readonly (keyof typeof TELEMETRY_WORTH)[];
  /** Attributes `installedAt` and `expectedLifeYears`. */
  readonly installedAtMs: number | null;
  readonly expectedLifeYears: number | null;
  /** Last completed order or attribute `lastMaintenanceAt`, and attribute `maintenanceIntervalDays`. */
  readonly maintainedAtMs: number | null;
  readonly maintenanceIntervalDays: number | null;
  readonly nowMs: number;
}

export interface Health {
  readonly score: number | null;
  readonly breakdown: HealthBreakdown;
}

export function healthOf(input: HealthInput): Health {
  const breakdown: HealthBreakdown = {
    alarms: alarmPart(input.alarms),
    workOrders: orderPart(input.orders),
    telemetry: telemetryPart(input.telemetry),
    age: agePart(input),
    maintenance: maintenancePart(input),
  };
  return { score: scoreOf(breakdown), breakdown };
}

/** Below `critical` and `warning` the score is so, from `good` on it is good, and in between it is fair. */
export function healthLevel(score: number | null, { critical, warning, good }: HealthThresholds): HealthLevel | null {
  if (score === null) return null;
  if (score < critical) return 'critical';
  if (score < warning) return 'warning';
  return score < good ? 'fair' : 'good';
}

function scoreOf(breakdown: HealthBreakdown): number | null {
  const parts: (keyof HealthBreakdown)[] = ['alarms', 'workOrders', 'telemetry', 'age', 'maintenance'];
  let weights = 0;
  let sum = 0;
  let worst = 100;
  for (const part of parts) {
    const value = breakdown[part];
    if (value === null) continue;
    weights += HEALTH_WEIGHTS[part];
    sum += HEALTH_WEIGHTS[part] * value;
    worst = Math.min(worst, value);
  }
  return weights === 0 ? null : Math.round((sum / weights + worst) / 2);
}

function alarmPart(alarms: HealthInput['alarms']): number | null {
  if (alarms === null) return null;
  let value = 100;
  for (const { severity, detail, hidden } of alarms) {
    if (!hidden && detail !== 'NORMAL' && detail !== 'RTN_UNACK') value -= ALARM_PENALTIES[severity];
  }
  return Math.max(0, value);
}

function orderPart(orders: HealthInput['orders']): number | null {
  if (orders === null) return null;
  return Math.max(
    0,
    orders.reduce((value, { down }) => value - (down ? DOWN_PENALTY : ORDER_PENALTY), 100),
  );
}

function telemetryPart(telemetry: HealthInput['telemetry']): number | null {
  if (telemetry.length === 0) return null;
  const sum = telemetry.reduce((total, quality) => total + TELEMETRY_WORTH[quality], 0);
  return Math.round(sum / telemetry.length);
}

/** Falls in a line to 0 at the end of the expected life. */
function agePart({ installedAtMs, expectedLifeYears, nowMs }: HealthInput): number | null {
  if (installedAtMs === null || expectedLifeYears === null || expectedLifeYears <= 0) return null;
  return percent(1 - (nowMs - installedAtMs) / (expectedLifeYears * YEAR_MS));
}

/** 100 until maintenance is due, then down to 0 when it is a whole interval late. */
function maintenancePart({ maintainedAtMs, maintenanceIntervalDays, nowMs }: HealthInput): number | null {
  if (maintainedAtMs === null || maintenanceIntervalDays === null || maintenanceIntervalDays <= 0) return null;
  return percent(2 - (nowMs - maintainedAtMs) / (maintenanceIntervalDays * DAY_MS));
}

function percent(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 100);
}
