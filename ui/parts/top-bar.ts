import { html } from 'htm/preact';
import { PRIORITY, SEVERITIES } from '../store/alarm-order.ts';
import { useSignal } from '../store/signal.ts';
import type { SoundState } from '../store/sound.ts';
import { useWall } from '../store/wall.ts';
import { PrioritySymbol } from './alarm-symbol.ts';
import { Conditions } from './banner.ts';
import { ZoneClock } from './moment.ts';

const PAGES = [
  ['/', 'Overview', 'o'],
  ['/alarms', 'Alarms', 'a'],
  ['/devices', 'Devices', 'd'],
  ['/workorders', 'Work orders', 'w'],
  ['/events', 'Events', 'e'],
] as const;

const SOUND: Readonly<Record<SoundState, { sign: string; words: string; title: string }>> = {
  off: { sign: '🔇︎', words: 'Sound off', title: 'Switch the alarm sound on' },
  blocked: { sign: '🔇︎', words: 'Sound: click', title: 'The browser wants one click or key on this page before it lets the sound through' },
  on: { sign: '♪', words: 'Sound on', title: 'Nothing to sound for. Click to switch off' },
  sounding: { sign: '♪', words: 'Silence', title: 'Silence on this screen (m). Nothing is acknowledged by it' },
  silenced: { sign: '♪', words: 'Silenced', title: 'Silenced until the next alarm. Click to switch off' },
};

/** Always there: who and what this is, where one is, how many alarms of which priority, and whether all of it is live. */
export function TopBar({ onHelp }: { readonly onHelp: () => void }) {
  const wall = useWall();
  const hello = useSignal(wall.connection.hello);
  const { path } = useSignal(wall.router.address);
  const sound = SOUND[useSignal(wall.sound.state)];
  return html`<header class="top-bar">
    <a class="brand" href="/">${hello?.organization ?? 'Signalbox'}</a>
    ${hello?.simulated && html`<span class="flag simulated" title="These values come from simulators, from no real plant">SIMULATED PLANT</span>`}
    <nav aria-label="Pages">
      ${PAGES.map(
        ([href, title, key]) => html`<a href=${href} key=${href} title=${`g ${key}`} aria-current=${isIn(path, href) ? 'page' : undefined}>${title}</a>`,
      )}
    </nav>
    <${AlarmCounters} />
    <span class="spacer"></span>
    <${Conditions} />
    <${LinkState} />
    <button type="button" class="button quiet" title=${sound.title} onClick=${() => wall.sound.press()}><span aria-hidden="true">${sound.sign}</span> ${sound.words}</button>
    <button type="button" class="button quiet" title="Dark or light (t)" aria-label="Dark or light" onClick=${() => wall.preferences.nextTheme()}>◐</button>
    <button type="button" class="button quiet" title="Keys and signs (?)" aria-label="Keys and signs" onClick=${onHelp}>?</button>
    <${WallClock} />
  </header>`;
}

/** Unacknowledged and acknowledged of each priority; and what is taken out of sight, never out of reach. */
export function AlarmCounters() {
  const wall = useWall();
  const counts = useSignal(wall.book.counts);
  const ready = useSignal(wall.book.ready);
  return html`<div class="counters" role="group" aria-label="Alarm counts">
    ${SEVERITIES.filter((severity) => severity !== 'INFO').map((severity) => {
      const { unacknowledged, acknowledged } = counts.bySeverity[severity];
      const total = unacknowledged + acknowledged;
      return html`<a
        key=${severity}
        class=${total === 0 ? 'counter zero' : 'counter'}
        href=${`/alarms?priority=${PRIORITY[severity]}`}
        title=${`${severity.toLowerCase()}: ${unacknowledged} unacknowledged, ${acknowledged} acknowledged`}
      >
        <${PrioritySymbol} severity=${severity} unacknowledged=${unacknowledged > 0} none=${total === 0} />
        <span class="number">${ready ? total : '–'}</span>
        ${unacknowledged > 0 && html`<span class="counter-unack">${unacknowledged} new</span>`}
      </a>`;
    })}
    <a class=${counts.shelved === 0 ? 'counter aside zero' : 'counter aside'} href="/alarms?list=shelved" title="Shelved (g s)">Shelved <span class="number">${ready ? counts.shelved : '–'}</span></a>
    ${counts.suppressed > 0 && html`<a class="counter aside" href="/alarms?list=suppressed">Suppressed <span class="number">${counts.suppressed}</span></a>`}
    ${counts.outOfService > 0 && html`<a class="counter aside" href="/alarms?list=out-of-service">Out of service <span class="number">${counts.outOfService}</span></a>`}
    ${counts.cannotEvaluate > 0 && html`<a class="counter aside" href="/alarms?list=cannot-evaluate">Cannot evaluate <span class="number">${counts.cannotEvaluate}</span></a>`}
  </div>`;
}

function LinkState() {
  const { connection } = useWall();
  const link = useSignal(connection.link);
  const text = link.kind === 'live' ? 'Live' : link.kind === 'connecting' ? 'Connecting' : 'No connection';
  return html`<span class=${`link-state ${link.kind}`} role="status"><span class="link-dot" aria-hidden="true"></span>${text}</span>`;
}

/** One zone for all when all sites share it; else that of this screen, since each site shows its own. */
function WallClock() {
  const wall = useWall();
  useSignal(wall.sites.revision);
  const zones = new Set(wall.sites.ids.value.map((site) => wall.zoneOf(site)));
  const [only] = zones;
  const zone = zones.size === 1 && only !== undefined ? only : Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`<${ZoneClock} zone=${zone} withDate=${true} />`;
}

function isIn(path: string, href: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href.replace(/s$/, '')}/`);
}
