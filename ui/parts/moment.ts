import { html } from 'htm/preact';
import { formatAge, formatBoth, formatDate, formatMoment, formatOffset, formatTime, NOTHING } from '../store/format.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/** An instant in a site's local time; the title gives offset and UTC. */
export function Moment({ timeMs, zone }: { readonly timeMs: number | null | undefined; readonly zone: string }) {
  const { clock } = useWall();
  if (timeMs === null || timeMs === undefined) return html`<span class="nothing">${NOTHING}</span>`;
  return html`<time class="moment" datetime=${new Date(timeMs).toISOString()} title=${formatBoth(timeMs, zone)}>
    ${formatMoment(timeMs, zone, clock.nowMs())}
  </time>`;
}

/** How long ago; moves with the server's second and stands still while the link is lost. */
export function Age({ timeMs }: { readonly timeMs: number | null | undefined }) {
  const now = useSignal(useWall().clock.second);
  if (timeMs === null || timeMs === undefined) return html`<span class="nothing">${NOTHING}</span>`;
  return html`<span class="age">${formatAge(now - timeMs)}</span>`;
}

/** Until an instant: `12 min`, or `over` when it has passed. */
export function Remaining({ timeMs, over }: { readonly timeMs: number; readonly over: string }) {
  const now = useSignal(useWall().clock.second);
  return html`<span class="age">${timeMs > now ? formatAge(timeMs - now) : over}</span>`;
}

/** Local time of a place with its offset from UTC. */
export function ZoneClock({ zone, withDate = false }: { readonly zone: string; readonly withDate?: boolean }) {
  const { clock } = useWall();
  const now = useSignal(clock.second);
  const stopped = useSignal(clock.stoppedAtMs) !== null;
  if (now === 0) return html`<span class="clock nothing">--:--:--</span>`;
  return html`<span class=${stopped ? 'clock stopped' : 'clock'} title=${`${zone} · ${new Date(now).toISOString()}`}>
    ${withDate && html`<span class="clock-date">${formatDate(now, zone)}</span>`}
    <span class="clock-time">${formatTime(now, zone)}</span>
    <span class="clock-offset">${formatOffset(now, zone)}</span>
  </span>`;
}
