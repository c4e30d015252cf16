import type { Rule } from '../../topology/schema/rule.ts';
import type { PointValue } from '../frame.ts';
import type { Severity } from '../views.ts';
import { annunciationOf, type RuleOwner } from './evaluate.ts';
import type { AlarmEvent, Occurrence } from './events.ts';
import { type AlarmRecord, isHeld, isHidden } from './machine.ts';

/** What is the matter, as whoever watches the condition says it: there is nothing left to compare with a limit. */
export interface Told {
  readonly severity: Severity;
  readonly message: string;
  readonly value: PointValue;
  readonly threshold: PointValue;
  readonly unit: string;
}

/**
 * The events of an alarm whose condition is told outright. One that gets worse, or is about something else now, is raised again:
 * it stays the same alarm, and somebody is called once more.
 *
 * @param told null: the condition is gone
 * @param isNews whether what is told is worth a call beside the occurrence that stands; a higher or lower severity always is
 */
export function decideTold(
  rule: Pick<Rule, 'id' | 'name' | 'latched' | 'autoAckOnClear'>,
  record: AlarmRecord | undefined,
  told: Told | null,
  nowMs: number,
  owner: RuleOwner,
  isNews: (standing: Occurrence) => boolean = () => false,
): AlarmEvent[] {
  const standing = record !== undefined && isHeld(record) ? record.occurrence : null;
  if (told === null) {
    if (standing === null) return [];
    const { value } = standing;
    return [
      { kind: 'AlarmCleared', rule: rule.id, atMs: nowMs, reason: 'condition_gone', value, cooldownUntilMs: nowMs },
    ];
  }
  if (standing !== null && standing.severity === told.severity && !isNews(standing)) return [];
  const hidden = record !== undefined && isHidden(record);
  return [
    {
      kind: 'AlarmRaised',
      rule: rule.id,
      atMs: nowMs,
      name: rule.name,
      metric: null,
      ...told,
      latched: rule.latched,
      autoAckOnClear: rule.autoAckOnClear,
      counted: standing !== null,
      annunciation: hidden ? null : annunciationOf(owner, nowMs),
    },
  ];
}
