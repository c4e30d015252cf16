import type { EntityId } from '../ids.ts';
import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
import {
  begin,
  end,
  floorOf,
  hanging,
  hold,
  type Lanes,
  NO_LANES,
  putBack,
  type RoutedMessage,
  type UnderWay,
  underWayTo,
  withoutExpired,
} from './lanes.ts';
import { invariant, type Step } from './machine.ts';
import type { Timing } from './timing.ts';

/**
 * What a sender knows of one shard, and what it has for it. Of the messages to one entity only the first is under way, and
 * the next leaves once it was answered or given up; entities do not wait for each other. With several under way a refusal
 * that was lost would be decided anew by the repeat, after the ones behind it. While the shard moves, everything is held
 * here, bounded by number and by each message's own deadline. A repeat carries the same command id under a new number.
 */
export interface Route {
  readonly shard: Shard;
  readonly owner: Owner | undefined;
  readonly lanes: Lanes;
  readonly nextN: number;
  /** Nothing is sent before, unless news of a newer epoch comes. */
  readonly pausedUntilMonoMs: number;
}

export interface Owner {
  readonly node: string;
  readonly epoch: Epoch;
}

export type RouteInput =
  | { readonly kind: 'send'; readonly at: Instant; readonly message: RoutedMessage }
  /** The command was decided: committed, repeated, or refused for good. */
  | {
      readonly kind: 'answered';
      readonly at: Instant;
      readonly entity: EntityId;
      readonly n: number;
      readonly answer: unknown;
    }
  /** Not decided: the owner moved (`STALE_ROUTE`, `MOVING`) or may not act now (`UNAVAILABLE`). It is sent again. */
  | {
      readonly kind: 'refused';
      readonly at: Instant;
      readonly entity: EntityId;
      readonly n: number;
      readonly owner: Owner | undefined;
    }
  /** The network failed it: it may have been worked off or not. */
  | { readonly kind: 'failed'; readonly at: Instant; readonly entity: EntityId; readonly n: number }
  /** From an announcement or the database's rows. */
  | { readonly kind: 'learnt'; readonly at: Instant; readonly owner: Owner }
  | { readonly kind: 'tick'; readonly at: Instant };

export type RouteEffect =
  | {
      readonly kind: 'request';
      readonly shard: Shard;
      readonly entity: EntityId;
      readonly owner: Owner;
      readonly n: number;
      /** No request below it is waited for any more. */
      readonly floor: number;
      readonly message: RoutedMessage;
    }
  | { readonly kind: 'answer'; readonly commandId: string; readonly answer: unknown }
  /** OVERLOADED: it was never sent. TIMEOUT: its fate is not known, unless `sent` is false. */
  | {
      readonly kind: 'giveUp';
      readonly commandId: string;
      readonly code: 'OVERLOADED' | 'TIMEOUT';
      readonly sent: boolean;
    }
  /** Ask the database's rows who owns it. */
  | { readonly kind: 'lookUp'; readonly shard: Shard };

type Turn = Step<Route, RouteEffect>;

export function routeOf(shard: Shard): Route {
  return { shard, owner: undefined, lanes: NO_LANES, nextN: 1, pausedUntilMonoMs: Number.NEGATIVE_INFINITY };
}

export function stepRoute(route: Route, input: RouteInput, timing: Timing): Turn {
  switch (input.kind) {
    case 'send':
      return accept(route, input.message, input.at, timing);
    case 'answered':
      return answered(route, input, timing);
    case 'refused':
      return refused(route, input, timing);
    case 'failed':
      return underWay(route, input) === undefined
        ? stay(route)
        : pause({ ...route, lanes: putBack(route.lanes, input.entity) }, input.at, timing);
    case 'learnt':
      return learn(route, input.owner, input.at, timing);
    case 'tick':
      return tick(route, input.at, timing);
  }
}

function stay(state: Route): Turn {
  return { state, effects: [] };
}

function accept(route: Route, message: RoutedMessage, at: Instant, timing: Timing): Turn {
  const { commandId } = message;
  if (route.lanes.held >= timing.heldMessages)
    return { state: route, effects: [{ kind: 'giveUp', commandId, code: 'OVERLOADED', sent: false }] };
  return flow({ ...route, lanes: hold(route.lanes, message) }, at, timing);
}

