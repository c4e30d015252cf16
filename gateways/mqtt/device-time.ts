/** Seconds since 1970 stay below this until the year 5138, milliseconds were above it from March 1973 on. */
const FIRST_MILLISECONDS = 100_000_000_000;
const ISO_WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The instant that a device gives: epoch seconds, epoch milliseconds or ISO 8601, told apart by size and form. An ISO time
 * without an offset is refused, since nobody can say which zone was meant.
 * @returns epoch milliseconds, or undefined when it is none of them
 */
export function parseDeviceTime(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= 0) return undefined;
    return Math.round(value < FIRST_MILLISECONDS ? value * 1000 : value);
  }
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,15}(\.\d+)?$/.test(value)) return parseDeviceTime(Number(value));
  if (!ISO_WITH_OFFSET.test(value)) return undefined;
  const timeMs = Date.parse(value);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
