/**
 * A moment on both clocks of one machine. The monotonic clock does not jump, but stands still while a virtual machine is
 * suspended; the wall clock goes on meanwhile, but can be set. Whoever must stop in time obeys the one that is through first.
 */
export interface Instant {
  readonly monoMs: number;
  readonly wallMs: number;
}

export function after(at: Instant, ms: number): Instant {
  return { monoMs: at.monoMs + ms, wallMs: at.wallMs + ms };
}

export function earlier(a: Instant, b: Instant): Instant {
  return { monoMs: Math.min(a.monoMs, b.monoMs), wallMs: Math.min(a.wallMs, b.wallMs) };
}

/** True at the instant itself: a deadline is the first moment at which one may not act any more. */
export function isPast(deadline: Instant, at: Instant): boolean {
  return at.monoMs >= deadline.monoMs || at.wallMs >= deadline.wallMs;
}

/** Wall less monotonic clock: constant, unless the machine slept or somebody set the clock. */
export function offsetMs(at: Instant): number {
  return at.wallMs - at.monoMs;
}
