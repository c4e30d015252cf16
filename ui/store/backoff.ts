const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * Pause before the next attempt to connect: doubling from 250 ms to 10 s, between half and all of it by chance, so that the
 * walls of a plant do not come back in one instant after a gateway restarts.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + random() / 2));
}
