import type { EntityId } from '../ids.ts';
import { EMPTY, putFirst, putLast, type Queue, valuesOf, withoutFirst } from './queue.ts';

export interface RoutedMessage {
  readonly entity: EntityId;
  readonly commandId: string;
  /** Past it the caller is told TIMEOUT: the command may have been committed or not, and repeating its id tells. */
  readonly deadlineMonoMs: number;
  readonly body: unknown;
}

export interface UnderWay {
  readonly n: number;
  readonly message: RoutedMessage;
  readonly untilMonoMs: number;
}

interface Lane {
  readonly entity: EntityId;
  readonly underWay: UnderWay | undefined;
  readonly waiting: Queue<RoutedMessage>;
}

/**
 * The messages that a sender holds for one shard: of each entity one under way at most, and behind it those that wait. A value
 * as the route is; a change copies the one bucket that its entity is in, however many lanes there are.
 */
export interface Lanes {
  /** By hash of the entity; one for which nothing waits and nothing is under way is in none. */
  readonly buckets: readonly (readonly Lane[])[];
  /** Entities for which something waits and nothing is under way, each once. */
  readonly ready: Queue<EntityId>;
  /** Requests under way. */
  readonly underWay: number;
  /** Those requests in the order of their numbers, and between them some that are not under way any more; the first is. */
  readonly begun: Queue<UnderWay>;
  readonly held: number;
  /** No deadline is before it. */
  readonly earliestMonoMs: number;
}

/** Each has 16 lanes when a thousand entities wait: as cheap to copy as to search. */
const BUCKETS = 64;

export const NO_LANES: Lanes = {
  buckets: Array.from({ length: BUCKETS }, () => []),
  ready: EMPTY,
  underWay: 0,
  begun: EMPTY,
  held: 0,
  earliestMonoMs: Number.POSITIVE_INFINITY,
};

export function underWayTo(lanes: Lanes, entity: EntityId): UnderWay | undefined {
  return laneOf(lanes, entity)?.underWay;
}

export function hold(lanes: Lanes, message: RoutedMessage): Lanes {
  const { entity, deadlineMonoMs } = message;
  const lane = laneOf(lanes, entity);
  return {
    ...lanes,
    buckets: lane
      ? changed(lanes, { ...lane, waiting: putLast(lane.waiting, message) })
      : changed(lanes, { entity, underWay: undefined, waiting: putLast(EMPTY, message) }),
    ready: lane === undefined ? putLast(lanes.ready, entity) : lanes.ready,
    held: lanes.held + 1,
    earliestMonoMs: Math.min(lanes.earliestMonoMs, deadlineMonoMs),
  };
}

/** The first message of the entity that has been ready longest is under way from here on, under a number above all before it. */
export function begin(
  lanes: Lanes,
  n: number,
  untilMonoMs: number,
): { readonly lanes: Lanes; readonly message: RoutedMessage } | undefined {
  const lane = lanes.ready.front && laneOf(lanes, lanes.ready.front.value);
  const message = lane?.waiting.front?.value;
  if (lane === undefined || message === undefined) return undefined;
  const underWay = { n, message, untilMonoMs };
  const begun = {
    ...lanes,
    buckets: changed(lanes, { ...lane, underWay, waiting: withoutFirst(lane.waiting) }),
    ready: withoutFirst(lanes.ready),
    underWay: lanes.underWay + 1,
    begun: putLast(lanes.begun, underWay),
  };
  return { lanes: begun, message };
}

/** What is under way to an entity is done with; its next message is ready, behind those of entities that waited longer. */
export function end(lanes: Lanes, entity: EntityId): Lanes {
  const lane = laneOf(lanes, entity);
  if (lane?.underWay === undefined) return lanes;
  return trimmed({
    ...lanes,
    buckets: changed(lanes, { ...lane, underWay: undefined }),
    ready: lane.waiting.front === undefined ? lanes.ready : putLast(lanes.ready, entity),
    underWay: lanes.underWay - 1,
    held: lanes.held - 1,
  });
}

