import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { formatAge, formatOffset, formatTime } from '../store/format.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/** Across the whole wall while the link is lost. Runs on this page's own clock, since the server's has stopped. */
export function LinkBanner() {
  const wall = useWall();
  const link = useSignal(wall.connection.link);
  const zone = useSignal(wall.pageZone.zone);
  const [, redraw] = useState(0);
  const lost = link.kind === 'lost';
  useEffect(() => {
    document.documentElement.classList.toggle('link-lost', lost);
    if (!lost) return;
    const timer = setInterval(() => redraw((count) => count + 1), 500);
    return () => clearInterval(timer);
  }, [lost]);
  if (link.kind === 'connecting' && link.overdue) {
    return html`<div class="link-banner" role="alert"><strong>NO CONNECTION</strong><span>The server does not answer. Nothing is known of the plant.</span><span class="link-retry">Trying to connect …</span></div>`;
  }
  if (link.kind !== 'lost') return null;
  const since = performance.now() - link.lostAtMonotonicMs;
  const retry = link.retryAtMs === null ? null : Math.max(0, Math.ceil((link.retryAtMs - performance.now()) / 1000));
  return html`<div class="link-banner" role="alert">
    <strong>NO CONNECTION</strong>
    <span>Everything on this wall is from <b>${formatTime(link.lastHeardMs, zone)} ${formatOffset(link.lastHeardMs, zone)}</b>, ${formatAge(since)} ago. Commands are off.</span>
    <span class="link-retry">${retry === null ? 'Trying to connect …' : `Next attempt in ${retry} s`}</span>
  </div>`;
}
