import { html } from 'htm/preact';
import { type Away, type Underway, useAway, useUnderway, useUnrecordedSince, whoIsSilent } from '../store/away.ts';
import type { Cells } from '../store/cells.ts';
import { capital } from '../store/fact-words.ts';
import { formatMoment, words } from '../store/format.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { Age, Moment } from './moment.ts';

interface Of {
  readonly cells: Cells<unknown>;
  readonly id: string;
  readonly zone: string;
}

/**
 * Below the head of a page: that nobody speaks for what is shown, since when, that not all of it is on record, and which commands
 * are on their way to it. Nothing where all is as it should be.
 */
export function Standing({ cells, id, zone }: Of) {
  const away = useAway(cells, id);
  const underway = useUnderway(cells, id);
  const unrecordedMs = useUnrecordedSince(cells, id);
  if (away === null && underway.length === 0 && unrecordedMs === null) return null;
  return html`<section class="standing" role="status" aria-label="How current this page is">
    ${away?.neverHeard && html`<p><span class="flag">NEVER HEARD</span> <strong>The edge ${away.cell} has told nothing of it</strong>, and this server listens since <${Moment} timeMs=${away.sinceMs} zone=${zone} />: name and place are as in the topology file, values, states and alarms are not known here.</p>`}
    ${away !== null && !away.neverHeard && html`<p><span class="flag">AWAY</span> <strong>${whoIsSilent(away)} since <${Moment} timeMs=${away.sinceMs} zone=${zone} /></strong> (<${Age} timeMs=${away.sinceMs} />): values, states and alarms here are as of then.</p>`}
    ${unrecordedMs !== null && html`<p><span class="flag">NOT RECORDED YET</span> <strong>The journal is away since <${Moment} timeMs=${unrecordedMs} zone=${zone} /></strong>: values and alarms here go on and are of now. What was decided since then is recorded when it is back; commands are refused until then.</p>`}
    ${underway.map((command) => html`<${UnderwayLine} key=${command.commandId} command=${command} away=${away} zone=${zone} />`)}
  </section>`;
}

/** A command that waits for an edge or for its answer, with who, since when and until when. */
export function UnderwayLine({ command, away, zone }: { command: Underway; away: Away | null; zone: string }) {
  const { kind, by, sinceMs, expiresAtMs, sent } = command;
  return html`<p><span class="flag">WAITING</span> <strong>${capital(words(kind))}</strong> by ${by}, since <${Moment} timeMs=${sinceMs} zone=${zone} />: ${sent && away === null ? 'sent, not answered yet' : sent ? 'sent before the link was lost, not answered' : 'not sent, waits for the link'}. Given up at <${Moment} timeMs=${expiresAtMs} zone=${zone} />.</p>`;
}

/** In the row of the alarm that commands on their way are about: `Acknowledge by anna waits since 14:03:12`. */
export function UnderwayTag({ commands, zone }: { readonly commands: readonly Underway[]; readonly zone: string }) {
  const { clock } = useWall();
  const [first, ...others] = commands;
  if (first === undefined) return null;
  const time = formatMoment(first.sinceMs, zone, clock.nowMs());
  const expires = formatMoment(first.expiresAtMs, zone, clock.nowMs());
  const how = first.sent ? 'sent, not answered,' : 'waits';
  return html`<span class="unrecorded-tag underway-tag" title=${`${first.sent ? 'Sent to its edge, and not answered yet' : 'Waits for the link to its edge'}. Given up at ${expires}.`}>${underwayAction(first)} by ${first.by} ${how} since ${time}${others.length > 0 && `, and ${others.length} more`}</span>`;
}

/** `AcknowledgeAlarm` is `Acknowledge` where an alarm is meant anyway. */
export function underwayAction({ kind }: Pick<Underway, 'kind'>): string {
  return capital(words(kind).replace(/ alarm\b/, ''));
}

/** In a row or on a tile: `as of 14:03:12`. */
export function AsOf({ away, zone }: { readonly away: Away; readonly zone: string }) {
  const { clock } = useWall();
  const time = formatMoment(away.sinceMs, zone, clock.nowMs());
  if (away.neverHeard)
    return html`<span class="as-of" title=${`${whoIsSilent(away)}: as in the topology file`}>never heard</span>`;
  return html`<span class="as-of" title=${`${whoIsSilent(away)} since ${time}`}>as of ${time}</span>`;
}

/** Beside an alarm that the journal does not have as it stands. */
export function NotRecordedYet() {
  return html`<span class="unrecorded-tag" title="The journal is away: this is live, and on record when the journal is back">Not recorded yet</span>`;
}

/** Beside the alarm counters: how much is shown as it was, and how many commands wait. */
export function AwayCounters() {
  const { away } = useWall();
  const groups = useSignal(away.groups);
  const commands = useSignal(away.commands);
  const count = groups.reduce((sum, { sites, assets, devices }) => sum + sites + assets + devices, 0);
  return html`${count > 0 && html`<a class="counter aside" href="/devices" title="Sites, assets and devices that nobody speaks for now: shown as they were"><span>Away</span><span class="number">${count}</span></a>`}
    ${commands > 0 && html`<a class="counter aside" href="/edges" title="Commands that wait for the link to an edge, or for its answer"><span>Waiting</span><span class="number">${commands}</span></a>`}`;
}