/** What is under way to an entity waits again, before all others. */
export function putBack(lanes: Lanes, entity: EntityId): Lanes {
  const lane = laneOf(lanes, entity);
  if (lane?.underWay === undefined) return lanes;
  const waiting = putFirst(lane.waiting, lane.underWay.message);
  return trimmed({
    ...lanes,
    buckets: changed(lanes, { ...lane, underWay: undefined, waiting }),
    ready: putFirst(lanes.ready, entity),
    underWay: lanes.underWay - 1,
  });
}

/** The least number under way. */
export function floorOf({ begun }: Lanes): number | undefined {
  return begun.front?.value.n;
}

/** Entities that have been waiting too long for an answer, the longest first. */
export function hanging(lanes: Lanes, monoMs: number): EntityId[] {
  const entities: EntityId[] = [];
  for (const request of valuesOf(lanes.begun)) {
    if (monoMs < request.untilMonoMs) break;
    if (isUnderWay(lanes, request)) entities.push(request.message.entity);
  }
  return entities;
}

/** Without those past their deadline, under way or not. Looks at all of them only when one may be. */
export function withoutExpired(
  lanes: Lanes,
  monoMs: number,
): { readonly lanes: Lanes; readonly sent: readonly RoutedMessage[]; readonly unsent: readonly RoutedMessage[] } {
  const sent: RoutedMessage[] = [];
  const unsent: RoutedMessage[] = [];
  if (monoMs < lanes.earliestMonoMs) return { lanes, sent, unsent };
  let earliestMonoMs = Number.POSITIVE_INFINITY;
  const lives = ({ deadlineMonoMs }: RoutedMessage) => {
    if (monoMs >= deadlineMonoMs) return false;
    earliestMonoMs = Math.min(earliestMonoMs, deadlineMonoMs);
    return true;
  };
  const buckets = lanes.buckets.map((bucket) =>
    bucket.flatMap(({ entity, underWay, waiting }) => {
      const isLost = underWay !== undefined && !lives(underWay.message);
      if (isLost) sent.push(underWay.message);
      let left: Queue<RoutedMessage> = EMPTY;
      for (const message of valuesOf(waiting)) {
        if (lives(message)) left = putLast(left, message);
        else unsent.push(message);
      }
      const lane = { entity, underWay: isLost ? undefined : underWay, waiting: left };
      return isEmpty(lane) ? [] : [lane];
    }),
  );
  const underWay = lanes.underWay - sent.length;
  const alive = { ...lanes, buckets, underWay, held: lanes.held - sent.length - unsent.length, earliestMonoMs };
  let ready: Queue<EntityId> = EMPTY;
  for (const entity of valuesOf(lanes.ready)) if (laneOf(alive, entity)) ready = putLast(ready, entity);
  // What waited behind a request that was given up.
  for (const { entity } of sent) if (laneOf(alive, entity)) ready = putLast(ready, entity);
  return { lanes: trimmed({ ...alive, ready }), sent, unsent };
}

function trimmed(lanes: Lanes): Lanes {
  let { begun } = lanes;
  while (begun.front && !isUnderWay(lanes, begun.front.value)) begun = withoutFirst(begun);
  return { ...lanes, begun };
}

function isUnderWay(lanes: Lanes, request: UnderWay): boolean {
  return underWayTo(lanes, request.message.entity) === request;
}

function isEmpty({ underWay, waiting }: Lane): boolean {
  return underWay === undefined && waiting.front === undefined;
}

function laneOf({ buckets }: Lanes, entity: EntityId): Lane | undefined {
  return buckets[bucketOf(entity)]?.find((lane) => lane.entity === entity);
}

function changed({ buckets }: Lanes, lane: Lane): Lanes['buckets'] {
  const index = bucketOf(lane.entity);
  const others = (buckets[index] ?? []).filter(({ entity }) => entity !== lane.entity);
  if (!isEmpty(lane)) others.push(lane);
  return buckets.with(index, others);
}

/** Other than by the hash of shards: all of these are in one shard. */
function bucketOf(entity: EntityId): number {
  let hash = 0;
  for (let index = 0; index < entity.length; index++) hash = (Math.imul(hash, 31) + entity.charCodeAt(index)) | 0;
  return (hash >>> 0) % BUCKETS;
}
