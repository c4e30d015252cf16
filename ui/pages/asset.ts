import { html } from 'htm/preact';
import { useRef, useState } from 'preact/hooks';
import type { AlarmView, AssetStatus, AssetView } from '../../actors/views.ts';
import type { WorkOrderView } from '../../actors/work-order/views.ts';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { AlarmList } from '../parts/alarm-list.ts';
import { Standing } from '../parts/away.ts';
import { Breakdown, Connectivity, Empty, Health, Loading } from '../parts/condition.ts';
import { Dialog, Field, textOf } from '../parts/dialog.ts';
import { Moment, StatedOffset } from '../parts/moment.ts';
import { ReadingTimes } from '../parts/reading-times.ts';
import { Rules } from '../parts/rules.ts';
import { Trend } from '../parts/trend.ts';
import { limitWords, MetricBar, MetricValue, TrendArrow } from '../parts/value.ts';
import { markWords } from '../parts/value-look.ts';
import { Choice, NewOrderDialog, OpenOrders } from '../parts/work-orders.ts';
import { useAway } from '../store/away.ts';
import { type Cells, useField, useGroup, useIds } from '../store/cells.ts';
import { formatValue, NOTHING } from '../store/format.ts';
import { RANGES, rangeName } from '../store/history.ts';
import { useInspection } from '../store/inspection.ts';
import { useKeys } from '../store/keys.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

const TRENDS_AT_FIRST = 2;
const MOST_TRENDS = 5;

/** Level 3: one asset with every value, its trends, alarms, devices and work. */
export function Asset({ asset }: { readonly asset: string }) {
  const wall = useWall();
  const { cells, error } = useTopic<AssetView>('assets', { ids: [asset] });
  const ready = useSignal(cells.ready);
  const props = useGroup(cells, asset, 'props');
  const away = useAway(cells, asset);
  const { query } = useSignal(wall.router.address);
  const alarms = useSignal(wall.book.alarms);
  const [dialog, setDialog] = useState<'order' | 'status' | null>(null);
  usePageSite(props?.site);
  useKeys({ w: () => wall.may('workorder:create') && setDialog('order') });
  if (error !== null) return html`<main class="page"><${Empty}>${error}</${Empty}></main>`;
  if (props === undefined)
    return html`<main class="page">${ready ? html`<${Empty}>There is no asset “${asset}”. <a href="/">To the overview</a></${Empty}>` : html`<${Loading} what="asset" />`}</main>`;
  const zone = wall.zoneOf(props.site);
  const own = [...alarms.values()].filter((alarm) => alarm.entity === `asset/${asset}`);
  const detail = own.find((alarm) => alarm.id === query.get('alarm')) ?? (own.length === 1 ? own[0] : undefined);
  return html`<main class=${away === null ? 'page asset-page' : 'page asset-page is-away'}>
    <${AssetHeader} asset=${asset} props=${props} zone=${zone} onAction=${setDialog} />
    <${Standing} cells=${cells} id=${asset} zone=${zone} />
    <div class="asset-columns">
      <section class="panel values-panel" aria-label="Values">
        <h2>Values</h2>
        <${MetricTable} cells=${cells} asset=${asset} zone=${zone} />
      </section>
      <section class="panel trends-panel" aria-label="Trends"><${Trends} cells=${cells} asset=${asset} zone=${zone} /></section>
      <div class="column">
        <${AssetAlarms} alarms=${own} detail=${detail} />
        <section class="panel" aria-label="Devices">
          <h2>Devices</h2>
          ${(props.devices ?? []).length === 0 ? html`<${Empty}>No device is linked.</${Empty}>` : html`<ul class="plain-list">${props.devices?.map((device) => html`<${DeviceLine} key=${device} device=${device} />`)}</ul>`}
          ${(props.children ?? []).length > 0 && html`<h2>Parts</h2><ul class="plain-list">${props.children?.map((child) => html`<li key=${child}><a href=${`/asset/${encodeURIComponent(child)}`}>${wall.nameOf(`asset/${child}`)}</a></li>`)}</ul>`}
        </section>
        <${AssetRules} cells=${cells} asset=${asset} />
        <section class="panel" aria-label="Work orders"><h2>Open work orders</h2><${AssetOrders} asset=${asset} site=${props.site ?? ''} /></section>
      </div>
    </div>
    ${dialog === 'order' && html`<${NewOrderDialog} asset=${asset} site=${props.site ?? ''} onClose=${() => setDialog(null)} />`}
    ${dialog === 'status' && html`<${StatusDialog} asset=${asset} now=${props.status ?? 'operational'} onClose=${() => setDialog(null)} />`}
  </main>`;
}

