import type { SuspendReason } from './lease.ts';

/** Why the lease of a node is not verified, and since when (by the monotonic clock). */
export interface NotVerified {
  /** As the lease gives it: of a suspension, of a loss, or `joining`. */
  readonly reason: SuspendReason | 'joining' | (string & {});
  readonly sinceMs: number;
}

/** The same for people. */
export function whyNotVerified({ reason, sinceMs }: NotVerified, nowMs: number): string {
  const forSoLong = `for ${Math.max(0, Math.round((nowMs - sinceMs) / 1000))} s`;
  switch (reason) {
    case 'deadline':
      return `the database has not confirmed the lease of this node ${forSoLong}`;
    case 'stall':
      return `this process stood still, and the database has not confirmed its lease since, ${forSoLong}`;
    case 'clock-step':
      return `the clock of this machine was moved, and the database has not confirmed the lease since, ${forSoLong}`;
    case 'joining':
      return 'this node has not joined its cell yet';
    default:
      return `this node has lost its lease: ${reason}`;
  }
}
