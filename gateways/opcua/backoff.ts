/**
 * Exponential back-off with a cap and full upper jitter: half of the delay is certain, half is random, so that many drivers
 * that lost one server do not come back in one breath.
 * @param attempt failures so far, from 1
 * @param random 0 to 1
 */
export function backoffMs(
  attempt: number,
  bounds: { readonly minMs: number; readonly maxMs: number },
  random: number,
): number {
  const exponent = Math.min(Math.max(attempt - 1, 0), 20);
  const delayMs = Math.min(bounds.minMs * 2 ** exponent, Math.max(bounds.maxMs, bounds.minMs));
  return Math.round(delayMs / 2 + (delayMs / 2) * random);
}
