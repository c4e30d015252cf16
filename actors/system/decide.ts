import { accept, type Decision, type Turn } from '../../runtime/actor-kind.ts';
import { CLOCK_LIMIT_MS } from '../../runtime/clock/watch.ts';
import { expireShelves, shelfDueMs } from '../alarm/book.ts';
import { alarmPermission, decideAlarm, isAlarmCommand } from '../alarm/decide.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { decideTold, type Told } from '../alarm/told.ts';
import { certificateAlarms, certificatesDueMs } from './certificate.ts';
import type { SystemCommand } from './commands.ts';
import { evolveSystem } from './evolve.ts';
import { linkLostAlarms, linkLostDueMs } from './link-lost.ts';
import { CLOCK_OFFSET } from './rules.ts';
import type { SystemDefinition, SystemEvent, SystemState } from './state.ts';

export function systemPermission(command: SystemCommand): string {
  return isAlarmCommand(command) ? alarmPermission(command) : 'internal';
}

export function decideSystem(
  state: SystemState,
  command: SystemCommand,
  turn: Turn<SystemDefinition>,
): Decision<SystemEvent> {
  const { decided, live } = state;
  if (isAlarmCommand(command)) {
    const isRule = live.rules.some((rule) => rule.id === command.rule);
    const context = { by: turn.by.user, nowMs: turn.nowMs, owner: live.owner };
    return decideAlarm(decided.alarms.get(command.rule), isRule, command, context);
  }
  switch (command.kind) {
    case 'ReportCertificate':
      return accept(reportCertificate(state, command, turn));
    case 'ReportClock': {
      const record = decided.alarms.get(CLOCK_OFFSET.id);
      return accept(decideTold(CLOCK_OFFSET, record, clockFault(command), turn.nowMs, live.owner));
    }
    case 'ReportLink':
      return accept(reportLink(state, command, turn.nowMs));
    case 'ReportOverflow':
      return accept([{ ...command, kind: 'BufferOverflow', atMs: turn.nowMs }]);
    default:
      return unreachable(command);
  }
}

/** What time alone brings: a certificate nears its end, a shelf ends. */
export function systemDue(state: SystemState, { nowMs, definition }: Turn<SystemDefinition>): readonly SystemEvent[] {
  const events: AlarmEvent[] = [];
  expireShelves(state.decided.alarms, nowMs, state.live.owner, events);
  return [
    ...events,
    ...certificateAlarms(state, definition.certificateWarningDays, nowMs),
    ...linkLostAlarms(state, nowMs),
  ];
}

export function systemDueMs(state: SystemState, definition: SystemDefinition): number {
  const certificateMs = certificatesDueMs(state, definition.certificateWarningDays);
  return Math.min(shelfDueMs(state.decided.alarms), certificateMs, linkLostDueMs(state));
}

type Command<Kind extends SystemCommand['kind']> = Extract<SystemCommand, { kind: Kind }>;

function reportCertificate(
  state: SystemState,
  { whose, subject, thumbprint, expiresAtMs }: Command<'ReportCertificate'>,
  { nowMs, definition }: Turn<SystemDefinition>,
): SystemEvent[] {
  const known = state.decided.certificates.find((certificate) => certificate.whose === whose);
  if (known?.thumbprint === thumbprint && known.expiresAtMs === expiresAtMs) return [];
  const seen: SystemEvent = { kind: 'CertificateSeen', atMs: nowMs, whose, subject, thumbprint, expiresAtMs };
  return [seen, ...certificateAlarms(evolveSystem(state, seen), definition.certificateWarningDays, nowMs)];
}

/** What a link is lost for may change while it is; since when it is lost does not. */
function reportLink(state: SystemState, command: Command<'ReportLink'>, atMs: number): SystemEvent[] {
  const { reason, detail = null } = command;
  const isLost = command.state === 'lost';
  if (isLost === (state.decided.link?.state === 'lost')) return [];
  const reported: SystemEvent = isLost ? { kind: 'LinkLost', atMs, reason, detail } : { kind: 'LinkBack', atMs };
  return [reported, ...linkLostAlarms(evolveSystem(state, reported), atMs)];
}

function clockFault({ offsetMs, server }: Command<'ReportClock'>): Told | null {
  if (offsetMs === null || Math.abs(offsetMs) <= CLOCK_LIMIT_MS) return null;
  const size = Math.round(Math.abs(offsetMs));
  const message = `The clock of this node is ${size} ms ${offsetMs > 0 ? 'behind' : 'ahead of'} ${server}: times that it gives are in doubt`;
  return { severity: 'MEDIUM', message, value: Math.round(offsetMs), threshold: CLOCK_LIMIT_MS, unit: 'ms' };
}

function unreachable(command: never): never {
  throw new Error(`not a command of the system: ${JSON.stringify(command)}`);
}
