import { accept, type Decision, reject, type Turn } from '../../runtime/actor-kind.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { alarmPermission, decideAlarm, isAlarmCommand } from '../alarm/decide.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { LINK_BACK } from '../alarm/loss.ts';
import type { DeviceCommand } from './commands.ts';
import type { DeviceEvent } from './events.ts';
import { evolveDecided } from './evolve.ts';
import { decideLost } from './lost.ts';
import { type DeviceState, isDecommissioned } from './state.ts';
import { decideWrite } from './writes.ts';

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
      if (decided.connectivity.ofLink === undefined) return accept([]);
      return connectivityBecomes(state, { kind: 'DeviceUnknown', atMs: turn.nowMs, reason: LINK_BACK, detail: null });
    case 'WritePoint':
    case 'SendWrite':
    case 'ReportWrite':
      return decideWrite(state, command, turn);
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
  if (known.state === state && known.reason === reason && known.ofLink?.entity === ofLink) return accept([]);
  // A device that is online by its data and now by its driver as well has not changed.
  if (state === 'online' && known.state === 'online') return accept([]);
  const kind = CONNECTIVITY_EVENTS[state];
  return connectivityBecomes(device, { kind, atMs, reason, detail, ...(ofLink !== undefined && { ofLink }) });
}

function connectivityBecomes({ decided, live }: DeviceState, reported: DeviceEvent): Decision<DeviceEvent> {
  const alarms: AlarmEvent[] = [];
  decideLost(evolveDecided(decided, reported), live, reported.atMs, alarms);
  return accept([reported, ...alarms]);
}

function unreachable(command: never): never {
  throw new Error(`not a device command: ${JSON.stringify(command)}`);
}
