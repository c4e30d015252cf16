import type { ServerClock } from './clock.ts';

/** Must match the animation's name and length in `theme/alarms.css`. */
const NAME = 'blink';
const PERIOD_MS = 1000;

/**
 * Starts every blinking symbol at the server's full second, so that all symbols on all walls of a room blink as one however
 * late each came to be. The animation itself is the style sheet's.
 */
export function keepBlinkInPhase(clock: ServerClock): void {
  const align = (animation: Animation) => {
    if (!(animation instanceof CSSAnimation) || animation.animationName !== NAME) return;
    const now = document.timeline.currentTime;
    if (typeof now === 'number') animation.startTime = now - (clock.at(performance.now()) % PERIOD_MS);
  };
  document.addEventListener('animationstart', (event) => {
    if (event.animationName !== NAME || !(event.target instanceof Element)) return;
    for (const animation of event.target.getAnimations()) align(animation);
  });
  // The estimate of the offset moves by some milliseconds; all symbols move with it.
  clock.second.subscribe(() => {
    if (Math.floor(clock.second.value / PERIOD_MS) % 10 !== 0) return;
    for (const animation of document.getAnimations()) align(animation);
  });
}
