export interface LiveMirrorTiming {
  /** Shortest time between two frames of this node. */
  readonly publishIntervalMs: number;
  readonly beatIntervalMs: number;
  /** Without a word for so long, a node's views are marked. */
  readonly silentAfterMs: number;
  /** A marked view whose shard has another owner since, who does not show it, is gone after so long. */
  readonly forgetAfterMs: number;
  /** For so long a group is followed on that nobody looks at any more. */
  readonly lingerMs: number;
  /** Bound of `Interest.ready`. */
  readonly readyTimeoutMs: number;
}

export const LIVE_MIRROR_TIMING: LiveMirrorTiming = {
  publishIntervalMs: 10,
  beatIntervalMs: 1000,
  silentAfterMs: 3000,
  forgetAfterMs: 60_000,
  lingerMs: 60_000,
  readyTimeoutMs: 5000,
};
