import type { ServerClock } from './clock.ts';

/** Must match the animation's name and length in `theme/alarm-symbol.css`. */
const NAME = 'blink';
const PERIOD_MS = 1000;
/** The estimate of the server's time moves by some milliseconds; less than this no eye sees. */
const TOLERANCE_MS = 20;

/**
 * Starts every blinking symbol at the server's full second, so that all symbols on all walls of a room blink as one however
 * late each came to be. One origin holds for the whole page; when the estimate of the server's time has moved away from it,
 * all symbols move together. The animation itself is the style sheet's.
 */
export function keepBlinkInPhase(clock: ServerClock): void {
  let origin = 0;
  const align = (animation: Animation) => {
    if (animation instanceof CSSAnimation && animation.animationName === NAME) animation.startTime = origin;
  };
  document.addEventListener('animationstart', (event) => {
    if (event.animationName !== NAME || !(event.target instanceof Element)) return;
    for (const animation of event.target.getAnimations()) align(animation);
  });
  clock.second.subscribe(() => {
    const now = document.timeline.currentTime;
    if (typeof now !== 'number' || clock.stoppedAtMs.value !== null) return;
    const exact = now - (clock.at(performance.now()) % PERIOD_MS);
    const off = Math.abs(exact - origin) % PERIOD_MS;
    if (Math.min(off, PERIOD_MS - off) <= TOLERANCE_MS) return;
    origin = exact;
    for (const animation of document.getAnimations()) align(animation);
  });
}
