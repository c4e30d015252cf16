import type { EntityId } from '../ids.ts';
import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
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
  readonly lanes: ReadonlyMap<EntityId, Lane>;
  /** Messages in all lanes. */
  readonly held: number;
  readonly nextN: number;
  /** Nothing is sent before, unless news of a newer epoch comes. */
  readonly pausedUntilMonoMs: number;
}

export interface Owner {
  readonly node: string;
  readonly epoch: Epoch;
}

interface Lane {
  readonly waiting: readonly RoutedMessage[];
  readonly underWay: { readonly n: number; readonly message: RoutedMessage; readonly untilMonoMs: number } | undefined;
}

export interface RoutedMessage {
  readonly entity: EntityId;
  readonly commandId: string;
  /** Past it the caller is told TIMEOUT: the command may have been committed or not, and repeating its id tells. */
  readonly deadlineMonoMs: number;
  readonly body: unknown;
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
  return { shard, owner: undefined, lanes: new Map(), held: 0, nextN: 1, pausedUntilMonoMs: Number.NEGATIVE_INFINITY };
}

export function stepRoute(route: Route, input: RouteInput, timing: Timing): Turn {
  switch (input.kind) {
    case 'send':
      return accept(route, input.message, input.at, timing);
    case 'answered':
      return answered(route, input, timing);
    case 'refused':
      return refused(route, input, timing);
    case 'failed': {
      const lane = laneOf(route, input);
      return lane === undefined ? stay(route) : pause(putBack(route, input.entity, lane), input.at, timing);
    }
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
  const { commandId, entity } = message;
  if (route.held >= timing.heldMessages)
    return { state: route, effects: [{ kind: 'giveUp', commandId, code: 'OVERLOADED', sent: false }] };
  const lane = route.lanes.get(entity) ?? { waiting: [], underWay: undefined };
  const lanes = new Map(route.lanes).set(entity, { ...lane, waiting: [...lane.waiting, message] });
  return flow({ ...route, lanes, held: route.held + 1 }, [entity], at, timing);
}

function answered(route: Route, input: Extract<RouteInput, { kind: 'answered' }>, timing: Timing): Turn {
  const lane = laneOf(route, input);
  if (lane?.underWay === undefined) return stay(route);
  const { commandId } = lane.underWay.message;
  const freed = withLane(route, input.entity, { ...lane, underWay: undefined });
  // Another lane may have waited for its number of requests under way to fall.
  const next = flow({ ...freed, held: route.held - 1 }, freed.lanes.keys(), input.at, timing);
  return { state: next.state, effects: [{ kind: 'answer', commandId, answer: input.answer }, ...next.effects] };
}

function refused(route: Route, input: Extract<RouteInput, { kind: 'refused' }>, timing: Timing): Turn {
  const lane = laneOf(route, input);
  const back = lane === undefined ? route : putBack(route, input.entity, lane);
  if (input.owner !== undefined && input.owner.epoch > (route.owner?.epoch ?? 0))
    return learn(back, input.owner, input.at, timing);
  return lane === undefined ? stay(route) : pause(back, input.at, timing);
}

function learn(route: Route, owner: Owner, at: Instant, timing: Timing): Turn {
  if (owner.epoch < (route.owner?.epoch ?? 0)) return stay(route);
  if (owner.epoch === route.owner?.epoch) {
    // The same owner again, for instance after it was suspended: worth another try, but no news for what is under way.
    invariant(owner.node === route.owner.node, 'an epoch has one owner');
    return stay(route);
  }
  return flow({ ...route, owner, pausedUntilMonoMs: at.monoMs }, route.lanes.keys(), at, timing);
}

function pause(route: Route, at: Instant, timing: Timing): Turn {
  if (at.monoMs < route.pausedUntilMonoMs) return stay(route);
  return {
    state: { ...route, pausedUntilMonoMs: at.monoMs + timing.routeRetryMs },
    effects: [{ kind: 'lookUp', shard: route.shard }],
  };
}

function tick(route: Route, at: Instant, timing: Timing): Turn {
  if (route.lanes.size === 0) return stay(route);
  const effects: RouteEffect[] = [];
  let state = route;
  let silent = false;
  for (const [entity, lane] of route.lanes) {
    const alive = withoutExpired(lane, at, effects);
    const { underWay } = alive;
    const hangs = underWay !== undefined && at.monoMs >= underWay.untilMonoMs;
    silent ||= hangs;
    if (hangs) state = putBack(withLane(state, entity, alive), entity, alive);
    else if (alive !== lane) state = withLane(state, entity, alive);
  }
  state = { ...state, held: route.held - effects.length };
  if (silent || (state.owner === undefined && state.held > 0)) {
    const paused = pause(state, at, timing);
    return { state: paused.state, effects: [...effects, ...paused.effects] };
  }
  const next = flow(state, state.lanes.keys(), at, timing);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** A request whose message was given up is given up too: the next gets a new number, and the owner forgets this one. */
function withoutExpired(lane: Lane, at: Instant, effects: RouteEffect[]): Lane {
  const expired = (message: RoutedMessage) => at.monoMs >= message.deadlineMonoMs;
  const { waiting, underWay } = lane;
  const lost = underWay !== undefined && expired(underWay.message);
  if (!lost && !waiting.some(expired)) return lane;
  if (lost) effects.push({ kind: 'giveUp', commandId: underWay.message.commandId, code: 'TIMEOUT', sent: true });
  for (const { commandId } of waiting.filter(expired))
    effects.push({ kind: 'giveUp', commandId, code: 'TIMEOUT', sent: false });
  return { waiting: waiting.filter((message) => !expired(message)), underWay: lost ? undefined : underWay };
}

/** Sends what may be sent: one request a lane, so many for the shard. */
function flow(route: Route, entities: Iterable<EntityId>, at: Instant, timing: Timing): Turn {
  const { owner } = route;
  if (owner === undefined) return pause(route, at, timing);
  if (at.monoMs < route.pausedUntilMonoMs) return stay(route);
  let underWay = 0;
  let floor = route.nextN;
  for (const lane of route.lanes.values()) {
    if (lane.underWay === undefined) continue;
    underWay += 1;
    floor = Math.min(floor, lane.underWay.n);
  }
  const effects: RouteEffect[] = [];
  let lanes: Map<EntityId, Lane> | undefined;
  let n = route.nextN;
  for (const entity of entities) {
    const lane = route.lanes.get(entity);
    if (lane === undefined || lane.underWay !== undefined) continue;
    if (underWay >= timing.requestsUnderWay) break;
    const [message, ...waiting] = lane.waiting;
    if (message === undefined) continue;
    const untilMonoMs = at.monoMs + timing.requestTimeoutMs;
    lanes ??= new Map(route.lanes);
    lanes.set(entity, { waiting, underWay: { n, message, untilMonoMs } });
    effects.push({ kind: 'request', shard: route.shard, entity, owner, n, floor, message });
    n += 1;
    underWay += 1;
  }
  return lanes === undefined ? stay(route) : { state: { ...route, lanes, nextN: n }, effects };
}

function laneOf(route: Route, { entity, n }: { readonly entity: EntityId; readonly n: number }): Lane | undefined {
  const lane = route.lanes.get(entity);
  // Of an attempt that was given up: what it says of the messages may not hold for the attempt that took its place.
  return lane?.underWay?.n === n ? lane : undefined;
}

function putBack(route: Route, entity: EntityId, { waiting, underWay }: Lane): Route {
  return withLane(route, entity, { waiting: underWay ? [underWay.message, ...waiting] : waiting, underWay: undefined });
}

function withLane(route: Route, entity: EntityId, lane: Lane): Route {
  const lanes = new Map(route.lanes);
  if (lane.waiting.length === 0 && lane.underWay === undefined) lanes.delete(entity);
  else lanes.set(entity, lane);
  return { ...route, lanes };
}
