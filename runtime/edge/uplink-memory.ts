import type { Reply } from '../runtime.ts';

/** How far the centre had a lane when it was last heard of. */
export interface RememberedPlace {
  /** The history that the position is one of: another one has other positions. */
  readonly of: string;
  readonly position: number;
}

/**
 * What an edge keeps of its uplink over a restart: in its own database, so that the nodes of a pair have it together. Times are
 * epoch milliseconds of whoever keeps it.
 */
export interface UplinkMemory {
  /** How a command of the centre was refused here; undefined: it was not, or too long ago. */
  refusal(key: string): Promise<Reply | undefined>;
  /** The first refusal of a command stands. Resolves when it is on the disk. */
  refuse(key: string, reply: Reply, nowMs: number): Promise<void>;
  /** Forgets refusals from before, and the oldest of those that are more than `most`. */
  trimRefusals(beforeMs: number, most: number): Promise<void>;
  place(lane: string): Promise<RememberedPlace | undefined>;
  keepPlace(lane: string, place: RememberedPlace): Promise<void>;
}