function AssetRules({ cells, asset }: Pick<PartProps, 'cells' | 'asset'>) {
  const rules = useGroup(cells, asset, 'rules') ?? {};
  const metrics = useGroup(cells, asset, 'metrics') ?? {};
  return html`<${Rules} asset=${asset} rules=${rules} metrics=${metrics} />`;
}

interface HeaderProps {
  readonly asset: string;
  readonly props: Partial<AssetView['props']>;
  readonly zone: string;
  readonly onAction: (action: 'order' | 'status') => void;
}

function AssetHeader({ asset, props, zone, onAction }: HeaderProps) {
  const wall = useWall();
  return html`<header class="page-header">
    <div>
      <p class="path"><a href=${`/site/${encodeURIComponent(props.site ?? '')}`}>${wall.nameOf(`site/${props.site}`)}</a>${(props.path ?? []).slice(1).map((part) => html` › ${part}`)}</p>
      <h1>${props.name ?? asset}</h1>
    </div>
    <span class="tag ${props.status === 'operational' ? '' : 'strong'}">${props.status}</span>
    <span class="pair"><span class="dim">Health</span> <${Health} value=${props.health} level=${props.healthLevel} told=${true} /></span>
    <${Breakdown} breakdown=${props.healthBreakdown} />
    ${props.connected === null ? '' : html`<${Connectivity} state=${props.connected ? 'online' : 'offline'} />`}
    <span class="pair"><span class="dim">Last reading</span> <${Moment} timeMs=${props.lastReadingMs} zone=${zone} /></span>
    <span class="spacer"></span>
    ${wall.may('workorder:create') && html`<button type="button" class="button" onClick=${() => onAction('order')}>New work order … <kbd>w</kbd></button>`}
    ${wall.may('asset:manage') && html`<button type="button" class="button" onClick=${() => onAction('status')}>Set status …</button>`}
  </header>`;
}

interface PartProps {
  readonly cells: Cells<AssetView>;
  readonly asset: string;
  readonly zone: string;
}

function MetricTable({ cells, asset, zone }: PartProps) {
  const metrics = useGroup(cells, asset, 'metrics') ?? {};
  const names = Object.keys(metrics);
  const selected = useSelectedTrends(cells, asset);
  const wall = useWall();
  const table = useRef<HTMLDivElement>(null);
  const inspection = useInspection(table, names);
  const toggle = (metric: string) => {
    const next = selected.includes(metric)
      ? selected.filter((each) => each !== metric)
      : [...selected, metric].slice(-MOST_TRENDS);
    wall.router.set({ trend: next.join(',') || 'none' });
  };
  if (names.length === 0) return html`<${Empty}>This asset has no metrics.</${Empty}>`;
  return html`<div class="metric-table" ref=${table}>
    ${names.map((metric) => html`<${MetricRow} key=${metric} cells=${cells} asset=${asset} metric=${metric} zone=${zone} shown=${selected.includes(metric)} onToggle=${toggle} open=${inspection.open.has(metric)} onInspect=${inspection.toggle} />`)}
  </div>`;
}

interface MetricRowProps extends PartProps {
  readonly metric: string;
  readonly shown: boolean;
  readonly onToggle: (metric: string) => void;
  readonly open: boolean;
  readonly onInspect: (metric: string) => void;
}

