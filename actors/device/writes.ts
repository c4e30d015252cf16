import { accept, type Decision, type Rejection, reject, type Turn } from '../../runtime/actor-kind.ts';
import { permits } from '../../runtime/permissions.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { Point } from '../../topology/schema/device.ts';
import type { DeviceCommand } from './commands.ts';
import type { DeviceEvent, WriteFinished } from './events.ts';
import { type DeviceDecided, type DeviceState, isDecommissioned, type Write } from './state.ts';

/**
 * Writes to the device: requested -> sent -> acknowledged, verified, failed or timed out.
 *
 * `sent` is committed before the driver may send. The commit is refused to whoever owns the device no longer, and comes once:
 * so no second owner, no repeat and no restart can send a write that may have been sent. What is begun again after a crash and
 * stands at `sent` has ended with an outcome that nobody knows, and that is what is told.
 */
export type WriteCommand = Extract<DeviceCommand, { kind: 'WritePoint' | 'SendWrite' | 'ReportWrite' }>;

export function decideWrite(
  state: DeviceState,
  command: WriteCommand,
  turn: Turn<DeviceDefinition>,
): Decision<DeviceEvent> {
  switch (command.kind) {
    case 'WritePoint':
      return writePoint(state, command, turn);
    case 'SendWrite':
      return sendWrite(state, command.writeId, turn.nowMs);
    case 'ReportWrite':
      return reportWrite(state, command, turn.nowMs);
    default:
      return unreachable(command);
  }
}

/** A driver that does not say how a write ended has lost it. */
const REPORT_GRACE_MS = 5000;

export function writesDueMs({ writes }: DeviceDecided): number {
  let dueMs = Number.POSITIVE_INFINITY;
  for (const write of writes) dueMs = Math.min(dueMs, overdueAtMs(write));
  return dueMs;
}

export function writesDue({ writes }: DeviceDecided, nowMs: number): WriteFinished[] {
  const events: WriteFinished[] = [];
  for (const write of writes) {
    if (overdueAtMs(write) > nowMs) continue;
    const { writeId } = write;
    events.push(write.state === 'requested' ? tooLate(writeId, nowMs) : noReport(writeId, nowMs));
  }
  return events;
}

/** Under way: it may still be sent, or answered. */
export function isOpen({ state }: Pick<Write, 'state'>): boolean {
  return state === 'requested' || state === 'sent';
}

function overdueAtMs({ state, deadlineMs }: Write): number {
  if (state === 'requested') return deadlineMs;
  return state === 'sent' ? deadlineMs + REPORT_GRACE_MS : Number.POSITIVE_INFINITY;
}

function writePoint(
  state: DeviceState,
  command: Extract<WriteCommand, { kind: 'WritePoint' }>,
  turn: Turn<DeviceDefinition>,
): Decision<DeviceEvent> {
  const { decided, live } = state;
  const { point: name, value, timeoutMs } = command;
  if (isDecommissioned(state)) return reject('DEVICE_DECOMMISSIONED', 'the device is decommissioned');
  const point = live.layout.points[live.layout.placeOf.get(name) ?? -1];
  if (point === undefined) return reject('UNKNOWN_POINT', `the device has no point ${name}`, 'point');
  const refusal = writeFault(point, value, turn.permissions);
  if (refusal !== null) return refusal;
  const { connectivity } = decided;
  if (connectivity.state === 'offline' && connectivity.reason !== 'silent')
    return reject('DEVICE_OFFLINE', `the device is offline: ${connectivity.reason}`);
  if (turn.commandId === undefined) return reject('INVALID_COMMAND', 'a write needs a command id', 'commandId');
  const under = decided.writes.filter(isOpen).length;
  if (under >= MAX_OPEN) return reject('OVERLOADED', `${under} writes to the device are under way`);
  const writeId: string = turn.commandId;
  const deadlineMs = Math.min(turn.nowMs + timeoutMs, turn.deadlineMs ?? Number.POSITIVE_INFINITY);
  if (deadlineMs <= turn.nowMs) return reject('EXPIRED', 'its time was over before it could be decided');
  const by = turn.by.user;
  return accept([{ kind: 'WriteRequested', atMs: turn.nowMs, writeId, point: name, value, by, deadlineMs }], {
    writeId,
  });
}

