/** First order: moves towards the target, two thirds of the way in `tauSeconds`. Exact for any step, so it never overshoots. */
export function approach(value: number, target: number, tauSeconds: number, dtSeconds: number): number {
  return target + (value - target) * Math.exp(-dtSeconds / tauSeconds);
}

/** Ornstein-Uhlenbeck: wanders about 0 with the given deviation and forgets in `tauSeconds`. `noise` is normal. */
export function wander(value: number, deviation: number, tauSeconds: number, dtSeconds: number, noise: number): number {
  const kept = Math.exp(-dtSeconds / tauSeconds);
  return value * kept + deviation * Math.sqrt(1 - kept * kept) * noise;
}

/** Moves towards the target by at most `ratePerSecond`. */
export function ramp(value: number, target: number, ratePerSecond: number, dtSeconds: number): number {
  const step = ratePerSecond * dtSeconds;
  return Math.abs(target - value) <= step ? target : value + Math.sign(target - value) * step;
}

export function clamp(value: number, lowest: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value));
}

/** A wave of one day, -1 to 1, highest at `peakHour`. */
export function daily(timeOfDaySeconds: number, peakHour: number): number {
  return Math.cos(((timeOfDaySeconds / 3600 - peakHour) / 24) * 2 * Math.PI);
}