function MetricRow({ cells, asset, metric, zone, shown, onToggle, open, onInspect }: MetricRowProps) {
  const info = useField(cells, asset, 'metrics', metric);
  if (info === undefined) return null;
  return html`<div class=${shown ? 'metric-row shown' : 'metric-row'} data-value=${metric}>
    <div class="metric-line">
      <button type="button" class="metric-name" aria-pressed=${shown} title="Show or hide its trend" onClick=${() => onToggle(metric)}>${info.title}</button>
      <span class="metric-reading"><${MetricValue} cells=${cells} id=${asset} metric=${metric} /><${TrendArrow} cells=${cells} id=${asset} metric=${metric} /></span>
      <button type="button" class="button quiet metric-more" data-inspect aria-expanded=${open} aria-label=${`Times, quality and origin of ${info.title}`} title="Source and receive time, quality, limits, origin (i)" onClick=${() => onInspect(metric)}>${open ? '−' : '+'}</button>
    </div>
    <${MetricBar} cells=${cells} id=${asset} metric=${metric} />
    ${open && html`<${MetricDetail} cells=${cells} asset=${asset} metric=${metric} zone=${zone} />`}
  </div>`;
}

/** Level 4: where a value comes from, when it was measured, how good it is and how it was lately. */
function MetricDetail({ cells, asset, metric, zone }: PartProps & { readonly metric: string }) {
  const wall = useWall();
  const info = useField(cells, asset, 'metrics', metric);
  const time = useField(cells, asset, 'times', metric);
  const received = useField(cells, asset, 'received', metric);
  const mark = useField(cells, asset, 'marks', metric);
  const minute = useField(cells, asset, 'windows', `${metric}@1m`);
  if (info === undefined) return null;
  const n = (value: number) => formatValue(value, info.decimals);
  return html`<dl class="facts">
    <${ReadingTimes} sourceMs=${time} receivedMs=${received} zone=${zone} />
    <div><dt>Quality</dt><dd>${mark === undefined ? 'good' : html`${markWords(mark)} since <${Moment} timeMs=${mark.sinceMs} zone=${zone} />`}</dd></div>
    ${mark?.lastGood && html`<div><dt>Last good</dt><dd>${formatValue(mark.lastGood.value, info.decimals)} ${info.unit}, <${Moment} timeMs=${mark.lastGood.timeMs} zone=${zone} /></dd></div>`}
    <div><dt>Normal</dt><dd>${info.normal === null ? NOTHING : `${n(info.normal.min)} … ${n(info.normal.max)} ${info.unit}`}</dd></div>
    <div><dt>Limits</dt><dd>${limitWords(info) || NOTHING}</dd></div>
    ${info.formula && html`<div><dt>Formula</dt><dd><code>${info.formula}</code></dd></div>`}
    <div><dt>Source</dt><dd>${info.sourceDevices.length === 0 ? 'computed' : info.sourceDevices.map((device) => html`<a href=${`/device/${encodeURIComponent(device)}`}>${wall.nameOf(`device/${device}`)}</a> `)}</dd></div>
    ${minute && html`<div><dt>Last minute</dt><dd>min ${n(minute.min)}, mean ${n(minute.avg)}, p95 ${n(minute.p95)}, max ${n(minute.max)}; ${minute.count} readings, ${Math.round(minute.pctGood)} % good</dd></div>`}
  </dl>`;
}

function useSelectedTrends(cells: Cells<AssetView>, asset: string): readonly string[] {
  const { query } = useSignal(useWall().router.address);
  const metrics = useGroup(cells, asset, 'metrics') ?? {};
  const chosen = query.get('trend');
  if (chosen !== null) return chosen.split(',').filter((metric) => metric in metrics);
  const entries = Object.entries(metrics);
  const keys = entries.filter(([, info]) => info?.key);
  return (keys.length > 0 ? keys : entries).slice(0, TRENDS_AT_FIRST).map(([metric]) => metric);
}

