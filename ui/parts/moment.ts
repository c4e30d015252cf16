import { html } from 'htm/preact';
import {
  formatAge,
  formatBoth,
  formatDate,
  formatMoment,
  formatOffset,
  formatTime,
  NOTHING,
  shortOffset,
} from '../store/format.ts';
import { placeOf } from '../store/page-zone.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/**
 * An instant in a site's local time with its offset. Where the header of a column states the offset (`.offset-stated`), it is
 * left out of those that have the same.
 */
export function Moment({ timeMs, zone }: { readonly timeMs: number | null | undefined; readonly zone: string }) {
  const { clock, pageZone } = useWall();
  const stated = useSignal(pageZone.zone);
  if (timeMs === null || timeMs === undefined) return html`<span class="nothing">${NOTHING}</span>`;
  const now = clock.nowMs();
  const same = formatOffset(timeMs, zone) === formatOffset(now, stated);
  return html`<time class=${same ? 'moment same-offset' : 'moment'} datetime=${new Date(timeMs).toISOString()} title=${formatBoth(timeMs, zone)}>
    ${formatMoment(timeMs, zone, now)} <span class="offset">${shortOffset(timeMs, zone)}</span>
  </time>`;
}

/** For the header of a column of instants: the offset that holds for those that carry none. */
export function StatedOffset() {
  const { clock, pageZone } = useWall();
  const zone = useSignal(pageZone.zone);
  useSignal(clock.second);
  return html`<span class="stated-offset">${formatOffset(clock.nowMs(), zone)}</span>`;
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
export function ZoneClock({ zone }: { readonly zone: string }) {
  const { clock } = useWall();
  const now = useSignal(clock.second);
  const stopped = useSignal(clock.stoppedAtMs) !== null;
  if (now === 0) return html`<span class="clock nothing">--:--:--</span>`;
  return html`<span class=${stopped ? 'clock stopped' : 'clock'} title=${`${zone} · ${new Date(now).toISOString()}`}>
    <span class="clock-time">${formatTime(now, zone)}</span>
    <span class="clock-offset">${formatOffset(now, zone)}</span>
  </span>`;
}

/** The clock of the wall: of the site that the page is about, else of the plant, and then it names the place. */
export function WallClock() {
  const { clock, pageZone } = useWall();
  const now = useSignal(clock.second);
  const stopped = useSignal(clock.stoppedAtMs) !== null;
  const zone = useSignal(pageZone.zone);
  const several = useSignal(pageZone.several);
  if (now === 0) return html`<span class="clock nothing">--:--:--</span>`;
  return html`<span class=${stopped ? 'clock stopped' : 'clock'} title=${`Times on this page: ${zone} · ${new Date(now).toISOString()}`}>
    <span class="clock-time">${formatTime(now, zone)}</span>
    <span class="clock-date">${formatDate(now, zone)} ${formatOffset(now, zone)}${several && ` ${placeOf(zone)}`}</span>
  </span>`;
}
