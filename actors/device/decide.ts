import { accept, type Decision, type Rejection, reject, type Turn } from '../../runtime/actor-kind.ts';
import { permits } from '../../runtime/permissions.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { Point } from '../../topology/schema/device.ts';
import { alarmPermission, decideAlarm, isAlarmCommand } from '../alarm/decide.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import type { DeviceCommand } from './commands.ts';
import type { DeviceEvent } from './events.ts';
import { evolveDecided } from './evolve.ts';
import { decideLost } from './lost.ts';
import { LINK_BACK } from './lost-rule.ts';
import { type DeviceState, isDecommissioned } from './state.ts';

export function devicePermission(command: DeviceCommand): string {
  if (isAlarmCommand(command)) return alarmPermission(command);
  switch (command.kind) {
    case 'WritePoint':
      return 'device:write';
    case 'DecommissionDevice':
    case 'RecommissionDevice':
      return 'device:manage';
    default:
      return 'internal';
  }
}

export function decideDevice(
  state: DeviceState,
  command: DeviceCommand,
  turn: Turn<DeviceDefinition>,
): Decision<DeviceEvent> {
  const { decided, live } = state;
  if (isAlarmCommand(command)) {
    const isRule = live.layout.rules.some((rule) => rule.id === command.rule);
    const context = { by: turn.by.user, nowMs: turn.nowMs, owner: live.owner };
    return decideAlarm(decided.alarms.get(command.rule), isRule, command, context);
  }
  switch (command.kind) {
    case 'ReportConnectivity':
      // The link may well be up: of a device that is out of use that says nothing.
      if (isDecommissioned(state)) return accept([]);
      return reportConnectivity(state, command, turn.nowMs);
    case 'ReportLinkBack':
      if (decided.connectivity.ofLink !== true) return accept([]);
      return connectivityBecomes(state, { kind: 'DeviceUnknown', atMs: turn.nowMs, reason: LINK_BACK, detail: null });
    case 'WritePoint':
      return writePoint(state, command, turn);
    case 'ReportWrite':
      return reportWrite(state, command, turn.nowMs);
    case 'DecommissionDevice': {
      if (isDecommissioned(state)) return reject('DEVICE_DECOMMISSIONED', 'the device is decommissioned already');
      const { reason } = command;
      return accept([{ kind: 'DeviceDecommissioned', atMs: turn.nowMs, by: turn.by.user, reason }]);
    }
    case 'RecommissionDevice': {
      if (turn.definition.decommissioned)
        return reject(
          'DEVICE_DECOMMISSIONED',
          'the topology file says that the device is decommissioned: change it there',
        );
      if (decided.decommissioned === null) return reject('DEVICE_IN_USE', 'the device is not decommissioned');
      const { reason } = command;
      return accept([{ kind: 'DeviceRecommissioned', atMs: turn.nowMs, by: turn.by.user, reason }]);
    }
    default:
      return unreachable(command);
  }
}

type Command<Kind extends DeviceCommand['kind']> = Extract<DeviceCommand, { kind: Kind }>;

const CONNECTIVITY_EVENTS = { online: 'DeviceOnline', offline: 'DeviceOffline', unknown: 'DeviceUnknown' } as const;

function reportConnectivity(
  device: DeviceState,
  command: Command<'ReportConnectivity'>,
  atMs: number,
): Decision<DeviceEvent> {
  const { state, reason, detail = null, ofLink } = command;
  const known = device.decided.connectivity;
  if (known.state === state && known.reason === reason && known.ofLink === ofLink) return accept([]);
  // A device that is online by its data and now by its driver as well has not changed.
  if (state === 'online' && known.state === 'online') return accept([]);
  const kind = CONNECTIVITY_EVENTS[state];
  return connectivityBecomes(device, { kind, atMs, reason, detail, ...(ofLink === true && { ofLink }) });
}

function connectivityBecomes({ decided, live }: DeviceState, reported: DeviceEvent): Decision<DeviceEvent> {
  const alarms: AlarmEvent[] = [];
  decideLost(evolveDecided(decided, reported), live, reported.atMs, alarms);
  return accept([reported, ...alarms]);
}

function writePoint(
  state: DeviceState,
  command: Command<'WritePoint'>,
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
  const writeId: string = turn.commandId;
  const deadlineMs = turn.nowMs + timeoutMs;
  const by = turn.by.user;
  return accept([{ kind: 'WriteRequested', atMs: turn.nowMs, writeId, point: name, value, by, deadlineMs }], {
    writeId,
  });
}

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

function reportWrite({ decided }: DeviceState, command: Command<'ReportWrite'>, atMs: number): Decision<DeviceEvent> {
  const { writeId, state, code = null, message = null } = command;
  const write = decided.writes.find((candidate) => candidate.writeId === writeId);
  if (write === undefined) return reject('UNKNOWN_WRITE', `there is no write ${writeId}`, 'writeId');
  if (write.state === state) return accept([]);
  // After an acknowledgement only the verification can still come; any other end is final.
  const open =
    write.state === 'requested' || (write.state === 'acknowledged' && (state === 'verified' || state === 'failed'));
  if (!open && write.code !== 'no_report') return accept([]);
  return accept([{ kind: 'WriteFinished', atMs, writeId, state, code, message }]);
}

function unreachable(command: never): never {
  throw new Error(`not a device command: ${JSON.stringify(command)}`);
}
