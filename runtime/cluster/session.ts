import type { EntityId } from '../ids.ts';
import type { Timing } from './timing.ts';

/**
 * What an owner remembers of its senders for one shard under one epoch, so that a request which the network delivers twice
 * or late is not worked off after a newer one of the same sender. A sender numbers its requests to a shard; `floor` says
 * below which number it waits for nothing any more. So little has to be kept: only what may still come.
 */
export interface Sessions {
  /** The longest silent first. */
  readonly senders: ReadonlyMap<string, Session>;
}

interface Session {
  readonly floor: number;
  /** Newest request to each entity, as far as it is not below the floor. */
  readonly newest: ReadonlyMap<EntityId, number>;
}

export interface RequestNumber {
  readonly sender: string;
  readonly entity: EntityId;
  readonly n: number;
  readonly floor: number;
}

export const NO_SESSIONS: Sessions = { senders: new Map() };

/** `fresh` is false for a request to be dropped without an answer: its sender has sent it anew, or stopped waiting. */
export function receive(
  sessions: Sessions,
  { sender, entity, n, floor }: RequestNumber,
  timing: Timing,
): { readonly sessions: Sessions; readonly fresh: boolean } {
  const known = sessions.senders.get(sender);
  if (known !== undefined && (n < known.floor || n <= (known.newest.get(entity) ?? -1)))
    return { sessions, fresh: false };
  const highest = Math.max(known?.floor ?? 0, floor);
  const newest = new Map<EntityId, number>();
  for (const [other, last] of known?.newest ?? []) if (last >= highest) newest.set(other, last);
  newest.set(entity, n);
  const senders = new Map(sessions.senders);
  senders.delete(sender);
  senders.set(sender, { floor: highest, newest });
  const oldest = senders.size > timing.sessions ? senders.keys().next().value : undefined;
  if (oldest !== undefined) senders.delete(oldest);
  return { sessions: { senders }, fresh: true };
}