function Trends({ cells, asset, zone }: PartProps) {
  const wall = useWall();
  const { query } = useSignal(wall.router.address);
  const range = rangeName(query.get('range'));
  const selected = useSelectedTrends(cells, asset);
  return html`<header class="trends-header">
      <h2>Trends</h2> <${StatedOffset} />
      <span class="spacer"></span>
      <div class="tabs small" role="group" aria-label="Range">
        ${Object.entries(RANGES).map(([name, { title }]) => html`<button type="button" key=${name} aria-pressed=${name === range} onClick=${() => wall.router.set({ range: name })}>${title}</button>`)}
      </div>
    </header>
    <div class="trends">
      ${selected.length === 0 && html`<${Empty}>Choose values on the left to see their trends.</${Empty}>`}
      ${selected.map(
        (metric) =>
          html`<${Trend} key=${metric} cells=${cells} id=${asset} metric=${metric} range=${range} zone=${zone} onRemove=${() => wall.router.set({ trend: selected.filter((each) => each !== metric).join(',') || 'none' })} />`,
      )}
    </div>`;
}

function AssetAlarms({
  alarms,
  detail,
}: {
  readonly alarms: readonly AlarmView[];
  readonly detail: AlarmView | undefined;
}) {
  const wall = useWall();
  const { query } = useSignal(wall.router.address);
  return html`<section class="panel asset-alarms" aria-label="Alarms">
    <h2>Alarms</h2>
    ${alarms.length === 0 && html`<${Empty}>No alarm.</${Empty}>`}
    ${alarms.length > 1 && html`<div class="compact-list"><${AlarmList} alarms=${alarms} label="Alarms of the asset" empty="No alarm." focused=${query.get('alarm')} onFocus=${(id: string) => wall.router.set({ alarm: id })} of="asset" /></div>`}
    ${detail !== undefined && html`<${AlarmDetail} alarm=${detail} link=${false} />`}
  </section>`;
}

function DeviceLine({ device }: { readonly device: string }) {
  const wall = useWall();
  const props = useGroup(wall.devices, device, 'props');
  return html`<li><${Connectivity} state=${props?.connectivity} words=${false} /> <a href=${`/device/${encodeURIComponent(device)}`}>${props?.name ?? device}</a> <span class="dim">${props?.connectivity}</span></li>`;
}

function AssetOrders({ asset, site }: { readonly asset: string; readonly site: string }) {
  const { cells } = useTopic<WorkOrderView>('workorders', { site }, ['props']);
  const ids = useIds(cells);
  useSignal(cells.revision);
  const own = ids.filter((id) => cells.group(id, 'props')?.asset === asset);
  return html`<${OpenOrders} cells=${cells} only=${own} />`;
}

const STATUSES: readonly AssetStatus[] = ['operational', 'maintenance', 'damaged', 'retired'];

function StatusDialog({
  asset,
  now,
  onClose,
}: {
  readonly asset: string;
  readonly now: AssetStatus;
  readonly onClose: () => void;
}) {
  const wall = useWall();
  const [status, setStatus] = useState<AssetStatus>(now);
  const [reason, setReason] = useState('');
  const confirm = () => {
    onClose();
    void wall.feedback.send(`Status ${status}: ${wall.nameOf(`asset/${asset}`)}`, `asset/${asset}`, {
      kind: 'SetAssetStatus',
      status,
      reason: reason.trim(),
    });
  };
  return html`<${Dialog} title="Set the asset's status" confirm="Set status" onConfirm=${confirm} onClose=${onClose} disabled=${reason.trim() === '' || status === now}>
    <${Field} label="Status"><${Choice} value=${status} options=${STATUSES} onChange=${setStatus} /></${Field}>
    <${Field} label="Reason (required)"><input type="text" data-first maxlength="500" value=${reason} onInput=${(event: Event) => setReason(textOf(event))} /></${Field}>
  </${Dialog}>`;
}
