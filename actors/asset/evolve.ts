import { evolveBook } from '../alarm/book.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import type { AssetStatus } from '../views.ts';
import { evolveAdopted } from './adopted.ts';
import type { AssetEvent, WorkOrderNoted } from './events.ts';
import type { AssetDecided, AssetState, OpenOrder } from './state.ts';

export function evolveAsset(state: AssetState, event: AssetEvent): AssetState {
  return { decided: evolveDecided(state.decided, event), live: state.live };
}

export function evolveDecided(decided: AssetDecided, event: AssetEvent): AssetDecided {
  if (isAlarmEvent(event)) return { ...decided, alarms: evolveBook(decided.alarms, event) };
  switch (event.kind) {
    case 'LinkedDeviceReported': {
      const { device, state, reason, sinceMs, cover } = event;
      const reported = { state, reason, sinceMs, ...(cover !== undefined && { cover }) };
      return { ...decided, devices: new Map(decided.devices).set(device, reported) };
    }
    case 'WorkOrderNoted':
      return orderNoted(decided, event);
    case 'AssetStatusChanged':
      return { ...decided, status: event.own };
    case 'RuleAdopted':
    case 'RuleDropped':
      return { ...decided, rules: evolveAdopted(decided.rules, event) };
    default:
      return unreachable(event);
  }
}

/** P-09: while an order that takes the asset down is under way, it is in maintenance, whatever people said of it. */
export function statusOf(decided: AssetDecided): AssetStatus {
  for (const order of decided.orders.values()) if (order.down) return 'maintenance';
  return decided.status;
}

export function isEnded(state: OpenOrder['state']): boolean {
  return state === 'closed' || state === 'cancelled';
}

function orderNoted(decided: AssetDecided, event: WorkOrderNoted): AssetDecided {
  const { number, rule, state, assetDown, atMs } = event;
  const before = decided.orders.get(number);
  const orders = new Map(decided.orders);
  const isWaiting = state === 'on_hold' && before?.down === true;
  if (isEnded(state)) orders.delete(number);
  else orders.set(number, { rule, state, assetDown, down: assetDown && (state === 'in_progress' || isWaiting) });
  const isDone = state === 'completed' && before?.state !== 'completed';
  return { ...decided, orders, maintainedAtMs: isDone ? atMs : decided.maintainedAtMs };
}

function unreachable(event: never): never {
  throw new Error(`not an asset event: ${JSON.stringify(event)}`);
}
