/** What the wall is told about the plant. */
export interface PlantInfo {
  readonly organization: string;
  /** Of the organization, an IANA name; UTC when left out. */
  readonly timeZone?: string;
  readonly simulated: boolean;
  readonly version: string;
  readonly node: string;
}

/** Counters of the push, kept by whoever composes the gateway. */
export interface PushMetrics {
  clients(count: number): void;
  frames(count: number): void;
  skipped(lane: 'values' | 'events'): void;
  error(code: string): void;
}

export const HEARTBEAT_MS = 1000;
/** Frames of clients above this are refused; far above it the socket closes by itself. */
export const MAX_FRAME_BYTES = 64 * 1024;
/** Subscriptions of one client. */
export const MAX_SUBSCRIPTIONS = 64;
/** Commands of one client that wait for their commit; further ones are refused with OVERLOADED. */
export const MAX_COMMANDS_IN_FLIGHT = 32;
/** So many bad frames and the client is sent away. */
export const MAX_ERRORS = 20;
export const MAX_FRAMES_PER_MINUTE = 6000;
