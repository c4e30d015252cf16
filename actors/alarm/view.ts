import type { EntityId } from '../../runtime/ids.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import type { AlarmDetail, AlarmState, AlarmView } from '../views.ts';
import { type AlarmRecord, isHidden } from './machine.ts';

/** The entity that an alarm belongs to. */
export interface AlarmHolder {
  readonly id: EntityId;
  readonly site: string;
  readonly rules: readonly Pick<Rule, 'id' | 'name' | 'metric' | 'severity' | 'response' | 'latched'>[];
}

/** LATCHED states stand until somebody resets them, so on the wire they are what they were. */
const STATES: Readonly<Record<AlarmDetail, AlarmState>> = {
  NORMAL: 'CLEARED',
  ACTIVE_UNACK: 'ACTIVE',
  ACTIVE_ACK: 'ACKNOWLEDGED',
  RTN_UNACK: 'CLEARED',
  LATCHED_UNACK: 'ACTIVE',
  LATCHED_ACK: 'ACKNOWLEDGED',
};

export function alarmView(record: AlarmRecord, holder: AlarmHolder): AlarmView {
  const rule = holder.rules.find((candidate) => candidate.id === record.rule);
  const { occurrence } = record;
  return {
    id: `${holder.id}:${record.rule}`,
    entity: holder.id,
    rule: record.rule,
    site: holder.site,
    name: occurrence?.name ?? rule?.name ?? record.rule,
    message: occurrence?.message ?? '',
    response: rule?.response ?? null,
    metric: occurrence?.metric ?? rule?.metric ?? null,
    severity: occurrence?.severity ?? rule?.severity ?? 'INFO',
    state: isHidden(record) ? 'SUPPRESSED' : STATES[record.detail],
    detail: record.detail,
    latched: record.detail === 'NORMAL' ? (rule?.latched ?? false) : record.latched,
    shelved: record.shelved,
    suppressed: record.suppressed,
    outOfService: record.outOfService,
    cannotEvaluate: record.cannotEvaluate,
    value: occurrence?.value ?? null,
    quality: occurrence === null ? null : (occurrence.quality ?? 'GOOD'),
    threshold: occurrence?.threshold ?? null,
    unit: occurrence?.unit ?? '',
    raisedAtMs: record.raisedAtMs,
    clearedAtMs: record.clearedAtMs,
    acknowledgedAtMs: record.acknowledgedAtMs,
    acknowledgedBy: record.acknowledgedBy,
    firstRaisedAtMs: record.firstRaisedAtMs,
    occurrences: record.occurrences,
    comments: record.comments,
    workOrder: record.workOrder,
  };
}

/** Worth a line in some list of the alarm desk. */
export function isListed(record: AlarmRecord): boolean {
  return record.detail !== 'NORMAL' || isHidden(record) || record.cannotEvaluate !== null;
}
