import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { PRIORITY, SEVERITIES } from '../store/alarm-order.ts';
import { logOut } from '../store/session.ts';
import { useSignal } from '../store/signal.ts';
import type { SoundState } from '../store/sound.ts';
import { useWall } from '../store/wall.ts';
import { GravestSymbol, PrioritySymbol } from './alarm-symbol.ts';
import { AwayCounters } from './away.ts';
import { Dialog } from './dialog.ts';
import { WallClock } from './moment.ts';

const PAGES = [
  ['/', 'Overview', 'o'],
  ['/alarms', 'Alarms', 'a'],
  ['/devices', 'Devices', 'd'],
  ['/workorders', 'Work orders', 'w'],
  ['/events', 'Events', 'e'],
] as const;

const SOUND: Readonly<Record<SoundState, { words: string; title: string }>> = {
  off: { words: 'Sound off', title: 'Switch the alarm sound on' },
  blocked: {
    words: 'Sound: click',
    title: 'The browser wants one click or key on this page before it lets the sound through',
  },
  on: { words: 'Sound on', title: 'Nothing to sound for. Click to switch off' },
  sounding: { words: 'Silence', title: 'Silence on this screen (m). Nothing is acknowledged by it' },
  silenced: { words: 'Silenced', title: 'Silenced until the next alarm. Click to switch off' },
};

/** Always there: who and what this is, where one is, how many alarms of which priority, and whether all of it is live. */
export function TopBar({ onHelp }: { readonly onHelp: () => void }) {
  const wall = useWall();
  const hello = useSignal(wall.connection.hello);
  const { path } = useSignal(wall.router.address);
  const soundState = useSignal(wall.sound.state);
  const sound = SOUND[soundState];
  const quiet = soundState === 'off' || soundState === 'blocked' || soundState === 'silenced';
  return html`<header class="top-bar">
    <a class="brand" href="/">${hello?.organization ?? 'Signalbox'}</a>
    ${hello?.simulated && html`<span class="flag simulated" title="These values come from simulators, from no real plant">SIMULATED PLANT</span>`}
    <nav aria-label="Pages">
      ${PAGES.map(
        ([href, title, key]) =>
          html`<a href=${href} key=${href} title=${`g ${key}`} aria-current=${isIn(path, href) ? 'page' : undefined}>${title}</a>`,
      )}
    </nav>
    <${AlarmCounters} /><${AwayCounters} />
    <span class="spacer"></span>
    <${LinkState} />
    ${hello !== null && html`<${LoggedIn} user=${hello.user} role=${hello.role} />`}
    <button type="button" class="button quiet" title=${`${sound.words}. ${sound.title}`} onClick=${() => wall.sound.press()}><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9v6h4l5 4V5L8 9Z" />${quiet ? html`<path d="M16 9l6 6M22 9l-6 6" />` : html`<path d="M16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12" />`}</svg> <span class="button-words">${sound.words}</span></button>
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
        ${total === 0 ? html`<${PrioritySymbol} severity=${severity} unacknowledged=${false} none=${true} />` : html`<${GravestSymbol} group=${severity} />`}
        <span class="counter-text"><span class="number">${ready ? total : '–'}</span>${unacknowledged > 0 && html`<span class="counter-unack">${unacknowledged} unack.</span>`}</span>
      </a>`;
    })}
    <a class=${counts.shelved === 0 ? 'counter aside zero' : 'counter aside'} href="/alarms?list=shelved" title="Shelved (g s)"><span>Shelved</span><span class="number">${ready ? counts.shelved : '–'}</span></a>
    ${counts.suppressed > 0 && html`<a class="counter aside" href="/alarms?list=suppressed"><span>Suppressed</span><span class="number">${counts.suppressed}</span></a>`}
    ${counts.outOfService > 0 && html`<a class="counter aside" href="/alarms?list=out-of-service"><span>Out of service</span><span class="number">${counts.outOfService}</span></a>`}
    ${counts.cannotEvaluate > 0 && html`<a class="counter aside" href="/alarms?list=cannot-evaluate"><span>Cannot evaluate</span><span class="number">${counts.cannotEvaluate}</span></a>`}
  </div>`;
}

/** In whose name commands are given here; by it one leaves, as at the end of a shift. */
function LoggedIn({ user, role }: { readonly user: string; readonly role: string }) {
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState('');
  const leave = async () => {
    const answer = await logOut();
    // The page begins anew, without a session: it asks for a token.
    if (answer.ok) location.assign('/');
    else {
      setAsked(false);
      setProblem(answer.message);
    }
  };
  return html`<button type="button" class="button quiet user" title=${`Logged in as ${user}, ${role}. Click to log out`} onClick=${() => setAsked(true)}><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4a4 4 0 1 1 0 8a4 4 0 1 1 0-8Z" /><path d="M4 21c0-9 16-9 16 0" /></svg> <span class="button-words">${user}</span></button>
    ${asked && html`<${Dialog} title="Log out" confirm="Log out" onConfirm=${() => void leave()} onClose=${() => setAsked(false)}><p>Logged in as <strong>${user}</strong>, ${role}: what is acknowledged, shelved or written here is recorded under this name.</p><p>This screen then shows nothing of the plant until somebody logs in.</p></${Dialog}>`}
    ${problem !== '' && html`<span role="alert">Not logged out: ${problem}</span>`}`;
}

function LinkState() {
  const { connection } = useWall();
  const link = useSignal(connection.link);
  const text = link.kind === 'live' ? 'Live' : link.kind === 'connecting' ? 'Connecting' : 'No connection';
  return html`<span class=${`link-state ${link.kind}`} role="status"><span class="link-dot" aria-hidden="true"></span><span class="link-words">${text}</span></span>`;
}

function isIn(path: string, href: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href.replace(/s$/, '')}/`);
}
