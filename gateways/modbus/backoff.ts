/**
 * Pause before the next attempt to connect: doubled each time up to `maxMs`, of which half is fixed and half is chance, so that
 * the links of a restarted gateway do not come back in step.
 */
export function backoffMs(failures: number, limits: { minMs: number; maxMs: number }, random: () => number): number {
  const ceiling = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}
