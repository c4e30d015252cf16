import type { ActorKind, Effect, Self, Turn, View } from '../../runtime/actor-kind.ts';
import { type EntityId, entityId, nameOf } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import { normal } from '../alarm/machine.ts';
import type { Frame } from '../frame.ts';
import { rulesInForce } from './adopted.ts';
import { AssetCommand } from './commands.ts';
import { assetPermission, decideAsset } from './decide.ts';
import { assetDue, assetDueMs } from './due.ts';
import type { AssetEvent } from './events.ts';
import { evolveAsset, statusOf } from './evolve.ts';
import { observeFrame } from './observe.ts';
import { requestOrder } from './orders.ts';
import { watchChildren } from './roll-up.ts';
import { endOfOrphans, syncRules } from './rules.ts';
import { decodeAsset, encodeAsset } from './snapshot.ts';
import { type AssetState, initialAsset } from './state.ts';
import { assetView } from './view.ts';

/**
 * One asset of the plant: its metrics from the devices that are linked to it, what is computed from them, the rules on them and
 * their alarms, its work orders, its health. One writer for value, rule and alarm: an alarm is raised in the turn in which
 * the reading arrives.
 *
 * Invariants: late, historical, stale and BAD readings neither raise nor clear an alarm; what was decided follows from the
 * journal alone, what is live from the log alone, so both give the same state again.
 */
export const assetKind: ActorKind<AssetState, AssetCommand, AssetEvent, never, Frame, AssetDefinition> = {
  name: 'asset',
  command: AssetCommand,
  permission: assetPermission,

  initial: initialAsset,
  decide: decideAsset,
  evolve: evolveAsset,

  observe: observeFrame,
  emit: ({ live }, { nowMs }) => live.history.take(live.layout.metrics, nowMs),
  watch: watchChildren,

  nextDueMs: assetDueMs,
  due: assetDue,
  reconcile,

  effects: assetEffects,
  describe,
  // The views are interfaces of Json; TypeScript gives only type aliases the index signature that says so.
  view: (state, _self, recorded) => assetView(state, recorded) as unknown as View,

  snapshot: { encode: encodeAsset, decode: decodeAsset },
};

/** Alarms of rules that are gone end; changed limits count from the next reading on. */
function reconcile({ decided, live }: AssetState, turn: Turn<AssetDefinition>): AssetEvent[] {
  syncRules(decided, live);
  // A replay asks for nothing to be handed out, so what found no room in it is no loss.
  live.history.dropped = 0;
  live.startedMs = turn.nowMs;
  live.nowMs = turn.nowMs;
  return endOfOrphans(decided, turn.definition, turn.nowMs);
}

function assetEffects(event: AssetEvent, after: AssetState, { id, definition }: Self<AssetDefinition>): Effect[] {
  // Of a rule of another cell, whoever brought it tells that it was taken.
  if ('from' in event && event.from !== undefined) return [];
  if (event.kind === 'RuleAdopted') return [confirm(id, event.rule.id, event.revision)];
  if (event.kind === 'RuleDropped') return [confirm(id, event.id, event.revision)];
  if (!isAlarmEvent(event) || !('annunciation' in event) || event.annunciation === null) return [];
  const rule = rulesInForce(definition, after.decided.rules).find((candidate) => candidate.id === event.rule);
  const record = after.decided.alarms.get(event.rule);
  if (rule === undefined || record === undefined) return [];
  const effects = requestOrder(definition, rule, record, event.annunciation.localDate);
  if (rule.webhook !== undefined) {
    const body = {
      url: rule.webhook,
      event: 'alarm.raised',
      entity: id,
      asset: definition.name,
      alarm: alarmJson(after, event.rule),
    };
    effects.push({ kind: 'out', port: 'webhook', body });
  }
  return effects;
}

/** The rule's actor has to know who has it: until then it tells again. */
function confirm(id: EntityId, rule: string, revision: number): Effect {
  const command: Json = { kind: 'ConfirmRule', asset: nameOf(id), revision };
  return { kind: 'tell', to: entityId('rule', rule), command };
}

function describe(state: AssetState, event: AssetEvent): Json {
  if (isAlarmEvent(event)) return alarmJson(state, event.rule);
  const { decided } = state;
  switch (event.kind) {
    case 'LinkedDeviceReported': {
      const known = decided.devices.get(event.device);
      if (known === undefined) return null;
      const { cover, ...said } = known;
      return { device: event.device, ...said, ...(cover !== undefined && { cover: { ...cover } }) };
    }
    case 'WorkOrderNoted': {
      const order = decided.orders.get(event.number);
      return order === undefined ? null : { number: event.number, ...order };
    }
    case 'RuleAdopted':
      return describeRule(decided, event.rule.id);
    case 'RuleDropped':
      return describeRule(decided, event.id);
    case 'AssetStatusChanged':
      return { status: statusOf(decided), own: decided.status };
    default:
      return unreachable(event);
  }
}

function describeRule({ rules }: AssetState['decided'], id: string): Json {
  const known = rules.get(id);
  return known === undefined ? null : { revision: known.revision, rule: known.rule as unknown as Json };
}

function alarmJson({ decided, live }: AssetState, rule: string): Json {
  return live.alarmViews.of(decided.alarms.get(rule) ?? normal(rule), live.holder) as unknown as Json;
}

function unreachable(event: never): never {
  throw new Error(`not an asset event: ${JSON.stringify(event)}`);
}
