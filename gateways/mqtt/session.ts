import type { Failure } from './failure.ts';

/** One stretch of being connected: to a broker, or as a broker. Opened once, closed once, never used again. */
export interface Session {
  open(): void;
  /** Lets what is in flight reach the log and be acknowledged, within bounds, and closes. */
  close(): Promise<void>;
  /** Messages taken and not yet stored. */
  readonly inFlight: number;
  readonly facts: Readonly<Record<string, string | number>>;
  /** Up, and yet of no use now, since when and why. */
  readonly trouble?: Trouble | null;
}

export type Trouble = Failure & { readonly atMs: number };

export interface SessionEvents {
  /** Messages flow. */
  up(): void;
  /** Something was stored and acknowledged: the session is good for something. */
  stored(): void;
  /** Over, at most once; closing it ourselves is not a loss. */
  lost(failure: Failure): void;
}

/** How long `close` waits for the log. */
export const DRAIN_MS = 2000;
