import { accept, type Decision, reject, type Turn } from '../../runtime/actor-kind.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { alarmPermission, decideAlarm, isAlarmCommand } from '../alarm/decide.ts';
import { annunciationWhenShown } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import { decideLoss } from '../alarm/loss.ts';
import type { AssetCommand } from './commands.ts';
import { DEVICE_LOST, hiddenBy, lossOf } from './devices.ts';
import type { AssetEvent } from './events.ts';
import { evolveDecided, isEnded, statusOf } from './evolve.ts';
import { decideAdopted, syncRules } from './rules.ts';
import type { AssetDecided, AssetLive, AssetState } from './state.ts';

export function assetPermission(command: AssetCommand): string {
  if (isAlarmCommand(command)) return alarmPermission(command);
  return command.kind === 'SetAssetStatus' ? 'asset:manage' : 'internal';
}

export function decideAsset(
  state: AssetState,
  command: AssetCommand,
  turn: Turn<AssetDefinition>,
): Decision<AssetEvent> {
  const { decided, live } = state;
  syncRules(decided, live);
  if (isAlarmCommand(command)) {
    const isRule = live.layout.ruleById.has(command.rule);
    const context = { by: turn.by.user, nowMs: turn.nowMs, owner: live.owner };
    return decideAlarm(decided.alarms.get(command.rule), isRule, command, context);
  }
  switch (command.kind) {
    case 'SetAssetStatus':
      return setStatus(decided, command, turn);
    case 'WorkOrderReported':
      return accept(noteOrder(decided, command, turn));
    case 'DeviceReported':
      return accept(noteDevice(decided, live, command, turn.nowMs));
    case 'AdoptRule':
    case 'DropRule':
      return decideAdopted(decided, command, turn.definition, turn.nowMs);
    default:
      return unreachable(command);
  }
}

type Command<Kind extends AssetCommand['kind']> = Extract<AssetCommand, { kind: Kind }>;

function setStatus(
  decided: AssetDecided,
  { status, reason }: Command<'SetAssetStatus'>,
  turn: Turn<AssetDefinition>,
): Decision<AssetEvent> {
  const from = statusOf(decided);
  if (decided.status === status) return reject('STATUS_UNCHANGED', `the asset is ${status} already`, 'status');
  const to = statusOf({ ...decided, status });
  const by = turn.by.user;
  return accept([{ kind: 'AssetStatusChanged', atMs: turn.nowMs, from, to, own: status, by, reason, workOrder: null }]);
}

function noteOrder(
  decided: AssetDecided,
  command: Command<'WorkOrderReported'>,
  turn: Turn<AssetDefinition>,
): AssetEvent[] {
  const { number, rule, state, assetDown } = command;
  const atMs = turn.nowMs;
  const known = decided.orders.get(number);
  if (known === undefined ? isEnded(state) : known.state === state && known.assetDown === assetDown) return [];
  const noted: AssetEvent = { kind: 'WorkOrderNoted', atMs, number, rule, state, assetDown };
  const events: AssetEvent[] = [noted];
  const record = rule === null ? undefined : decided.alarms.get(rule);
  if (rule !== null && record !== undefined) {
    const workOrder = isEnded(state) ? null : number;
    const isOurs = workOrder !== null || record.workOrder === number;
    if (isOurs && record.workOrder !== workOrder) events.push({ kind: 'AlarmOrderLinked', rule, atMs, workOrder });
  }
  const from = statusOf(decided);
  const to = statusOf(evolveDecided(decided, noted));
  if (from !== to) {
    const own = decided.status;
    const reason = `work order ${state}`;
    events.push({ kind: 'AssetStatusChanged', atMs, from, to, own, by: turn.by.user, reason, workOrder: number });
  }
  return events;
}

/** A device came or went: the alarms that it explains are hidden or shown, and the loss itself may be one. */
function noteDevice(
  before: AssetDecided,
  live: AssetLive,
  { device, state, reason, sinceMs, cover }: Command<'DeviceReported'>,
  atMs: number,
): AssetEvent[] {
  const known = before.devices.get(device);
  const isLinked = live.layout.definition.links.some((link) => link.device === device);
  const isKnown = known?.state === state && known.reason === reason && known.sinceMs === sinceMs;
  if (!isLinked || (isKnown && known.cover?.by === cover?.by)) return [];
  const said = { device, state, reason, sinceMs, ...(cover !== undefined && { cover }) };
  const reported: AssetEvent = { kind: 'LinkedDeviceReported', atMs, ...said };
  const decided = evolveDecided(before, reported);
  live.nowMs = atMs;
  const events: AlarmEvent[] = [];
  for (const record of decided.alarms.values()) {
    const rule = live.layout.ruleById.get(record.rule);
    if (rule === undefined) continue;
    const hiding = hiddenBy(decided, live, rule);
    const { suppressed } = record;
    // Once more when another alarm explains it now: the link is back, and the device is lost by itself.
    const isNews = suppressed === null ? record.detail !== 'NORMAL' : suppressed.by !== (hiding?.by ?? null);
    if (hiding !== null && isNews) {
      events.push({ kind: 'AlarmSuppressed', rule: record.rule, atMs, ...hiding });
    } else if (hiding === null && suppressed?.cause === DEVICE_LOST) {
      const annunciation = annunciationWhenShown(record, 'suppressed', live.owner, atMs);
      events.push({ kind: 'AlarmUnsuppressed', rule: record.rule, atMs, annunciation });
    }
  }
  decideLostRules(decided, live, atMs, events);
  return [reported, ...events];
}

/** Rules on the connection itself. */
export function decideLostRules(decided: AssetDecided, live: AssetLive, nowMs: number, events: AlarmEvent[]): void {
  const { lostRules } = live.layout;
  if (lostRules.length === 0) return;
  const loss = lossOf(decided, live);
  for (const rule of lostRules) {
    decideLoss(rule, decided.alarms.get(rule.rule.id), live.timers, loss, null, nowMs, live.owner, events);
  }
}

function unreachable(command: never): never {
  throw new Error(`not an asset command: ${JSON.stringify(command)}`);
}
