import { html } from 'htm/preact';
import { formatNumber, formatStamp, NOTHING } from '../store/format.ts';
import { Age } from './moment.ts';

interface TimesProps {
  /** By the clock of the source. */
  readonly sourceMs: number | null | undefined;
  /** By the clock of our node. */
  readonly receivedMs: number | null | undefined;
  readonly zone: string;
}

/** When a value was measured and when it reached us, both in the time of its site with the offset and in UTC; rows of a list of facts. */
export function ReadingTimes({ sourceMs, receivedMs, zone }: TimesProps) {
  return html`<div><dt>Source time</dt><dd class="source-time"><${Stamp} timeMs=${sourceMs} zone=${zone} /></dd></div>
    <div><dt>Received</dt><dd class="receive-time"><${Stamp} timeMs=${receivedMs} zone=${zone} /></dd></div>
    <div><dt>Skew</dt><dd class="skew">${skewWords(sourceMs, receivedMs)}</dd></div>
    <div><dt>Age</dt><dd><${Age} timeMs=${sourceMs} /></dd></div>`;
}

function Stamp({ timeMs, zone }: { readonly timeMs: number | null | undefined; readonly zone: string }) {
  if (timeMs === null || timeMs === undefined) return html`<span class="nothing">${NOTHING}</span>`;
  return html`<time datetime=${new Date(timeMs).toISOString()}>${formatStamp(timeMs, zone)} <span class="dim utc">${new Date(timeMs).toISOString()}</span></time>`;
}

/** Receive time less source time: what the way took and how far the clocks are apart, which nobody can tell from each other. */
export function skewWords(sourceMs: number | null | undefined, receivedMs: number | null | undefined): string {
  if (sourceMs == null || receivedMs == null) return NOTHING;
  const text = `${formatNumber((receivedMs - sourceMs) / 1000, 3)} s`;
  if (receivedMs < sourceMs) return `${text}: the clock of the source is ahead`;
  return receivedMs === sourceMs ? `${text}: dated when it was received` : text;
}

/** Of a whole device, in seconds. */
export function skewText(skewMs: number | null | undefined): string {
  return skewMs == null ? NOTHING : `${formatNumber(skewMs / 1000, 2)} s`;
}
