import { html } from 'htm/preact';
import type { AssetView } from '../../actors/views.ts';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import { AlarmList } from '../parts/alarm-list.ts';
import { SymbolOf, useGravest } from '../parts/alarm-symbol.ts';
import { AsOf, Standing } from '../parts/away.ts';
import { Connectivity, Empty, Health, Loading } from '../parts/condition.ts';
import { MetricBar, MetricValue, TrendArrow } from '../parts/value.ts';
import { OpenOrders } from '../parts/work-orders.ts';
import { listOf } from '../store/alarm-order.ts';
import { useAway } from '../store/away.ts';
import { type Cells, useGroup, useIds } from '../store/cells.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { KeyFigures } from './overview.ts';

const METRICS_SHOWN = 3;

/** Level 2: the assets of one site with their key values, its alarms and its work. */
export function Site({ site }: { readonly site: string }) {
  const wall = useWall();
  const props = useGroup(wall.sites, site, 'props');
  const ready = useSignal(wall.sites.ready);
  const alarms = useSignal(wall.book.alarms);
  const { query } = useSignal(wall.router.address);
  const away = useAway(wall.sites, site);
  usePageSite(site);
  const { cells } = useTopic<AssetView>('assets', { site });
  const { cells: orders } = useTopic<WorkOrderView>('workorders', { site }, ['props']);
  if (props === undefined)
    return html`<main class="page">${ready ? html`<${Empty}>There is no site “${site}”. <a href="/">To the overview</a></${Empty}>` : html`<${Loading} what="site" />`}</main>`;
  const own = [...alarms.values()].filter(
    (alarm) => alarm.site === site && listOf(alarm) === 'active' && alarm.detail !== 'NORMAL',
  );
  return html`<main class=${away === null ? 'page site-page' : 'page site-page is-away'}>
    <header class="page-header">
      <h1>${props.name ?? site}</h1>
      <span class="pair"><span class="dim">Health</span> <${Health} value=${props.health} /></span>
      <span class="pair"><span class="dim">Worst asset</span> <${Health} value=${props.healthWorst} label="Worst asset" /></span>
      <a class="pair" href=${`/devices?site=${encodeURIComponent(site)}`}><span class="dim">Devices online</span> <span class="number">${props.devicesOnline}/${props.devices}</span></a>
      <a class="pair" href=${`/workorders?site=${encodeURIComponent(site)}`}><span class="dim">Open work orders</span> <span class="number">${props.openWorkOrders}</span></a>
      <a class="pair" href=${`/alarms?list=shelved&site=${encodeURIComponent(site)}`}><span class="dim">Shelved</span> <span class="number">${props.alarmsShelved}</span></a>
      <span class="spacer"></span>
      <${KeyFigures} site=${site} />
    </header>
    <${Standing} cells=${wall.sites} id=${site} zone=${wall.zoneOf(site)} />
    <div class="site-columns">
      <section class="panel" aria-label="Assets">
        <h2>Assets</h2>
        <${AssetTable} cells=${cells} />
      </section>
      <div class="column">
        <div class="panel grow"><h2>Alarms</h2>
          <${AlarmList} alarms=${own} label="Alarms of the site" empty="No active alarm on this site." focused=${query.get('alarm')} onFocus=${(id: string) => wall.router.set({ alarm: id })} of="site" />
        </div>
        <section class="panel"><h2>Open work orders</h2><${OpenOrders} cells=${orders} /></section>
      </div>
    </div>
  </main>`;
}

function AssetTable({ cells }: { readonly cells: Cells<AssetView> }) {
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  if (!ready) return html`<${Loading} what="assets" />`;
  if (ids.length === 0) return html`<${Empty}>This site has no assets.</${Empty}>`;
  return html`<div class="asset-table">${inTreeOrder(cells, ids).map((id) => html`<${AssetRow} key=${id} cells=${cells} id=${id} />`)}</div>`;
}

/** Children below their parent, in the order of the topology file. */
function inTreeOrder(cells: Cells<AssetView>, ids: readonly string[]): string[] {
  const known = new Set(ids);
  const children = new Map<string, string[]>();
  for (const id of ids) {
    const parent = cells.group(id, 'props')?.parent ?? '';
    const above = known.has(parent) ? parent : '';
    children.set(above, [...(children.get(above) ?? []), id]);
  }
  const walk = (parent: string): string[] => (children.get(parent) ?? []).flatMap((id) => [id, ...walk(id)]);
  return walk('');
}

function AssetRow({ cells, id }: { readonly cells: Cells<AssetView>; readonly id: string }) {
  const props = useGroup(cells, id, 'props');
  const metrics = useGroup(cells, id, 'metrics') ?? {};
  const worst = useGravest(`asset/${id}`);
  const wall = useWall();
  const away = useAway(cells, id);
  if (props === undefined) return null;
  const entries = Object.entries(metrics);
  const keys = entries.filter(([, info]) => info?.key);
  const shown = (keys.length > 0 ? keys : entries).slice(0, METRICS_SHOWN);
  const depth = Math.max(0, (props.path?.length ?? 1) - 1);
  return html`<div class=${`asset-row depth-${Math.min(depth, 4)}${away === null ? '' : ' is-away'}`}>
    <span class="asset-name">
      ${worst !== undefined ? html`<${SymbolOf} alarm=${worst} />` : html`<span class="symbol-space"></span>`}
      <a href=${`/asset/${encodeURIComponent(id)}`}>${props.name ?? id}</a>
      ${away !== null && html`<${AsOf} away=${away} zone=${wall.zoneOf(props.site)} />`}
      ${props.connected === false && html`<${Connectivity} state="offline" words=${false} />`}
      ${props.status !== 'operational' && html`<span class="tag">${props.status}</span>`}
    </span>
    <${Health} value=${props.health} level=${props.healthLevel} />
    <span class="asset-metrics">
      ${shown.map(
        ([metric, info]) => html`<span class="asset-metric" key=${metric}>
          <span class="dim metric-title">${info?.title}</span>
          <${MetricBar} cells=${cells} id=${id} metric=${metric} />
          <span class="metric-reading"><${MetricValue} cells=${cells} id=${id} metric=${metric} /><${TrendArrow} cells=${cells} id=${id} metric=${metric} /></span>
        </span>`,
      )}
    </span>
  </div>`;
}