/** They are sent one after the other, so that most of more than these would come to nothing. */
const MAX_OPEN = 64;

function writeFault(point: Point, value: number | boolean | string, permissions: readonly string[]): Rejection | null {
  const { writable } = point;
  if (writable === undefined) return reject('POINT_NOT_WRITABLE', `${point.name} is read-only`, 'point');
  if (!permits(permissions, writable.permission))
    return reject('FORBIDDEN', `writing ${point.name} needs the permission ${writable.permission}`, 'point');
  if (typeof value !== point.type)
    return reject('WRONG_TYPE', `${point.name} takes a ${point.type}, not a ${typeof value}`, 'value');
  if (typeof value !== 'number') return null;
  const min = writable.min ?? point.range?.min ?? Number.NEGATIVE_INFINITY;
  const max = writable.max ?? point.range?.max ?? Number.POSITIVE_INFINITY;
  if (value >= min && value <= max) return null;
  return reject('OUT_OF_RANGE', `${point.name} takes ${min} to ${max}`, 'value');
}

/**
 * Answers with how long the driver has, by a duration, since its clock may be another; or with null: the write is not to be
 * sent, and how it ended stands in the journal.
 */
function sendWrite(state: DeviceState, writeId: string, nowMs: number): Decision<DeviceEvent> {
  const write = state.decided.writes.find((candidate) => candidate.writeId === writeId);
  if (write === undefined) return reject('UNKNOWN_WRITE', `there is no write ${writeId}`, 'writeId');
  if (write.state === 'sent') return accept([unknownOutcome(writeId, nowMs)], { leftMs: null });
  if (write.state !== 'requested') return accept([], { leftMs: null });
  // A clock that went back behind the request cannot say how late it is.
  if (nowMs >= write.deadlineMs || nowMs < write.requestedAtMs)
    return accept([tooLate(writeId, nowMs)], { leftMs: null });
  if (isDecommissioned(state)) return accept([outOfUse(writeId, nowMs)], { leftMs: null });
  return accept([{ kind: 'WriteSent', atMs: nowMs, writeId }], { leftMs: write.deadlineMs - nowMs });
}

function reportWrite(
  { decided }: DeviceState,
  command: Extract<WriteCommand, { kind: 'ReportWrite' }>,
  atMs: number,
): Decision<DeviceEvent> {
  const { writeId, state, code = null, message = null } = command;
  const write = decided.writes.find((candidate) => candidate.writeId === writeId);
  if (write === undefined) return reject('UNKNOWN_WRITE', `there is no write ${writeId}`, 'writeId');
  if (write.state === state && write.code === code) return accept([]);
  // After an acknowledgement only the verification can still come; where the end was not known, it is now; any other is final.
  const isVerification = write.state === 'acknowledged' && (state === 'verified' || state === 'failed');
  const wasUnknown = write.code !== null && UNKNOWN.has(write.code);
  if (!isOpen(write) && !isVerification && !wasUnknown) return accept([]);
  return accept([{ kind: 'WriteFinished', atMs, writeId, state, code, message }]);
}

/** Ends of which nobody knew whether the device has carried the write out. */
const UNKNOWN: ReadonlySet<string> = new Set(['no_report', 'outcome_unknown']);

function noReport(writeId: string, atMs: number): WriteFinished {
  const message = 'the driver did not say how the write ended: the device may or may not have carried it out';
  return { kind: 'WriteFinished', atMs, writeId, state: 'timed_out', code: 'no_report', message };
}

function unknownOutcome(writeId: string, atMs: number): WriteFinished {
  const message = 'the node ended while the write was under way: the device may or may not have carried it out';
  return { kind: 'WriteFinished', atMs, writeId, state: 'timed_out', code: 'outcome_unknown', message };
}

function tooLate(writeId: string, atMs: number): WriteFinished {
  const message = 'not sent: its time was over before it could be';
  return { kind: 'WriteFinished', atMs, writeId, state: 'timed_out', code: 'deadline_passed', message };
}

function outOfUse(writeId: string, atMs: number): WriteFinished {
  const message = 'not sent: the device was decommissioned meanwhile';
  return { kind: 'WriteFinished', atMs, writeId, state: 'failed', code: 'decommissioned', message };
}

function unreachable(command: never): never {
  throw new Error(`not a command for a write: ${JSON.stringify(command)}`);
}
