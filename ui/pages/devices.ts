import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import type { DeviceView } from '../../actors/views.ts';
import { AsOf } from '../parts/away.ts';
import { Connectivity, Empty, Loading } from '../parts/condition.ts';
import { textOf } from '../parts/dialog.ts';
import { Age } from '../parts/moment.ts';
import { skewText } from '../parts/reading-times.ts';
import { useAway } from '../store/away.ts';
import { type Cells, useGroup, useIds } from '../store/cells.ts';
import { words } from '../store/format.ts';
import { useKeys } from '../store/keys.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { reasonWords } from '../store/reasons.ts';
import { useRowKeys } from '../store/row-keys.ts';
import { humanDurations } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/** More would not be read, and each row draws its ages every second; the filters lead to the rest. */
const MOST_ROWS = 300;
/** plc-2 before plc-10. */
const NATURAL = new Intl.Collator('en', { numeric: true });
const STATES = ['offline', 'unknown', 'online'] as const;

/** All devices, the unreachable first. */
export function Devices() {
  const wall = useWall();
  const { cells } = useTopic<DeviceView>('devices', {}, ['props', 'away']);
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  // The directory changes with connectivity alone: so does the order here, not with every reading.
  useSignal(wall.devices.revision);
  const { query } = useSignal(wall.router.address);
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const site = query.get('site');
  const state = query.get('state');
  const text = (query.get('text') ?? '').toLowerCase();
  usePageSite(site);
  useKeys({ '/': () => search.current?.focus() });
  useRowKeys(table);
  const stateOf = (id: string) =>
    wall.devices.get(id)?.props?.connectivity ?? cells.get(id)?.props?.connectivity ?? 'unknown';
  const inSite = ids.filter((id) => site === null || cells.group(id, 'props')?.site === site);
  const rank = (id: string) => STATES.indexOf(stateOf(id));
  const shown = inSite
    .filter((id) => state === null || stateOf(id) === state)
    .filter(
      (id) =>
        text === '' ||
        `${id} ${cells.group(id, 'props')?.name} ${cells.group(id, 'props')?.connection} ${cells.group(id, 'props')?.driver}`
          .toLowerCase()
          .includes(text),
    )
    .sort((a, b) => rank(a) - rank(b) || NATURAL.compare(a, b));
  return html`<main class="page">
    <div class="filters">
      <h1>Devices</h1>
      <div class="tabs" role="tablist">
        <a role="tab" aria-selected=${state === null} href=${site === null ? '/devices' : `/devices?site=${encodeURIComponent(site)}`}>All <span class="number">${inSite.length}</span></a>
        ${STATES.map((each) => html`<button type="button" role="tab" key=${each} aria-selected=${state === each} onClick=${() => wall.router.set({ state: each })}><${Connectivity} state=${each} /> <span class="number">${inSite.filter((id) => stateOf(id) === each).length}</span></button>`)}
      </div>
      <span class="spacer"></span>
      <a class="button" href="/edges">Edges and nodes</a>
      <select aria-label="Site" value=${site ?? ''} onChange=${(event: Event) => wall.router.set({ site: textOf(event) })}>
        <option value="">All sites</option>
        ${wall.sites.ids.value.map((id) => html`<option value=${id}>${wall.nameOf(`site/${id}`)}</option>`)}
      </select>
      <input ref=${search} type="search" placeholder="Filter  /" aria-label="Filter" value=${query.get('text') ?? ''} onInput=${(event: Event) => wall.router.set({ text: textOf(event) })} />
    </div>
    <div class="panel scroll">
      ${!ready && html`<${Loading} what="devices" />`}
      ${ready && shown.length === 0 && html`<${Empty}>${ids.length === 0 ? 'No devices. They come from the topology file.' : 'No device matches.'}</${Empty}>`}
      ${
        shown.length > 0 &&
        html`<table class="table row-table" ref=${table}>
          <thead><tr><th>Connectivity</th><th>Device</th><th>Site</th><th>Connection</th><th>Driver</th><th>Reason</th><th class="right">In this state</th><th class="right">Last seen</th><th class="right">Clock skew</th><th class="right">Gaps</th><th class="right">Refused</th></tr></thead>
          <tbody>${shown.slice(0, MOST_ROWS).map((id) => html`<${Row} key=${id} cells=${cells} id=${id} />`)}</tbody>
        </table>`
      }
      ${shown.length > MOST_ROWS && html`<${Empty}>${shown.length - MOST_ROWS} more match. Filter to see them.</${Empty}>`}
    </div>
  </main>`;
}

function Row({ cells, id }: { readonly cells: Cells<DeviceView>; readonly id: string }) {
  const wall = useWall();
  const props = useGroup(cells, id, 'props');
  const away = useAway(cells, id);
  if (props === undefined) return null;
  const isFine = props.connectivity === 'online' && away === null;
  return html`<tr class=${[isFine ? '' : 'notable', away === null ? '' : 'is-away'].join(' ').trim()}>
    <td><${Connectivity} state=${props.connectivity} />${away !== null && html` <${AsOf} away=${away} zone=${wall.zoneOf(props.site)} />`}${props.decommissioned && html` <span class="tag">decommissioned</span>`}</td>
    <td><a href=${`/device/${encodeURIComponent(id)}`}>${props.name ?? id}</a></td>
    <td class="dim">${wall.nameOf(`site/${props.site}`)}</td>
    <td class="dim"><a href=${`/connection/${encodeURIComponent(props.connection ?? '')}`}>${wall.nameOf(`connection/${props.connection}`)}</a></td>
    <td class="dim">${words(props.driver ?? '')}</td>
    <td class=${props.connectivity === 'online' ? 'dim' : ''}>${reasonWords(props.connectivityReason ?? '')}${props.connectivityDetail && html`<span class="dim">, ${humanDurations(props.connectivityDetail)}</span>`}</td>
    <td class="right"><${Age} timeMs=${props.lastConnectivityChangeMs} /></td>
    <td class="right"><${Age} timeMs=${props.lastSeenMs} /></td>
    <td class="right number">${skewText(props.clockSkewMs)}</td>
    <td class="right number">${props.gaps}</td>
    <td class="right number">${props.rejected}</td>
  </tr>`;
}
