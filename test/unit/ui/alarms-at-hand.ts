import type { AlarmView } from '../../../actors/views.ts';

/** An alarm to vary in tests of the wall. */
export function anAlarm(change: Partial<AlarmView> = {}): AlarmView {
  return {
    id: 'asset/pump-1:hot',
    entity: 'asset/pump-1',
    rule: 'hot',
    site: 'north',
    name: 'Hot',
    message: 'Too hot',
    response: null,
    metric: 'temperature',
    severity: 'HIGH',
    state: 'ACTIVE',
    detail: 'ACTIVE_UNACK',
    latched: false,
    shelved: null,
    suppressed: null,
    outOfService: null,
    cannotEvaluate: null,
    value: 90,
    threshold: 85,
    unit: '°C',
    raisedAtMs: 1000,
    clearedAtMs: null,
    acknowledgedAtMs: null,
    acknowledgedBy: null,
    firstRaisedAtMs: 1000,
    occurrences: 1,
    comments: [],
    workOrder: null,
    ...change,
  };
}

export const SHELVED = { untilMs: 9_999_999, by: 'olga', reason: 'r', atMs: 1 };
