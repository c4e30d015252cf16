import type { AlarmView, Severity } from '../../actors/views.ts';
import type { Scene } from './wall-scene.ts';

/** An alarm for the scene, by what a test cares about. */
export interface AlarmPlan {
  readonly asset: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly detail: AlarmView['detail'];
  readonly raisedAtMs: number;
  readonly name: string;
  readonly message: string;
  readonly overlay?: 'shelved' | 'suppressed' | 'out-of-service' | 'cannot-evaluate';
}

export function alarmOf(scene: Scene, plan: AlarmPlan, nowMs: number): AlarmView {
  const { asset, rule, severity, detail, raisedAtMs, name, message, overlay } = plan;
  return {
    id: `asset/${asset}:${rule}`,
    entity: `asset/${asset}`,
    rule,
    site: scene.assets.get(asset)?.props.site ?? '',
    name,
    message,
    response: 'Go to the pump. Check the oil level.\nReduce the load if the temperature goes on rising.',
    metric: 'temperature',
    severity,
    state:
      overlay !== undefined && overlay !== 'cannot-evaluate'
        ? 'SUPPRESSED'
        : detail.endsWith('ACK') && !detail.endsWith('UNACK')
          ? 'ACKNOWLEDGED'
          : 'ACTIVE',
    detail,
    latched: detail.startsWith('LATCHED'),
    shelved:
      overlay === 'shelved'
        ? { untilMs: nowMs + 5_400_000, by: 'olga', reason: 'sensor replaced tomorrow', atMs: nowMs }
        : null,
    suppressed: overlay === 'suppressed' ? { cause: 'device_lost', by: null, sinceMs: nowMs - 90_000 } : null,
    outOfService:
      overlay === 'out-of-service'
        ? { by: 'piet', reason: 'overhaul', workOrder: null, sinceMs: nowMs - 900_000 }
        : null,
    cannotEvaluate: overlay === 'cannot-evaluate' ? { reason: 'stale', sinceMs: nowMs - 45_000 } : null,
    value: 91.4,
    threshold: 85,
    unit: '°C',
    raisedAtMs,
    clearedAtMs: detail === 'RTN_UNACK' || detail.startsWith('LATCHED') ? nowMs - 20_000 : null,
    acknowledgedAtMs: detail.endsWith('UNACK') ? null : raisedAtMs + 60_000,
    acknowledgedBy: detail.endsWith('UNACK') ? null : 'olga',
    firstRaisedAtMs: raisedAtMs - 86_400_000,
    occurrences: 3,
    comments: [],
    workOrder: null,
  };
}

/** One alarm in each state and overlay, and values of every quality. */
export function everyState(nowMs: number): readonly AlarmPlan[] {
  const at = (minutes: number) => nowMs - minutes * 60_000;
  const make = (
    asset: string,
    rule: string,
    severity: Severity,
    detail: AlarmView['detail'],
    minutes: number,
    name: string,
    message: string,
    overlay?: AlarmPlan['overlay'],
  ): AlarmPlan => ({
    asset,
    rule,
    severity,
    detail,
    raisedAtMs: at(minutes),
    name,
    message,
    ...(overlay === undefined ? {} : { overlay }),
  });
  return [
    make(
      'north-pump-3',
      'temp-critical',
      'CRITICAL',
      'ACTIVE_UNACK',
      2,
      'Bearing too hot',
      'Bearing at 104.2 °C, limit 100 °C',
    ),
    make('harbour-pump-7', 'temp-high', 'HIGH', 'ACTIVE_UNACK', 6, 'Bearing hot', 'Bearing at 91.4 °C, limit 85 °C'),
    make('ridge-pump-1', 'flow-low', 'MEDIUM', 'RTN_UNACK', 18, 'Flow low', 'Flow was 31.0 m³/h, limit 40 m³/h'),
    make('valley-pump-2', 'vibration', 'LOW', 'ACTIVE_ACK', 55, 'Vibration', 'Vibration 7.9 mm/s, limit 7.1 mm/s'),
    make('coast-pump-4', 'trip', 'HIGH', 'LATCHED_ACK', 75, 'Protection trip', 'Motor protection tripped'),
    make('coast-pump-5', 'trip', 'CRITICAL', 'LATCHED_UNACK', 4, 'Protection trip', 'Motor protection tripped'),
    make(
      'north-pump-9',
      'temp-high',
      'HIGH',
      'ACTIVE_ACK',
      130,
      'Bearing hot',
      'Bearing at 86.0 °C, limit 85 °C',
      'cannot-evaluate',
    ),
    make(
      'ridge-pump-6',
      'flow-low',
      'MEDIUM',
      'ACTIVE_ACK',
      240,
      'Flow low',
      'Flow 12.0 m³/h, limit 40 m³/h',
      'shelved',
    ),
    make(
      'valley-pump-8',
      'temp-high',
      'HIGH',
      'ACTIVE_UNACK',
      3,
      'Bearing hot',
      'Bearing at 88.0 °C, limit 85 °C',
      'suppressed',
    ),
    make(
      'harbour-pump-9',
      'vibration',
      'LOW',
      'ACTIVE_ACK',
      600,
      'Vibration',
      'Vibration 9.0 mm/s, limit 7.1 mm/s',
      'out-of-service',
    ),
  ];
}
