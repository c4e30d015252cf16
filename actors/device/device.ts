import type { ActorKind, Effect, Turn, View } from '../../runtime/actor-kind.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { endOrphans } from '../alarm/book.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import { normal } from '../alarm/machine.ts';
import type { Frame } from '../frame.ts';
import { admitFrame } from './admit.ts';
import { DeviceCommand } from './commands.ts';
import { decideDevice, devicePermission } from './decide.ts';
import { deviceDue, deviceDueMs } from './due.ts';
import type { DeviceEvent } from './events.ts';
import { evolveDevice } from './evolve.ts';
import { coverOf } from './lost.ts';
import { observeFrame } from './observe.ts';
import { decodeDevice, encodeDevice } from './snapshot.ts';
import { type DeviceLive, type DeviceState, initialDevice, isDecommissioned } from './state.ts';
import { deviceView } from './view.ts';

/**
 * One device of the field, as its driver sees it: raw points with their quality, the connection, the clock, writes. What a
 * reading means is the business of the assets that it is linked to; they observe its frames and are told of its connectivity.
 *
 * Invariants: a value that is BAD never becomes a live value; a reading older than the newest of its point never replaces it;
 * a write leaves for the device only after the journal has that it does, once, and only before its deadline.
 */
export const deviceKind: ActorKind<DeviceState, DeviceCommand, DeviceEvent, Frame, Frame, DeviceDefinition> = {
  name: 'device',
  command: DeviceCommand,
  permission: devicePermission,

  initial: initialDevice,
  decide: decideDevice,
  evolve: evolveDevice,

  admit: admitFrame,
  observe: observeFrame,
  note({ live }, note, { nowMs }) {
    if (!isRecord(note)) return;
    if (note.kind === 'log') noteLog(live, note, nowMs);
    else live.link = note;
  },

  nextDueMs: deviceDueMs,
  due: deviceDue,
  reconcile,

  effects: deviceEffects,
  describe,
  // The views are interfaces of Json; TypeScript gives only type aliases the index signature that says so.
  view: (state, _self, recorded) => deviceView(state, recorded) as unknown as View,

  snapshot: { encode: encodeDevice, decode: decodeDevice },
};

/** Whether its readings get into the log: while they do not, that none comes says nothing about the device. */
function noteLog(live: DeviceLive, { awaySinceMs }: { readonly [key: string]: Json }, nowMs: number): void {
  if (typeof awaySinceMs === 'number') live.logAwaySinceMs = awaySinceMs;
  else if (!Number.isNaN(live.logAwaySinceMs)) {
    live.logAwaySinceMs = Number.NaN;
    live.logBackMs = nowMs;
  }
}

function reconcile(state: DeviceState, turn: Turn<DeviceDefinition>): DeviceEvent[] {
  const { decided, live } = state;
  live.startedMs = turn.nowMs;
  const events: DeviceEvent[] = reconcileUse(state, turn.nowMs);
  events.push(...endOrphans(decided.alarms, live.layout.rules, turn.nowMs));
  const { linkedAssets } = turn.definition;
  const same =
    linkedAssets.length === decided.introducedTo.length &&
    linkedAssets.every((asset) => decided.introducedTo.includes(asset));
  if (!same) events.push({ kind: 'DeviceIntroduced', atMs: turn.nowMs, assets: [...linkedAssets] });
  return events;
}

/** The topology file may have taken the device out of use, or back into it. */
function reconcileUse(state: DeviceState, atMs: number): DeviceEvent[] {
  const isOut = isDecommissioned(state);
  const saysOut = state.decided.connectivity.reason === 'decommissioned';
  if (isOut === saysOut) return [];
  return [{ kind: 'DeviceUnknown', atMs, reason: isOut ? 'decommissioned' : 'not_heard_yet', detail: null }];
}

function deviceEffects(
  event: DeviceEvent,
  after: DeviceState,
  self: { readonly definition: DeviceDefinition },
): Effect[] {
  switch (event.kind) {
    case 'DeviceOnline':
    case 'DeviceOffline':
    case 'DeviceUnknown':
    case 'DeviceDecommissioned':
    case 'DeviceRecommissioned':
    case 'DeviceIntroduced':
      return self.definition.linkedAssets.map((asset) => report(asset, after, self.definition.id, event.atMs));
    case 'WriteRequested': {
      const { writeId, point, value, deadlineMs } = event;
      const body = { writeId, device: self.definition.id, point, value, deadlineMs };
      return [{ kind: 'out', port: 'device-write', body }];
    }
    default:
      return [];
  }
}

function report(asset: string, { decided }: DeviceState, device: string, atMs: number): Effect {
  const { state, reason, sinceMs } = decided.connectivity;
  const cover = coverOf(decided);
  const command = {
    kind: 'DeviceReported',
    device,
    state,
    reason,
    sinceMs: sinceMs ?? atMs,
    ...(cover !== null && { cover: { ...cover } }),
  };
  return { kind: 'tell', to: entityId('asset', asset), command };
}

function describe({ decided, live }: DeviceState, event: DeviceEvent): Json {
  if (isAlarmEvent(event)) {
    const record = decided.alarms.get(event.rule) ?? normal(event.rule);
    return live.alarmViews.of(record, live.holder) as unknown as Json;
  }
  switch (event.kind) {
    case 'WriteRequested':
    case 'WriteSent':
    case 'WriteFinished': {
      const write = decided.writes.find((candidate) => candidate.writeId === event.writeId);
      return write === undefined ? null : { ...write };
    }
    case 'ReadingGap':
    case 'DeviceIntroduced':
      return null;
    default:
      return { connectivity: decided.connectivity, decommissioned: decided.decommissioned };
  }
}

function isRecord(note: Json): note is { readonly [key: string]: Json } {
  return typeof note === 'object' && note !== null && !Array.isArray(note);
}
