import type { AlarmView, Severity } from '../../actors/views.ts';

/** 1 is the gravest; INFO has no priority, it is shown without number and colour. */
export const PRIORITY: Readonly<Record<Severity, number>> = { CRITICAL: 1, HIGH: 2, MEDIUM: 3, LOW: 4, INFO: 5 };
export const SEVERITIES: readonly Severity[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'];

/** The lists an operator looks at. Every alarm that the server sends is in exactly one. */
export type AlarmList = 'active' | 'shelved' | 'suppressed' | 'out-of-service';

export function listOf(alarm: AlarmView): AlarmList {
  if (alarm.outOfService !== null) return 'out-of-service';
  if (alarm.shelved !== null) return 'shelved';
  if (alarm.suppressed !== null) return 'suppressed';
  return 'active';
}

export function isUnacknowledged(alarm: AlarmView): boolean {
  return alarm.detail === 'ACTIVE_UNACK' || alarm.detail === 'RTN_UNACK' || alarm.detail === 'LATCHED_UNACK';
}

/** The condition itself holds now. */
export function isStanding(alarm: AlarmView): boolean {
  return alarm.detail === 'ACTIVE_UNACK' || alarm.detail === 'ACTIVE_ACK';
}

/** Unacknowledged first, then priority, then newest; by id where all is equal, so that the order never depends on arrival. */
export function compareAlarms(a: AlarmView, b: AlarmView): number {
  return (
    Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
    PRIORITY[a.severity] - PRIORITY[b.severity] ||
    (b.raisedAtMs ?? 0) - (a.raisedAtMs ?? 0) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/**
 * The alarm that speaks for each group where there is room for one symbol alone: the gravest, of equal ones an unacknowledged
 * before a standing before any other. Groups are entities, priorities of a site (`site/north HIGH`) and of the plant (`HIGH`).
 */
export function gravestByGroup(alarms: Iterable<AlarmView>): ReadonlyMap<string, AlarmView> {
  const gravest = new Map<string, AlarmView>();
  for (const alarm of alarms) {
    if (listOf(alarm) !== 'active' || alarm.detail === 'NORMAL') continue;
    for (const group of [alarm.entity, `site/${alarm.site} ${alarm.severity}`, alarm.severity]) {
      const other = gravest.get(group);
      if (other === undefined || isGraver(alarm, other)) gravest.set(group, alarm);
    }
  }
  return gravest;
}

function isGraver(a: AlarmView, b: AlarmView): boolean {
  return (
    (PRIORITY[a.severity] - PRIORITY[b.severity] ||
      Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
      Number(isStanding(b)) - Number(isStanding(a)) ||
      compareAlarms(a, b)) < 0
  );
}

export interface Arrangement {
  readonly ids: readonly string[];
  /** Alarms that are not shown yet because the list is held; the gravest first. */
  readonly waiting: readonly AlarmView[];
}

/**
 * Which row stands where. While the list is held (the pointer or the focus is on it) no row moves: those shown keep their
 * places even if they cleared meanwhile, and new ones wait until it is let go. With nothing shown yet there is nothing to hold.
 */
export function arrange(shown: readonly string[], alarms: readonly AlarmView[], held: boolean): Arrangement {
  const sorted = [...alarms].sort(compareAlarms);
  if (!held || shown.length === 0) return { ids: sorted.map((alarm) => alarm.id), waiting: [] };
  const known = new Set(shown);
  return { ids: shown, waiting: sorted.filter((alarm) => !known.has(alarm.id)) };
}

export interface AlarmCounts {
  /** By severity: not shelved, suppressed or out of service. */
  readonly bySeverity: Readonly<Record<Severity, { readonly unacknowledged: number; readonly acknowledged: number }>>;
  readonly unacknowledged: number;
  readonly total: number;
  readonly shelved: number;
  readonly suppressed: number;
  readonly outOfService: number;
  readonly cannotEvaluate: number;
}

export function countAlarms(alarms: Iterable<AlarmView>): AlarmCounts {
  const bySeverity = {
    CRITICAL: { unacknowledged: 0, acknowledged: 0 },
    HIGH: { unacknowledged: 0, acknowledged: 0 },
    MEDIUM: { unacknowledged: 0, acknowledged: 0 },
    LOW: { unacknowledged: 0, acknowledged: 0 },
    INFO: { unacknowledged: 0, acknowledged: 0 },
  };
  const counts = { unacknowledged: 0, total: 0, shelved: 0, suppressed: 0, outOfService: 0, cannotEvaluate: 0 };
  for (const alarm of alarms) {
    if (alarm.cannotEvaluate !== null) counts.cannotEvaluate++;
    const list = listOf(alarm);
    if (list === 'shelved') counts.shelved++;
    else if (list === 'suppressed') counts.suppressed++;
    else if (list === 'out-of-service') counts.outOfService++;
    else if (alarm.detail !== 'NORMAL') {
      counts.total++;
      if (isUnacknowledged(alarm)) {
        counts.unacknowledged++;
        bySeverity[alarm.severity].unacknowledged++;
      } else bySeverity[alarm.severity].acknowledged++;
    }
  }
  return { bySeverity, ...counts };
}
