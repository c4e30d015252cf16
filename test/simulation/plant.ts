import { checkTiming, TIMING, type Timing } from '../../runtime/cluster/timing.ts';
import { EntityId } from '../../runtime/ids.ts';
import type { Shard } from '../../runtime/ownership.ts';

/** A small cell: few shards, so that every one of them lives through faults in every schedule. */
export const SHARDS = 6;
export const NODES = ['n1', 'n2', 'n3'] as const;
export const SPARE = 'n4';
export const CLIENTS = ['c1', 'c2', 'c3'] as const;
export const TIMES: Timing = checkTiming({ ...TIMING, stableMs: 8000, tickIntervalMs: 300 });
/** Small, so that turns of one entity and its neighbours fall into several. */
export const BATCH_TURNS = 4;
/** After so long a call to the journal is given up; what it was to do may have been done, or may yet be. */
export const JOURNAL_TIMEOUT_MS = 900;

/** Two entities a shard. */
export const ENTITIES: readonly EntityId[] = Array.from({ length: 2 * SHARDS }, (_, n) =>
  EntityId.parse(`account/a${n}`),
);

const SHARD_OF: ReadonlyMap<EntityId, Shard> = new Map(ENTITIES.map((entity, n) => [entity, n % SHARDS]));

const ENTITIES_OF: readonly (readonly EntityId[])[] = Array.from({ length: SHARDS }, (_, shard) =>
  ENTITIES.filter((_entity, n) => n % SHARDS === shard),
);

export function entitiesOf(shard: Shard): readonly EntityId[] {
  return ENTITIES_OF[shard] ?? [];
}

export function shardOfEntity(entity: EntityId): Shard {
  const shard = SHARD_OF.get(entity);
  if (shard === undefined) throw new RangeError(`there is no ${entity}`);
  return shard;
}

/** Sender of what an entity decides by itself, from its log. */
const LOG = 'log';

/** A reading in the log of an entity: whoever owns it decides on each, in order, and once. */
export function readingOf(entity: EntityId, place: number, amount: number, writes: boolean): Command {
  return { commandId: `${entity} reading ${place}`, client: LOG, entity, amount, writes };
}

export function isReading({ client }: Command): boolean {
  return client === LOG;
}

/** An account that never goes below zero: whether a command is accepted depends on everything before it. */
export interface Command {
  readonly commandId: string;
  readonly client: string;
  readonly entity: EntityId;
  readonly amount: number;
  /** Its event writes to a device. */
  readonly writes: boolean;
}

export type Answer = { readonly ok: true; readonly total: number } | { readonly ok: false };

/** Undefined: refused. */
export function decide(total: number, amount: number): number | undefined {
  return total + amount < 0 ? undefined : total + amount;
}

/** What is broken on purpose, to see that the checker finds it. */
export interface Sabotage {
  /** The journal takes rows of any epoch. */
  readonly noFence?: boolean;
  /** An append without an answer is taken for committed, or for lost, instead of its entities being built again. */
  readonly noReadBack?: 'believes-committed' | 'believes-lost';
  /** What an append without an answer leads to elsewhere is forgotten. */
  readonly noSettling?: boolean;
  /** An append without an answer is read back while it may still arrive. */
  readonly noGivingUp?: boolean;
  /** What was decided without the journal and sent to it is taken for recorded, though it has not said so. */
  readonly noUnrecordedReadBack?: boolean;
  /** An entity that is built again decides on readings again that the journal has decisions on. */
  readonly noLogPosition?: boolean;
  /** The deadline is checked neither before a turn nor before a write to a device. */
  readonly noDeadline?: boolean;
  /** A write to a device leaves its queue without another look at who owns the device. */
  readonly noLastLook?: boolean;
  /** Sessions accept every request, however late or often it comes. */
  readonly noSessions?: boolean;
}