function answered(route: Route, input: Extract<RouteInput, { kind: 'answered' }>, timing: Timing): Turn {
  const request = underWay(route, input);
  if (request === undefined) return stay(route);
  const { commandId } = request.message;
  const next = flow({ ...route, lanes: end(route.lanes, input.entity) }, input.at, timing);
  return { state: next.state, effects: [{ kind: 'answer', commandId, answer: input.answer }, ...next.effects] };
}

function refused(route: Route, input: Extract<RouteInput, { kind: 'refused' }>, timing: Timing): Turn {
  const request = underWay(route, input);
  const back = request === undefined ? route : { ...route, lanes: putBack(route.lanes, input.entity) };
  if (input.owner !== undefined && input.owner.epoch > (route.owner?.epoch ?? 0))
    return learn(back, input.owner, input.at, timing);
  return request === undefined ? stay(route) : pause(back, input.at, timing);
}

function learn(route: Route, owner: Owner, at: Instant, timing: Timing): Turn {
  if (owner.epoch < (route.owner?.epoch ?? 0)) return stay(route);
  if (owner.epoch === route.owner?.epoch) {
    // The same owner again, for instance after it was suspended: worth another try, but no news for what is under way.
    invariant(owner.node === route.owner.node, 'an epoch has one owner');
    return stay(route);
  }
  return flow({ ...route, owner, pausedUntilMonoMs: at.monoMs }, at, timing);
}

function pause(route: Route, at: Instant, timing: Timing): Turn {
  if (at.monoMs < route.pausedUntilMonoMs) return stay(route);
  return {
    state: { ...route, pausedUntilMonoMs: at.monoMs + timing.routeRetryMs },
    effects: [{ kind: 'lookUp', shard: route.shard }],
  };
}

function tick(route: Route, at: Instant, timing: Timing): Turn {
  if (route.lanes.held === 0) return stay(route);
  // A request whose message was given up is given up too: the next gets a new number, and the owner forgets this one.
  const { lanes: alive, sent, unsent } = withoutExpired(route.lanes, at.monoMs);
  const effects: RouteEffect[] = [];
  for (const { commandId } of sent) effects.push({ kind: 'giveUp', commandId, code: 'TIMEOUT', sent: true });
  for (const { commandId } of unsent) effects.push({ kind: 'giveUp', commandId, code: 'TIMEOUT', sent: false });
  const silent = hanging(alive, at.monoMs);
  // Each goes before the others: the one that waits longest is then the first again.
  const lanes = silent.reduceRight(putBack, alive);
  const state = { ...route, lanes };
  const isLost = silent.length > 0 || (route.owner === undefined && lanes.held > 0);
  const next = isLost ? pause(state, at, timing) : flow(state, at, timing);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** Sends what may be sent: one request an entity, so many for the shard. */
function flow(route: Route, at: Instant, timing: Timing): Turn {
  const { owner, shard } = route;
  if (owner === undefined) return pause(route, at, timing);
  if (at.monoMs < route.pausedUntilMonoMs) return stay(route);
  const floor = floorOf(route.lanes) ?? route.nextN;
  const effects: RouteEffect[] = [];
  let { lanes, nextN } = route;
  while (lanes.underWay < timing.requestsUnderWay) {
    const begun = begin(lanes, nextN, at.monoMs + timing.requestTimeoutMs);
    if (begun === undefined) break;
    const { message } = begun;
    effects.push({ kind: 'request', shard, entity: message.entity, owner, n: nextN, floor, message });
    lanes = begun.lanes;
    nextN += 1;
  }
  return { state: { ...route, lanes, nextN }, effects };
}

function underWay(
  route: Route,
  { entity, n }: { readonly entity: EntityId; readonly n: number },
): UnderWay | undefined {
  const request = underWayTo(route.lanes, entity);
  // Of an attempt that was given up: what it says of the messages may not hold for the attempt that took its place.
  return request?.n === n ? request : undefined;
}
