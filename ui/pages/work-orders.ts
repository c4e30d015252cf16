import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import { Empty, Loading } from '../parts/condition.ts';
import { textOf } from '../parts/dialog.ts';
import { Moment, StatedOffset } from '../parts/moment.ts';
import { CLOSED_STATES, Due } from '../parts/work-orders.ts';
import { type Cells, useGroup, useIds } from '../store/cells.ts';
import { words } from '../store/format.ts';
import { useKeys } from '../store/keys.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { useRowKeys } from '../store/row-keys.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

const TABS = ['open', 'draft', 'scheduled', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled'] as const;
const RANK = { critical: 0, high: 1, medium: 2, low: 3 } as const;

/** All work orders: overdue first, then priority, then due date. */
export function WorkOrders() {
  const wall = useWall();
  const { cells, error } = useTopic<WorkOrderView>('workorders', {}, ['props']);
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  useSignal(cells.revision);
  const { query } = useSignal(wall.router.address);
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  useKeys({ '/': () => search.current?.focus() });
  useRowKeys(table);
  const state = query.get('state');
  const site = query.get('site');
  usePageSite(site);
  const text = (query.get('text') ?? '').toLowerCase();
  const props = (id: string) => cells.group(id, 'props') ?? {};
  const inSite = ids.filter((id) => site === null || props(id).site === site);
  const notEnded = inSite.filter((id) => !CLOSED_STATES.includes(props(id).state ?? ''));
  const shown = (state === null ? notEnded : inSite.filter((id) => props(id).state === state))
    .filter(
      (id) =>
        text === '' ||
        `${id} ${props(id).title} ${wall.nameOf(`asset/${props(id).asset}`)} ${props(id).assignedTo}`
          .toLowerCase()
          .includes(text),
    )
    .sort((a, b) => compare(props(a), props(b)) || (a < b ? 1 : -1));
  return html`<main class="page">
    <div class="filters">
      <h1>Work orders</h1>
      <div class="tabs" role="tablist">
        <button type="button" role="tab" aria-selected=${state === null} onClick=${() => wall.router.set({ state: null })}>Not ended <span class="number">${notEnded.length}</span></button>
        ${TABS.map((each) => html`<button type="button" role="tab" key=${each} aria-selected=${state === each} onClick=${() => wall.router.set({ state: each })}>${words(each)} <span class="number">${inSite.filter((id) => props(id).state === each).length}</span></button>`)}
      </div>
      <span class="spacer"></span>
      <select aria-label="Site" value=${site ?? ''} onChange=${(event: Event) => wall.router.set({ site: textOf(event) })}>
        <option value="">All sites</option>
        ${wall.sites.ids.value.map((id) => html`<option value=${id}>${wall.nameOf(`site/${id}`)}</option>`)}
      </select>
      <input ref=${search} type="search" placeholder="Filter  /" aria-label="Filter" value=${query.get('text') ?? ''} onInput=${(event: Event) => wall.router.set({ text: textOf(event) })} />
    </div>
    <div class="panel scroll">
      ${error !== null && html`<${Empty}>${error}</${Empty}>`}
      ${error === null && !ready && html`<${Loading} what="work orders" />`}
      ${ready && shown.length === 0 && html`<${Empty}>${ids.length === 0 ? `No work orders yet. Rules open them${wall.may('workorder:create') ? ', or you do on the page of an asset' : ''}.` : 'No work order matches.'}</${Empty}>`}
      ${
        shown.length > 0 &&
        html`<table class="table row-table offset-stated" ref=${table}>
          <thead><tr><th>Number</th><th>Title</th><th>Asset</th><th>Site</th><th>Priority</th><th>Type</th><th>State</th><th>Assigned</th><th>Due</th><th>Created <${StatedOffset} /></th></tr></thead>
          <tbody>${shown.map((id) => html`<${Row} key=${id} cells=${cells} id=${id} />`)}</tbody>
        </table>`
      }
    </div>
  </main>`;
}

type Props = Partial<WorkOrderView['props']>;

function compare(a: Props, b: Props): number {
  return (
    Number(b.overdue ?? false) - Number(a.overdue ?? false) ||
    RANK[a.priority ?? 'low'] - RANK[b.priority ?? 'low'] ||
    (a.dueAtMs ?? Number.MAX_SAFE_INTEGER) - (b.dueAtMs ?? Number.MAX_SAFE_INTEGER)
  );
}

function Row({ cells, id }: { readonly cells: Cells<WorkOrderView>; readonly id: string }) {
  const wall = useWall();
  const props = useGroup(cells, id, 'props') ?? {};
  return html`<tr>
    <td><a href=${`/workorder/${id}`}>${props.number ?? id}</a></td>
    <td>${props.title}${(props.occurrences ?? 1) > 1 && html` <span class="dim">×${props.occurrences}</span>`}</td>
    <td><a href=${`/asset/${encodeURIComponent(props.asset ?? '')}`}>${wall.nameOf(`asset/${props.asset}`)}</a></td>
    <td class="dim">${wall.nameOf(`site/${props.site}`)}</td>
    <td>${props.priority}</td>
    <td class="dim">${props.type}</td>
    <td><span class="tag">${words(props.state ?? '')}</span>${props.holdReason && html` <span class="dim">${words(props.holdReason)}</span>`}</td>
    <td>${props.assignedTo ?? html`<span class="dim">${props.assignedRole ?? ''}</span>`}</td>
    <td><${Due} props=${props} /></td>
    <td class="dim"><${Moment} timeMs=${props.createdAtMs} zone=${wall.zoneOf(props.site)} /></td>
  </tr>`;
}
