/** A message costs about the same with one record as with a hundred: here and at the server together about this. */
const MESSAGE_MS = 0.25;

/**
 * What a round of so many messages makes the next one wait: of many shards records gather meanwhile, so that under load messages
 * become larger, not more. A single connection, which has one message on its way, hardly waits: with the few readings that a
 * broker leaves unanswered it would otherwise wait most of the time.
 */
export function pauseAfter(messages: number, mostMs: number): number {
  return Math.min(mostMs, messages * MESSAGE_MS);
}
