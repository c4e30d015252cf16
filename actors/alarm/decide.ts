import { accept, type Decision, type Rejection, reject } from '../../runtime/actor-kind.ts';
import type { AlarmCommand } from '../asset/commands.ts';
import { annunciationWhenShown, type RuleOwner } from './evaluate.ts';
import type { AlarmEvent } from './events.ts';
import { type AlarmRecord, isHeld, normal, STEPS } from './machine.ts';

/** What a person does to an alarm. */
export function decideAlarm(
  record: AlarmRecord | undefined,
  isRule: boolean,
  command: AlarmCommand,
  context: { readonly by: string; readonly nowMs: number; readonly owner: RuleOwner },
): Decision<AlarmEvent> {
  if (!isRule && record === undefined) return reject('UNKNOWN_RULE', `there is no rule ${command.rule}`, 'rule');
  const { by, nowMs: atMs, owner } = context;
  const alarm = record ?? normal(command.rule);
  const { rule } = command;
  switch (command.kind) {
    case 'AcknowledgeAlarm':
      if (STEPS[alarm.detail].acknowledge === null) return notAcknowledgeable(alarm);
      return accept([{ kind: 'AlarmAcknowledged', rule, atMs, by, comment: command.comment ?? null }]);
    case 'ResetAlarm':
      if (STEPS[alarm.detail].reset !== null) return accept([{ kind: 'AlarmReset', rule, atMs, by }]);
      if (alarm.latched && isHeld(alarm))
        return reject('CONDITION_STILL_HOLDS', 'the condition still holds: it can be reset when it is gone');
      return reject('ALARM_NOT_LATCHED', 'there is nothing to reset');
    case 'ShelveAlarm': {
      const { reason, durationMs } = command;
      return accept([{ kind: 'AlarmShelved', rule, atMs, by, reason, untilMs: atMs + durationMs }]);
    }
    case 'UnshelveAlarm': {
      if (alarm.shelved === null) return reject('ALARM_NOT_SHELVED', 'the alarm is not shelved');
      const annunciation = annunciationWhenShown(alarm, 'shelved', owner, atMs);
      return accept([{ kind: 'AlarmUnshelved', rule, atMs, by, annunciation }]);
    }
    case 'TakeAlarmOutOfService': {
      if (alarm.outOfService !== null) return reject('ALARM_OUT_OF_SERVICE', 'the alarm is out of service already');
      const { reason, workOrder = null } = command;
      return accept([{ kind: 'AlarmTakenOutOfService', rule, atMs, by, reason, workOrder }]);
    }
    case 'ReturnAlarmToService': {
      if (alarm.outOfService === null) return reject('ALARM_IN_SERVICE', 'the alarm is not out of service');
      const annunciation = annunciationWhenShown(alarm, 'outOfService', owner, atMs);
      return accept([{ kind: 'AlarmReturnedToService', rule, atMs, by, annunciation }]);
    }
    case 'CommentAlarm':
      return accept([{ kind: 'AlarmCommented', rule, atMs, by, text: command.text }]);
    default:
      return unreachable(command);
  }
}

function notAcknowledgeable(alarm: AlarmRecord): Rejection {
  return alarm.detail === 'NORMAL'
    ? reject('ALARM_NOT_ACTIVE', 'the alarm is normal: there is nothing to acknowledge')
    : reject('ALARM_ALREADY_ACKNOWLEDGED', `the alarm was acknowledged by ${alarm.acknowledgedBy ?? 'somebody'}`);
}

const PERMISSIONS: Readonly<Record<AlarmCommand['kind'], string>> = {
  AcknowledgeAlarm: 'alarm:acknowledge',
  ResetAlarm: 'alarm:reset',
  ShelveAlarm: 'alarm:shelve',
  UnshelveAlarm: 'alarm:shelve',
  TakeAlarmOutOfService: 'alarm:suppress',
  ReturnAlarmToService: 'alarm:suppress',
  CommentAlarm: 'alarm:comment',
};

export function alarmPermission(command: AlarmCommand): string {
  return PERMISSIONS[command.kind];
}

export function isAlarmCommand(command: { readonly kind: string }): command is AlarmCommand {
  return Object.hasOwn(PERMISSIONS, command.kind);
}

function unreachable(command: never): never {
  throw new Error(`not an alarm command: ${JSON.stringify(command)}`);
}
