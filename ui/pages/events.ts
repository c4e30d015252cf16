import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WireEvent } from '../../gateways/websocket/protocol.ts';
import { Empty, Problem } from '../parts/condition.ts';
import { textOf } from '../parts/dialog.ts';
import { Moment } from '../parts/moment.ts';
import { isAlarm } from '../store/alarm-book.ts';
import { formatBoth, words } from '../store/format.ts';
import { rowsOf } from '../store/history.ts';
import { useKeys } from '../store/keys.ts';
import { isRecord, read } from '../store/session.ts';
import { useSignal } from '../store/signal.ts';
import { split, useWall, type Wall } from '../store/wall.ts';

const KEPT = 500;

interface Entry {
  readonly key: string;
  readonly entity: string;
  readonly seq: number;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: string;
  readonly text: string;
  readonly body: unknown;
}

/** What was decided, by whom: the newest entries of the audit trail, going on live. */
export function Events() {
  const wall = useWall();
  const { query } = useSignal(wall.router.address);
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => search.current?.focus() });
  useEffect(() => {
    const add = (more: readonly Entry[]) =>
      setEntries((before) => {
        const known = new Map([...before, ...more].map((entry) => [entry.key, entry]));
        return [...known.values()].sort((a, b) => b.timeMs - a.timeMs || b.seq - a.seq).slice(0, KEPT);
      });
    void read('/api/v1/audit', { limit: '200' }).then((answer) => {
      if (answer.ok) add(rowsOf(answer.body).flatMap(entryOfRow));
      else
        setProblem(
          answer.status === 403
            ? 'Earlier entries need the permission audit:read. New ones appear as they happen.'
            : `Earlier entries: ${answer.message}`,
        );
    });
    return wall.connection.subscribe({
      topic: 'events',
      onSnapshot: () => undefined,
      onEvents: (events) => add(events.map(entryOfEvent)),
      onError: (_code, message) => setProblem(message),
    });
  }, [wall]);
  const text = (query.get('text') ?? '').toLowerCase();
  const kind = query.get('kind');
  const kinds = [...new Set(entries.map((entry) => entry.kind))].sort();
  const shown = entries.filter(
    (entry) =>
      (kind === null || entry.kind === kind) &&
      (text === '' ||
        `${entry.entity} ${wall.nameOf(entry.entity)} ${entry.kind} ${entry.by} ${entry.text}`
          .toLowerCase()
          .includes(text)),
  );
  return html`<main class="page">
    <div class="filters">
      <h1>Events</h1>
      <span class="dim">${shown.length} entries, newest first</span>
      <span class="spacer"></span>
      <select aria-label="Kind" value=${kind ?? ''} onChange=${(event: Event) => wall.router.set({ kind: textOf(event) })}>
        <option value="">All kinds</option>
        ${kinds.map((each) => html`<option value=${each}>${words(each)}</option>`)}
      </select>
      <input ref=${search} type="search" placeholder="Filter  /" aria-label="Filter" value=${query.get('text') ?? ''} onInput=${(event: Event) => wall.router.set({ text: textOf(event) })} />
    </div>
    ${problem !== null && html`<${Problem} message=${problem} />`}
    <div class="panel scroll">
      ${shown.length === 0 && html`<${Empty}>No events yet.</${Empty}>`}
      ${
        shown.length > 0 &&
        html`<table class="table events-table">
          <thead><tr><th>Time (UTC)</th><th>What</th><th>Where</th><th>By</th><th>Detail</th></tr></thead>
          <tbody>${shown.slice(0, 200).map((entry) => html`<${Row} key=${entry.key} wall=${wall} entry=${entry} open=${open === entry.key} onToggle=${() => setOpen(open === entry.key ? null : entry.key)} />`)}</tbody>
        </table>`
      }
    </div>
  </main>`;
}

interface RowProps {
  readonly wall: Wall;
  readonly entry: Entry;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Row({ wall, entry, open, onToggle }: RowProps) {
  const [kind, id] = split(entry.entity);
  const page = kind === 'work-order' ? 'workorder' : kind;
  const linked = page === 'asset' || page === 'device' || page === 'site' || page === 'workorder';
  return html`<tr data-event=${entry.key}>
      <td><${Moment} timeMs=${entry.timeMs} zone="UTC" /></td>
      <td><strong>${words(entry.kind)}</strong></td>
      <td>${linked ? html`<a href=${`/${page}/${encodeURIComponent(id)}`}>${wall.nameOf(entry.entity)}</a>` : entry.entity} <span class="dim">${kind}</span></td>
      <td>${entry.by}</td>
      <td><button type="button" class="link" aria-expanded=${open} onClick=${onToggle}>${entry.text || 'show'}</button></td>
    </tr>
    ${open && html`<tr class="event-body"><td colspan="5"><p class="dim">${entry.entity} no. ${entry.seq} · ${formatBoth(entry.timeMs, 'UTC')}</p><pre>${JSON.stringify(entry.body, null, 2)}</pre></td></tr>`}`;
}

function entryOfEvent(event: WireEvent): Entry {
  return {
    key: `${event.entity} ${event.seq}`,
    entity: event.entity,
    seq: event.seq,
    kind: event.kind,
    timeMs: event.timeMs,
    by: event.by,
    text: summary(event.event, event.after),
    body: { event: event.event, after: event.after },
  };
}

/** A row of `GET /api/v1/audit`; rows without entity and time are left out. */
function entryOfRow(row: Record<string, unknown>): Entry[] {
  const entity = row.entity ?? row.resource;
  const time = row.timeMs ?? row.timestamp ?? row.time;
  const timeMs = typeof time === 'string' ? Date.parse(time) : time;
  if (typeof entity !== 'string' || typeof timeMs !== 'number') return [];
  const kind = typeof row.kind === 'string' ? row.kind : typeof row.action === 'string' ? row.action : 'event';
  const by = isRecord(row.by) ? row.by.user : (row.by ?? row.user);
  const seq = typeof row.seq === 'number' ? row.seq : 0;
  return [
    {
      key: `${entity} ${seq || JSON.stringify(row)}`,
      entity,
      seq,
      kind,
      timeMs,
      by: typeof by === 'string' ? by : '',
      text: summary(row.event, row.after),
      body: row,
    },
  ];
}

function summary(event: unknown, after: unknown): string {
  if (isAlarm(after)) return `${after.name}: ${after.message}`;
  if (!isRecord(event)) return '';
  const told = ['title', 'reason', 'note', 'text', 'state', 'status', 'transition', 'point'].flatMap((key) =>
    typeof event[key] === 'string' ? [event[key]] : [],
  );
  return told.join(' · ');
}
