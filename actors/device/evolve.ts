import { evolveBook } from '../alarm/book.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import { LINK_BACK } from '../alarm/loss.ts';
import type { DeviceEvent, DeviceOffline } from './events.ts';
import type { DeviceDecided, DeviceState, Write } from './state.ts';
import { isOpen } from './writes.ts';

/** Finished writes that the view shows; the journal has them all. */
const WRITES_KEPT = 20;

export function evolveDevice(state: DeviceState, event: DeviceEvent): DeviceState {
  return { decided: evolveDecided(state.decided, event), live: state.live };
}

export function evolveDecided(decided: DeviceDecided, event: DeviceEvent): DeviceDecided {
  if (isAlarmEvent(event)) return { ...decided, alarms: evolveBook(decided.alarms, event) };
  switch (event.kind) {
    case 'DeviceOnline':
      return connected(decided, 'online', event);
    case 'DeviceOffline':
      return connected(decided, 'offline', event);
    case 'DeviceUnknown':
      return connected(decided, 'unknown', event);
    case 'DeviceIntroduced':
      return { ...decided, introducedTo: event.assets };
    case 'ReadingGap':
      return decided;
    case 'WriteRequested': {
      const { writeId, point, value, by, atMs, deadlineMs } = event;
      const outcome = { code: null, message: null, finishedAtMs: null };
      const write: Write = {
        writeId,
        point,
        value,
        by,
        state: 'requested',
        requestedAtMs: atMs,
        deadlineMs,
        ...outcome,
      };
      return { ...decided, writes: trimmed([...decided.writes, write]) };
    }
    case 'WriteSent': {
      const sent = (write: Write): Write => (write.writeId === event.writeId ? { ...write, state: 'sent' } : write);
      return { ...decided, writes: decided.writes.map(sent) };
    }
    case 'WriteFinished': {
      const { writeId, state, code, message, atMs } = event;
      const finished = (write: Write): Write =>
        write.writeId === writeId ? { ...write, state, code, message, finishedAtMs: atMs } : write;
      return { ...decided, writes: decided.writes.map(finished) };
    }
    case 'DeviceDecommissioned': {
      const { by, reason, atMs } = event;
      const connectivity = { state: 'unknown', reason: 'decommissioned', detail: null, sinceMs: atMs } as const;
      return { ...decided, decommissioned: { by, reason, atMs }, connectivity };
    }
    case 'DeviceRecommissioned': {
      const connectivity = { state: 'unknown', reason: 'not_heard_yet', detail: null, sinceMs: event.atMs } as const;
      return { ...decided, decommissioned: null, connectivity };
    }
    default:
      return unreachable(event);
  }
}

function connected(
  decided: DeviceDecided,
  state: 'online' | 'offline' | 'unknown',
  event: Pick<DeviceOffline, 'reason' | 'detail' | 'atMs' | 'ofLink'>,
): DeviceDecided {
  const { reason, detail, atMs } = event;
  // Online and offline for another reason keep the time of the change that people ask for: since when it is so.
  const goesOn = decided.connectivity.state === state && reason !== LINK_BACK;
  const sinceMs = goesOn ? (decided.connectivity.sinceMs ?? atMs) : atMs;
  if (event.ofLink === undefined) return { ...decided, connectivity: { state, reason, detail, sinceMs } };
  const before = decided.connectivity.ofLink;
  const ofLink = before?.entity === event.ofLink ? before : { entity: event.ofLink, sinceMs: atMs };
  return { ...decided, connectivity: { state, reason, detail, sinceMs, ofLink } };
}

/** Writes that are under way stay, whatever their number. */
function trimmed(writes: readonly Write[]): readonly Write[] {
  let surplus = writes.length - WRITES_KEPT;
  return writes.filter((write) => isOpen(write) || surplus-- <= 0);
}

function unreachable(event: never): never {
  throw new Error(`not a device event: ${JSON.stringify(event)}`);
}
