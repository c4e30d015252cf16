import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import type { WireEvent } from '../../gateways/websocket/protocol.ts';
import { Empty, Problem } from '../parts/condition.ts';
import { textOf } from '../parts/dialog.ts';
import { EventRecord } from '../parts/event-record.ts';
import { Moment, StatedOffset } from '../parts/moment.ts';
import { isPerson, type Line, linesOf } from '../store/event-folds.ts';
import { eventTitle, eventWords } from '../store/event-words.ts';
import { words } from '../store/format.ts';
import { rowsOf } from '../store/history.ts';
import { useKeys } from '../store/keys.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { reasonWords } from '../store/reasons.ts';
import { isRecord, read } from '../store/session.ts';
import { useSignal } from '../store/signal.ts';
import { split, useWall, type Wall } from '../store/wall.ts';

const KEPT = 2000;
/** At the start: so many that what one lost link brings about does not fill the page. */
const EARLIER = 1000;
const LINES = 200;

interface Entry {
  readonly key: string;
  readonly entity: string;
  readonly seq: number;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: string;
  readonly event: unknown;
  readonly after: unknown;
  readonly record: unknown;
}

/** What was decided, by whom: the newest entries of the audit trail, going on live. */
export function Events() {
  const wall = useWall();
  const { query } = useSignal(wall.router.address);
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [unfolded, setUnfolded] = useState<string | null>(null);
  // The only way to the site of a work order, which its events do not name.
  const { cells: orders } = useTopic<WorkOrderView>('workorders', {}, ['props.site']);
  useSignal(orders.ids);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => search.current?.focus() });
  useEffect(() => {
    const add = (more: readonly Entry[]) =>
      setEntries((before) => {
        const known = new Map([...before, ...more].map((entry) => [entry.key, entry]));
        return [...known.values()].sort((a, b) => b.timeMs - a.timeMs || b.seq - a.seq).slice(0, KEPT);
      });
    void read('/api/v1/audit', { limit: String(EARLIER) }).then((answer) => {
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
  const people = query.get('people') !== null;
  const site = query.get('site');
  usePageSite(site);
  const siteOf = (entity: string) => wall.siteOf(entity) ?? orders.get(split(entity)[1])?.props?.site;
  const kinds = [...new Set(entries.map((entry) => entry.kind))].sort();
  const pageZone = useSignal(wall.pageZone.zone);
  // By the names as they are known now: the directory may come later than the events.
  useSignal(wall.devices.ids);
  const textOfEntry = ({ kind, event, after }: Entry) =>
    eventWords(kind, event, after, (entity) => wall.nameOf(entity));
  const zoneOf = ({ entity }: Entry) => {
    const own = siteOf(entity);
    return own === undefined ? pageZone : wall.zoneOf(own);
  };
  const shown = entries.filter(
    (entry) =>
      (kind === null || entry.kind === kind) &&
      (!people || isPerson(entry.by)) &&
      (site === null || siteOf(entry.entity) === site) &&
      (text === '' ||
        `${entry.entity} ${wall.nameOf(entry.entity)} ${eventTitle(entry.kind)} ${entry.by} ${textOfEntry(entry)}`
          .toLowerCase()
          .includes(text)),
  );
  const lines = linesOf(shown, ({ entity, kind, event }) => `${siteOf(entity) ?? ''} ${groundIn(kind, event)}`);
  const row = (entry: Entry, folded = false) =>
    html`<${Row} key=${entry.key} wall=${wall} entry=${entry} zone=${zoneOf(entry)} text=${textOfEntry(entry)} folded=${folded} open=${open === entry.key} onToggle=${() => setOpen(open === entry.key ? null : entry.key)} />`;
  const drawn = (line: Line<Entry>) => {
    if (line.kind === 'one') return row(line.entry);
    const isOpen = unfolded === line.key;
    const { newest, entries } = line;
    const why = newest.kind === 'AlarmCleared' ? textOfEntry(newest) : groundWords(newest.event);
    // Of one entity what they are about, of several which they are.
    const isOfOne = entries.every(({ entity }) => entity === newest.entity);
    const texts = entries.map(textOfEntry);
    // A reason that all of them have is said once.
    const isShared = why !== '' && texts.every((each) => each.endsWith(`: ${why}`));
    const ofOne = isShared ? texts.map((each) => each.slice(0, -why.length - 2)) : texts;
    const about = isOfOne ? ofOne : entries.map(({ entity }) => wall.nameOf(entity));
    const detail = isOfOne && !isShared && about.some((each) => each !== '') ? '' : why;
    return html`<${FoldRow} key=${line.key} wall=${wall} entries=${entries} zone=${zoneOf(newest)} site=${siteOf(newest.entity)} text=${detail} about=${[...new Set(about)]} open=${isOpen} onToggle=${() => setUnfolded(isOpen ? null : line.key)} />
      ${isOpen && line.entries.map((entry) => row(entry, true))}`;
  };
  return html`<main class="page">
    <div class="filters">
      <h1>Events</h1>
      <span class="dim">${shown.length} entries${lines.length < shown.length && ` in ${lines.length} lines`}, newest first</span>
      <span class="spacer"></span>
      <button type="button" class="button" aria-pressed=${people} title="Leave out what the system decided by itself" onClick=${() => wall.router.set({ people: people ? null : '1' })}>By people only</button>
      <select aria-label="Kind" value=${kind ?? ''} onChange=${(event: Event) => wall.router.set({ kind: textOf(event) })}>
        <option value="">All kinds</option>
        ${kinds.map((each) => html`<option value=${each}>${eventTitle(each)}</option>`)}
      </select>
      <select aria-label="Site" value=${site ?? ''} onChange=${(event: Event) => wall.router.set({ site: textOf(event) })}>
        <option value="">All sites</option>
        ${wall.sites.ids.value.map((id) => html`<option value=${id}>${wall.nameOf(`site/${id}`)}</option>`)}
      </select>
      <input ref=${search} type="search" placeholder="Filter  /" aria-label="Filter" value=${query.get('text') ?? ''} onInput=${(event: Event) => wall.router.set({ text: textOf(event) })} />
    </div>
    ${problem !== null && html`<${Problem} message=${problem} />`}
    <div class="panel scroll">
      ${shown.length === 0 && html`<${Empty}>${entries.length === 0 ? 'No events yet.' : 'No event matches the filters.'}</${Empty}>`}
      ${
        shown.length > 0 &&
        html`<table class="table events-table offset-stated">
          <thead><tr><th>Time <${StatedOffset} /></th><th>What</th><th>Where</th><th>By</th><th>Detail</th></tr></thead>
          <tbody>${lines.slice(0, LINES).map(drawn)}</tbody>
        </table>`
      }
    </div>
  </main>`;
}

interface RowProps {
  readonly wall: Wall;
  readonly entry: Entry;
  readonly zone: string;
  readonly text: string;
  /** One of those that a line stands for. */
  readonly folded: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Row({ wall, entry, zone, text, folded, open, onToggle }: RowProps) {
  return html`<tr data-event=${entry.key} class=${`${open ? 'open' : ''} ${folded ? 'folded' : ''}`}>
      <td><${Moment} timeMs=${entry.timeMs} zone=${zone} /></td>
      <td><button type="button" class="link" aria-expanded=${open} title="The whole record" onClick=${onToggle}><span class="fold" aria-hidden="true">${open ? '−' : '+'}</span> <strong>${eventTitle(entry.kind)}</strong></button></td>
      <td><${Where} wall=${wall} entity=${entry.entity} /></td>
      <td><${By} wall=${wall} by=${entry.by} /></td>
      <td class="event-text">${text}</td>
    </tr>
    ${open && html`<tr class="event-body"><td colspan="5"><${EventRecord} entity=${entry.entity} seq=${entry.seq} timeMs=${entry.timeMs} zone=${zone} event=${entry.event} record=${entry.record} /></td></tr>`}`;
}

function Where({ wall, entity }: { readonly wall: Wall; readonly entity: string }) {
  const [kind, id] = split(entity);
  const page = PAGES[kind];
  const what = words(kind.replace(/-/g, '_'));
  return page === undefined
    ? what
    : html`<a href=${`/${page}/${encodeURIComponent(id)}`}>${wall.nameOf(entity)}</a> <span class="dim">${what}</span>`;
}

interface FoldRowProps {
  readonly wall: Wall;
  readonly entries: readonly Entry[];
  readonly zone: string;
  readonly site: string | undefined;
  readonly text: string;
  readonly about: readonly string[];
  readonly open: boolean;
  readonly onToggle: () => void;
}

/** Many entries that say the same: how often, of how many, and why. */
function FoldRow({ wall, entries, zone, site, text, about, open, onToggle }: FoldRowProps) {
  const [newest] = entries;
  if (newest === undefined) return null;
  const entities = new Set(entries.map(({ entity }) => entity)).size;
  const [kind] = split(newest.entity);
  return html`<tr class=${open ? 'fold-line open' : 'fold-line'}>
    <td><${Moment} timeMs=${newest.timeMs} zone=${zone} /></td>
    <td><button type="button" class="link" aria-expanded=${open} title="All of them" onClick=${onToggle}><span class="fold" aria-hidden="true">${open ? '−' : '+'}</span> <strong>${eventTitle(newest.kind)}</strong> <span class="times">×${entries.length}</span></button></td>
    <td>${entities === 1 ? html`<${Where} wall=${wall} entity=${newest.entity} />` : html`${entities} ${words(kind.replace(/-/g, '_'))}s${site !== undefined && html` <a class="dim" href=${`/site/${encodeURIComponent(site)}`}>${wall.nameOf(`site/${site}`)}</a>`}`}</td>
    <td><span class="dim">system</span></td>
    <td class="event-text">${text}${text !== '' && '. '}<span class="dim">${firstOf(about)}</span></td>
  </tr>`;
}

function firstOf(names: readonly string[]): string {
  const first = names.slice(0, 4).join(', ');
  return names.length > 4 ? `${first} and ${names.length - 4} more` : first;
}

/** Why, as a code: what a burst of entries has in common. */
function groundIn(kind: string, event: unknown): string {
  if (!isRecord(event)) return '';
  // One alarm after the other returns to normal, or one rule after the other comes: only of the same one they are one thing.
  const rule = kind === 'AlarmCleared' ? event.rule : kind === 'RuleDropped' ? event.id : idIn(event.rule);
  return [rule, event.reason, event.cause, event.state].filter((part) => typeof part === 'string').join(' ');
}

function idIn(rule: unknown): unknown {
  return isRecord(rule) ? rule.id : null;
}

function groundWords(event: unknown): string {
  if (!isRecord(event)) return '';
  const { state, reason, cause } = event;
  const why = typeof reason === 'string' ? reason : typeof cause === 'string' ? cause : '';
  return [typeof state === 'string' ? words(state) : '', why === '' ? '' : reasonWords(why)].filter(Boolean).join(', ');
}

/** A person, the system itself, or the entity that asked for it. */
function By({ wall, by }: { readonly wall: Wall; readonly by: string }) {
  return isPerson(by) ? html`${by}` : html`<span class="dim">${by.includes('/') ? wall.nameOf(by) : by}</span>`;
}

/** Entities with a page of their own. */
const PAGES: Readonly<Record<string, string | undefined>> = {
  site: 'site',
  asset: 'asset',
  device: 'device',
  'work-order': 'workorder',
  connection: 'connection',
  node: 'node',
};

function entryOfEvent(event: WireEvent): Entry {
  return {
    key: `${event.entity} ${event.seq}`,
    entity: event.entity,
    seq: event.seq,
    kind: event.kind,
    timeMs: event.timeMs,
    by: event.by,
    event: event.event,
    after: event.after,
    record: { event: event.event, after: event.after },
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
      event: row.event ?? row,
      after: row.after,
      record: row,
    },
  ];
}
