import { html } from 'htm/preact';
import type { DeviceView } from '../../actors/views.ts';
import { type Cells, useField, useGroup } from '../store/cells.ts';
import { countsInWords, factOf } from '../store/fact-words.ts';
import { formatNumber, words } from '../store/format.ts';
import { reasonWords } from '../store/reasons.ts';
import { humanDurations } from '../store/server-words.ts';
import { isRecord } from '../store/session.ts';
import { useWall } from '../store/wall.ts';
import { Empty } from './condition.ts';
import { Age, Moment, Remaining } from './moment.ts';

interface LinkProps {
  readonly cells: Cells<DeviceView>;
  readonly device: string;
  readonly zone: string;
}

/** The newest report of the driver on the link that the device hangs on, in words. */
export function LinkFacts({ cells, device, zone }: LinkProps) {
  const wall = useWall();
  const link = useGroup(cells, device, 'link') ?? {};
  const connection = useField(cells, device, 'props', 'connection') ?? '';
  if (link.state === undefined)
    return html`<section class="panel" aria-label="Connection"><h2>Connection</h2><${Empty}>No report of the connection yet.</${Empty}></section>`;
  const title = html`<a href=${`/connection/${encodeURIComponent(connection)}`}>${wall.nameOf(`connection/${connection}`)}</a>`;
  return html`<${LinkFigures} link=${link} title=${title} zone=${zone} />`;
}

interface FigureProps {
  /** As the driver reports it, or health tells it: the fields have the same names. */
  readonly link: Readonly<Record<string, unknown>>;
  readonly title?: unknown;
  readonly endpoint?: string | null;
  readonly zone: string;
}

/** State, failures and pace of one link. */
export function LinkFigures({ link, title, endpoint = null, zone }: FigureProps) {
  const { state, detail, lastError, nextAttemptAtMs, lastReadingAtMs, readingsPerSecond, latencyMs, errors } = link;
  const { errorsLastMinute, cycleOverruns, queueDepth, facts } = link;
  const failures = isRecord(errors) ? countsInWords(errors) : '';
  const own = isRecord(facts) ? Object.entries(facts).flatMap(([name, value]) => factOf(name, value, zone) ?? []) : [];
  return html`<section class="panel link-facts" aria-label="Connection">
    <h2>Connection</h2>
    <dl class="facts">
      ${title !== undefined && html`<div><dt>Name</dt><dd>${title}</dd></div>`}
      <div><dt>State</dt><dd>${words(textOf(state))}${typeof detail === 'string' && html` <span class="dim">${humanDurations(detail)}</span>`}</dd></div>
      ${endpoint !== null && html`<div><dt>Address</dt><dd><code>${endpoint}</code></dd></div>`}
      ${typeof nextAttemptAtMs === 'number' && html`<div><dt>Next attempt</dt><dd>in <${Remaining} timeMs=${nextAttemptAtMs} over="a moment" /></dd></div>`}
      <div><dt>Last error</dt><dd>${isRecord(lastError) ? html`${reasonWords(textOf(lastError.code))}${lastError.message !== '' && html`, <span class="dim">${humanDurations(textOf(lastError.message))}</span>`} <${Moment} timeMs=${numberOf(lastError.atMs)} zone=${zone} />` : 'none'}</dd></div>
      <div><dt>Errors so far</dt><dd>${failures === '' ? 'none' : failures}${typeof errorsLastMinute === 'number' && errorsLastMinute > 0 && html` <span class="dim">${formatNumber(errorsLastMinute, 0)} in the last minute</span>`}</dd></div>
      <div><dt>Last reading</dt><dd><${Moment} timeMs=${numberOf(lastReadingAtMs)} zone=${zone} />${typeof lastReadingAtMs === 'number' && html`, <${Age} timeMs=${lastReadingAtMs} /> ago`}</dd></div>
      ${typeof readingsPerSecond === 'number' && html`<div><dt>Rate</dt><dd>${formatNumber(readingsPerSecond, 1)} readings per second</dd></div>`}
      ${isRecord(latencyMs) && html`<div><dt>Response time</dt><dd>${milliseconds(latencyMs.p50)} median, 99 % within ${milliseconds(latencyMs.p99)}</dd></div>`}
      ${typeof cycleOverruns === 'number' && html`<div><dt>Late cycles</dt><dd>${cycleOverruns === 0 ? 'none' : `${formatNumber(cycleOverruns, 0)} took longer than their interval`}</dd></div>`}
      ${typeof queueDepth === 'number' && html`<div><dt>Waiting</dt><dd>${formatNumber(queueDepth, 0)} ${queueDepth === 1 ? 'request' : 'requests'}</dd></div>`}
      ${own.map(({ label, text }) => html`<div key=${label}><dt>${label}</dt><dd>${text}</dd></div>`)}
    </dl>
  </section>`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function milliseconds(value: unknown): string {
  return typeof value === 'number' ? `${formatNumber(value, value < 10 ? 1 : 0)} ms` : '—';
}
