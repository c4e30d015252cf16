import type { Frame, Quality } from '../actors/frame.ts';
import type { ReadingCode } from './driver-codes.ts';

const REASON: ReadingCode = 'gateway_clock';

/**
 * TIM-04, a frame while the clock of this machine is off: readings that it timed are UNCERTAIN. Those with a time of their device
 * keep their quality, for that time is what counts (TIM-01), and their skew (TIM-03) is that from the right time: a clock of ours
 * that is off is one fault, and not one of every device that has a clock. A driver that polls gives the instant of the answer as
 * device time, so a device time that is that of the arrival is ours.
 *
 * @param offByMs what has to be added to our clock
 */
export function underWrongClock(frame: Frame, offByMs: number): Frame {
  const { deviceTimeMs, gatewayTimeMs, times, points } = frame;
  const isOurs = (timeMs: number | null): boolean => timeMs === null || timeMs === gatewayTimeMs;
  const skew =
    deviceTimeMs === null || isOurs(deviceTimeMs) ? undefined : { skewMs: gatewayTimeMs + offByMs - deviceTimeMs };
  if (times === null && skew !== undefined) return { ...frame, ...skew };
  const quality: Quality[] = [];
  const reasons: (string | null)[] = [];
  for (let i = 0; i < points.length; i++) {
    const known = frame.quality?.[i] ?? 'GOOD';
    const doubted = known === 'GOOD' && isOurs(times === null ? deviceTimeMs : (times[i] ?? deviceTimeMs));
    quality.push(doubted ? 'UNCERTAIN' : known);
    reasons.push(doubted ? REASON : (frame.reasons?.[i] ?? null));
  }
  return { ...frame, quality, reasons, ...skew };
}
