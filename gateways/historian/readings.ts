import type { Frame } from '../../actors/frame.ts';

/** What a date can be written for; anything else is a broken clock, and the gateway's time holds instead. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31);

/** Only what is read here is checked: the device actor's `admit` has made the frame. */
export function isFrame(observation: unknown): observation is Frame {
  return (
    typeof observation === 'object' &&
    observation !== null &&
    'points' in observation &&
    Array.isArray(observation.points) &&
    'values' in observation &&
    Array.isArray(observation.values) &&
    'gatewayTimeMs' in observation &&
    isTime(observation.gatewayTimeMs)
  );
}

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS;
}

/** The instant of a frame: the device says when; where it does not, the gateway does. */
export function timeOfFrame({ deviceTimeMs, gatewayTimeMs }: Frame): number {
  return isTime(deviceTimeMs) ? deviceTimeMs : gatewayTimeMs;
}

/** The instant of one reading, where they differ within the frame. */
export function timeOfReading({ times }: Frame, index: number, frameTimeMs: number): number {
  const own = times?.[index] ?? null;
  return isTime(own) ? own : frameTimeMs;
}
