import type { ClientFrame, ServerFrame, WireEvent } from '../../gateways/websocket/protocol.ts';

const OPS: readonly string[] = [
  'hello',
  'snapshot',
  'delta',
  'event',
  'reply',
  'error',
  'pong',
  'heartbeat',
] satisfies ServerFrame['op'][];

/** A frame of the server, or null when it is none: the connection is then given up, since its order can no longer be trusted. */
export function parseFrame(text: string): ServerFrame | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  return isServerFrame(frame) ? frame : null;
}

export function frameText(frame: ClientFrame): string {
  return JSON.stringify(frame);
}

/**
 * Where an event stands on the event lane, for tokens that end in a number; null for others. After a reconnect the lane
 * repeats what was missed, of which the snapshot already holds the outcome.
 */
export function lanePosition(token: string): number | null {
  const digits = /(\d+)$/.exec(token)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function isCovered(event: WireEvent, snapshotToken: string): boolean {
  const at = lanePosition(event.token);
  const upTo = lanePosition(snapshotToken);
  return at !== null && upTo !== null && at <= upTo;
}

function isServerFrame(value: unknown): value is ServerFrame {
  return (
    typeof value === 'object' &&
    value !== null &&
    'op' in value &&
    typeof value.op === 'string' &&
    OPS.includes(value.op) &&
    'seq' in value &&
    typeof value.seq === 'number'
  );
}
