import { html } from 'htm/preact';
import { factOf } from '../store/fact-words.ts';
import { formatStamp } from '../store/format.ts';
import { isRecord } from '../store/session.ts';

interface RecordProps {
  readonly entity: string;
  readonly seq: number;
  readonly timeMs: number;
  readonly zone: string;
  /** The event alone. */
  readonly event: unknown;
  /** The whole row, as the journal has it. */
  readonly record: unknown;
}

/** One entry of the audit trail: its facts in words, and below them the record itself for who needs every field. */
export function EventRecord({ entity, seq, timeMs, zone, event, record }: RecordProps) {
  const facts = isRecord(event)
    ? Object.entries(event).flatMap(([name, value]) => (name === 'kind' ? [] : (factOf(name, value, zone) ?? [])))
    : [];
  return html`<div class="event-record">
    <dl class="facts">
      <div><dt>Recorded</dt><dd>${formatStamp(timeMs, zone)} <span class="dim">${new Date(timeMs).toISOString()}</span></dd></div>
      ${seq > 0 && html`<div><dt>Entry</dt><dd>no. ${seq} of <code>${entity}</code></dd></div>`}
      ${facts.map(({ label, text }) => html`<div key=${label}><dt>${label}</dt><dd>${text}</dd></div>`)}
    </dl>
    <details><summary>The record as it is stored</summary><pre>${JSON.stringify(record, null, 2)}</pre></details>
  </div>`;
}
