/**
 * Positions of the log over the sequence numbers of a stream: each message has as many as the largest batch has records, so
 * that they rise from record to record whoever wrote them. The last record of a message has the last of its positions,
 * however few there are: so the end of the log follows from the newest sequence alone, without reading that message.
 */
export const POSITIONS_PER_MESSAGE = 1024;

/** Of a record in a message of `count` records. */
export function positionOf(sequence: number, index: number, count: number): number {
  return (sequence + 1) * POSITIONS_PER_MESSAGE - count + index;
}

/** No record of an earlier message is at or above it. */
export function firstPositionOf(sequence: number): number {
  return sequence * POSITIONS_PER_MESSAGE;
}

/** Of the last record of a message; 0 before the first message. */
export function lastPositionOf(sequence: number): number {
  return sequence <= 0 ? 0 : (sequence + 1) * POSITIONS_PER_MESSAGE - 1;
}

/** The first message that may have a record after a position. */
export function sequenceAfter(position: number): number {
  return Math.max(1, Math.floor((position + 1) / POSITIONS_PER_MESSAGE));
}
