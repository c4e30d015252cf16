import type { Group } from './live-bus.ts';

/** To follow every group at once; no group is called so. */
export const EVERY_GROUP: Group = '*';
/** Where beats go. */
export const BEATS: Group = '_beats';

/**
 * Frames of live views between the nodes of a cell. Delivery is not promised: frames are numbered, and who misses one reads
 * again. What one node publishes arrives, as far as it does, in the order in which it was published.
 */
export interface LiveLane {
  /** Largest frame that it carries. */
  readonly maxFrameBytes: number;
  /** False while publishing is of no use: without a connection, or while too much is on its way already. */
  readonly open: boolean;
  readonly state: LaneState;
  publish(group: Group, frame: Uint8Array): void;
  /** What others publish. Returns the end of it. */
  follow(group: Group, take: (frame: Uint8Array) => void): () => void;
  /** Called when it opens. Returns the unsubscribe. */
  onOpen(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface LaneState {
  readonly connected: boolean;
  /** Why not, or where it goes; without anything secret. */
  readonly detail: string;
}
