import { html } from 'htm/preact';
import type { Edge } from '../../gateways/http/routes/edges.ts';
import { backfillWords, clockWords, diskWords, lagWords, leftWords, linkWords } from '../store/edge-words.ts';
import { capital } from '../store/fact-words.ts';
import { formatNumber, words } from '../store/format.ts';
import { split, useWall } from '../store/wall.ts';
import { Empty } from './condition.ts';
import { Age, Moment } from './moment.ts';

interface Of {
  readonly edge: Edge;
  readonly zone: string;
}

/** Everything that is known of one edge: its link, what is behind, its disk, and the commands on their way to it. */
export function EdgeFigures({ edge, zone }: Of) {
  const { cell, node, sinceMs, heardMs, liveLagMs, telemetryLagMs, journalLagMs, problem } = edge;
  return html`<section class="panel link-facts" aria-label=${`Edge ${cell}`}>
      <h2>${cell}</h2>
      <dl class="facts">
        <div><dt>Link</dt><dd>${linkWords(edge)}${sinceMs !== null && html` since <${Moment} timeMs=${sinceMs} zone=${zone} />, for <${Age} timeMs=${sinceMs} />`}</dd></div>
        ${problem !== null && html`<div><dt>Problem</dt><dd><strong>${problem}</strong></dd></div>`}
        ${!edge.linked && heardMs !== null && html`<div><dt>Figures</dt><dd>as of <${Moment} timeMs=${heardMs} zone=${zone} />; what came there since is not counted</dd></div>`}
        <div><dt>Node</dt><dd>${node === null ? 'not known' : html`<a href=${`/node/${encodeURIComponent(node)}`}>${node}</a>`}</dd></div>
        <div><dt>Live values</dt><dd>${liveLagMs === null ? 'not known' : `${lagWords(liveLagMs)} on their way`}</dd></div>
        <div><dt>Telemetry</dt><dd>${behindWords(telemetryLagMs)}</dd></div>
        <div><dt>Events</dt><dd>${behindWords(journalLagMs)}</dd></div>
        <div><dt>To be sent</dt><dd>${leftWords(edge)}</dd></div>
        <div><dt>Backfill</dt><dd>${backfillWords(edge)}</dd></div>
        <div><dt>Disk</dt><dd>${diskWords(edge.disk)}${edge.disk?.problem != null && html`, <strong>${edge.disk.problem}</strong>`}</dd></div>
        <div><dt>Dropped</dt><dd><${Dropped} disk=${edge.disk} zone=${zone} /></dd></div>
        <div><dt>Clock</dt><dd>${clockWords(edge)}${edge.clockOffsetMs !== null && ' against that of the centre'}</dd></div>
      </dl>
    </section>
    <${Commands} edge=${edge} zone=${zone} />`;
}

function behindWords(lagMs: number | null): string {
  if (lagMs === 0) return 'nothing is behind';
  return lagMs === null ? 'not known' : `${lagWords(lagMs)} behind`;
}

function Dropped({ disk, zone }: { readonly disk: Edge['disk']; readonly zone: string }) {
  if (disk === null) return 'not known';
  if (disk.dropped.length === 0) return 'nothing since its start';
  return disk.dropped.map(
    ({ what, lost, oldestMs, newestMs, atMs }) =>
      html`<p key=${what}><strong>${capital(words(what))}</strong>${oldestMs !== null && html` of <${Moment} timeMs=${oldestMs} zone=${zone} /> to <${Moment} timeMs=${newestMs} zone=${zone} />`}, ${lost === 0 ? 'all of which others have' : `${formatNumber(lost, 0)} ${lost === 1 ? 'record' : 'records'} that nobody else has`}; last at <${Moment} timeMs=${atMs} zone=${zone} /></p>`,
  );
}

function Commands({ edge, zone }: Of) {
  const wall = useWall();
  return html`<section class="panel" aria-label="Commands on their way">
    <h2>Commands on their way</h2>
    ${edge.commands.length === 0 && html`<${Empty}>No command waits for ${edge.cell}.</${Empty}>`}
    ${
      edge.commands.length > 0 &&
      html`<table class="table">
        <thead><tr><th>Command</th><th>For</th><th>By</th><th>Since</th><th>Given up</th><th>State</th></tr></thead>
        <tbody>${edge.commands.map(({ commandId, to, kind, rule, by, sinceMs, expiresAtMs, state }) => {
          const [of, id] = split(to);
          return html`<tr key=${`${to} ${commandId}`} class="notable">
            <td>${capital(words(kind))}${rule !== null && html` <code>${rule}</code>`}</td>
            <td><a href=${`/${of}/${encodeURIComponent(id)}`}>${wall.nameOf(to)}</a></td>
            <td>${by}</td>
            <td><${Moment} timeMs=${sinceMs} zone=${zone} /></td>
            <td><${Moment} timeMs=${expiresAtMs} zone=${zone} /></td>
            <td>${state === 'sent' ? 'sent, not answered' : 'waits for the link'}</td>
          </tr>`;
        })}</tbody>
      </table>`
    }
  </section>`;
}
