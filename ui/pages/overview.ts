import { html } from 'htm/preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { AlarmView, AssetView, SiteView } from '../../actors/views.ts';
import { lookOf } from '../parts/alarm-look.ts';
import { GravestSymbol, SymbolOf, useGravest } from '../parts/alarm-symbol.ts';
import { AsOf, NotRecordedYet } from '../parts/away.ts';
import { Empty, Health, Loading } from '../parts/condition.ts';
import { Age, Moment, ZoneClock } from '../parts/moment.ts';
import { MetricValue, Reading } from '../parts/value.ts';
import { arrange, listOf } from '../store/alarm-order.ts';
import { useAway, whoIsSilent } from '../store/away.ts';
import { type AwayGroup, countInWords } from '../store/away-board.ts';
import { type Cells, useEntity, useField, useGroup, useIds } from '../store/cells.ts';
import { formatMoment } from '../store/format.ts';
import { useKeys } from '../store/keys.ts';
import { useTopic } from '../store/live-topic.ts';
import { layOutOverview, type OverviewLayout } from '../store/overview-layout.ts';
import { shortNames } from '../store/short-names.ts';
import { useSignal } from '../store/signal.ts';
import { split, useWall } from '../store/wall.ts';

/** So many assets and values are still told on tiles; beyond, names alone, and the values stay with the server. */
const MOST_WITH_VALUES = 160;
/** Of the strip, on wide screens and on narrow ones, in which a line of an alarm needs more of the width. */
const STRIP = { rows: 2, columns: 4, narrowColumns: 3, narrowBelow: 115 };

/** Level 1: all sites and all assets on one screen, and on top what is abnormal now. Never scrolls. */
export function Overview() {
  const wall = useWall();
  const sites = useIds(wall.sites);
  const ready = useSignal(wall.sites.ready);
  const area = useRef<HTMLDivElement>(null);
  const assets = useAssetsBySite();
  const size = useSizeInRem(area);
  const counts = sites.map((site) => assets.get(site)?.length ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const layout = layOutOverview(size.width, size.height, counts, total <= MOST_WITH_VALUES);
  useTileKeys(area);
  return html`<main class="overview">
    <${AbnormalNow} columns=${size.width < STRIP.narrowBelow ? STRIP.narrowColumns : STRIP.columns} />
    <div class="site-grid" ref=${area}>
      ${!ready && html`<${Loading} what="sites" />`}
      ${ready && sites.length === 0 && html`<${Empty}>No sites yet. They come from the topology file.</${Empty}>`}
      ${
        size.width > 0 &&
        html`<${layout.tile === 'card' || layout.tile === 'line' ? PanelsWithValues : Panels} sites=${sites} assets=${assets} layout=${layout} />`
      }
    </div>
  </main>`;
}

interface PanelsProps {
  readonly sites: readonly string[];
  readonly assets: ReadonlyMap<string, readonly string[]>;
  readonly layout: OverviewLayout;
}

function PanelsWithValues(props: PanelsProps) {
  const { cells } = useTopic<AssetView>('assets', {}, ['values', 'marks', 'metrics']);
  return html`<${Panels} ...${props} values=${cells} />`;
}

function Panels({ sites, assets, layout, values = null }: PanelsProps & { readonly values?: Cells<AssetView> | null }) {
  let next = 0;
  return html`${layout.rows.map((row) => {
    const first = next;
    next += row.widths.length;
    return html`<div
      class="site-row"
      key=${first}
      style=${{ flex: `${row.height} 1 0`, gridTemplateColumns: row.widths.map((width) => `minmax(0, ${width}fr)`).join(' ') }}
    >
      ${sites.slice(first, next).map((site) => html`<${SitePanel} key=${site} site=${site} assets=${assets.get(site) ?? []} layout=${layout} values=${values} />`)}
    </div>`;
  })}`;
}

const NOTHING_ABNORMAL = 'Nothing abnormal. No alarm is active or waiting to be acknowledged.';
const NOTHING_KNOWN =
  'Nothing abnormal. The journal is away: an alarm that comes now is shown here, marked as not recorded yet.';

/** Nobody may take silence for calm. */
function nothingHeard(groups: readonly AwayGroup[]): string {
  const sum = (of: 'sites' | 'assets' | 'devices') => groups.reduce((total, group) => total + group[of], 0);
  const what = countInWords({ sites: sum('sites'), assets: sum('assets'), devices: sum('devices') });
  return `Nothing abnormal among what is heard. How it is with ${what} is not known now.`;
}

/** Named first of all: which asset, which priority, what, since when. Nothing moves under the pointer or the focus. */
function AbnormalNow({ columns }: { readonly columns: number }) {
  const wall = useWall();
  const alarms = useSignal(wall.book.alarms);
  const ready = useSignal(wall.book.ready);
  const heartbeat = useSignal(wall.connection.heartbeat);
  const away = useSignal(wall.away.groups);
  const { held, on } = useHold();
  const arranged = useRef<readonly string[]>([]);
  const drawn = useRef<ReadonlyMap<string, AlarmView>>(new Map());
  if (!ready) return html`<section class="abnormal"><${Loading} what="alarms" /></section>`;
  const active = [...alarms.values()].filter((alarm) => listOf(alarm) === 'active' && alarm.detail !== 'NORMAL');
  const { ids, waiting } = arrange(arranged.current, active, held);
  arranged.current = ids;
  if (ids.length === 0) {
    return html`<section class="abnormal calm" aria-label="Abnormal now" ...${on}><p>${heartbeat?.notRecorded === true ? NOTHING_KNOWN : away.length > 0 ? nothingHeard(away) : NOTHING_ABNORMAL}</p></section>`;
  }
  const room = STRIP.rows * columns;
  const shown = ids.slice(0, ids.length > room ? room - 1 : room);
  // One that went away while the strip is held stays in its place, as it was.
  const items = shown.flatMap((id) => alarms.get(id) ?? drawn.current.get(id) ?? []);
  drawn.current = new Map(items.map((alarm) => [alarm.id, alarm]));
  const current = new Set(active.map(({ id }) => id));
  const style = { gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` };
  return html`<section class=${shown.length <= columns ? 'abnormal few' : 'abnormal'} style=${style} aria-label="Abnormal now" ...${on}>
    ${items.map((alarm) => html`<${AbnormalItem} key=${alarm.id} alarm=${alarm} gone=${!current.has(alarm.id)} />`)}
    ${ids.length > shown.length && html`<a class="abnormal-item more" href="/alarms">and ${ids.length - shown.length} more alarms</a>`}
    ${waiting.length > 0 && html`<span class="abnormal-waiting" role="status"><${SymbolOf} alarm=${waiting[0]} /> ${waiting.length} new</span>`}
  </section>`;
}

function AbnormalItem({ alarm, gone }: { readonly alarm: AlarmView; readonly gone: boolean }) {
  const wall = useWall();
  const [kind, id] = split(alarm.entity);
  useSignal(wall.away.groups);
  const away = wall.away.of(alarm.entity);
  return html`<a class=${gone ? 'abnormal-item gone' : 'abnormal-item'} href=${`/${kind}/${encodeURIComponent(id)}`}>
    <${SymbolOf} alarm=${alarm} />
    <span class="abnormal-text">
      <span class="abnormal-line abnormal-title"><strong>${wall.nameOf(alarm.entity)}</strong> <span>${alarm.name}</span></span>
      <span class="abnormal-line abnormal-message">${alarm.notRecorded === true && html`<${NotRecordedYet} /> `}${alarm.message}</span>
      <span class="abnormal-line dim">${away !== null && html`<${AsOf} away=${away} zone=${wall.zoneOf(alarm.site)} /> `}${gone ? 'Gone · ' : ''}<${Moment} timeMs=${alarm.raisedAtMs} zone=${wall.zoneOf(alarm.site)} /> · <${Age} timeMs=${alarm.raisedAtMs} /> · ${wall.nameOf(`site/${alarm.site}`)}</span>
    </span>
  </a>`;
}

/** Held as long as the pointer or the focus is on the part that takes these listeners. */
function useHold() {
  const [hovered, setHovered] = useState(false);
  const [inFocus, setInFocus] = useState(false);
  const on = {
    onPointerEnter: () => setHovered(true),
    onPointerLeave: () => setHovered(false),
    onFocusIn: () => setInFocus(true),
    onFocusOut: ({ currentTarget, relatedTarget }: FocusEvent) =>
      setInFocus(
        currentTarget instanceof Node && relatedTarget instanceof Node && currentTarget.contains(relatedTarget),
      ),
  };
  return { held: hovered || inFocus, on };
}

interface SitePanelProps {
  readonly site: string;
  readonly assets: readonly string[];
  readonly layout: OverviewLayout;
  readonly values: Cells<AssetView> | null;
}

function SitePanel({ site, assets, layout, values }: SitePanelProps) {
  const wall = useWall();
  const short = shortNames(assets.map((asset) => wall.nameOf(`asset/${asset}`)));
  return html`<section class="site-panel" aria-label=${wall.nameOf(`site/${site}`)}>
    <${SiteHeader} site=${site} />
    <div
      class=${`tiles ${layout.tile}`}
      style=${{ gridTemplateColumns: `repeat(auto-fill, minmax(${layout.tileWidth}rem, 1fr))`, gridAutoRows: `${layout.tileHeight}rem` }}
    >
      ${assets.map((asset, i) => html`<${Tile} key=${asset} asset=${asset} short=${short[i]} kind=${layout.tile} values=${values} />`)}
    </div>
  </section>`;
}

function SiteHeader({ site }: { readonly site: string }) {
  const wall = useWall();
  const props = useGroup(wall.sites, site, 'props');
  const several = useSignal(wall.pageZone.several);
  const away = useAway(wall.sites, site);
  if (props === undefined) return null;
  const zone = wall.zoneOf(site);
  const offline = (props.devicesOffline ?? 0) + (props.devicesUnknown ?? 0);
  return html`<header class=${away === null ? 'site-header' : 'site-header is-away'}>
    <div class="site-title">
      <h2><a href=${`/site/${encodeURIComponent(site)}`}>${props.name ?? site}</a></h2>
      ${away !== null && html`<${AsOf} away=${away} zone=${zone} />`}
      ${several && html`<${ZoneClock} zone=${zone} />`}
    </div>
    <div class="site-line">
      <${SiteAlarms} site=${site} props=${props} known=${away?.neverHeard !== true} />
      <span class="pair"><span class="dim">Health</span> <${Health} value=${props.health} /></span>
      <span class=${offline > 0 ? 'pair notable' : 'pair'}><span class="dim">Online</span> <span class="number">${props.devicesOnline}/${props.devices}</span>${offline > 0 && html` <span class="number">✕ ${offline}</span>`}</span>
      ${(props.openWorkOrders ?? 0) > 0 && html`<span class="pair"><span class="dim">Orders</span> <span class="number">${props.openWorkOrders}</span></span>`}
    </div>
    <${KeyFigures} site=${site} />
  </header>`;
}

const BY_SEVERITY = [
  ['CRITICAL', 'alarmsCritical'],
  ['HIGH', 'alarmsHigh'],
  ['MEDIUM', 'alarmsMedium'],
  ['LOW', 'alarmsLow'],
] as const;

interface SiteAlarmsProps {
  readonly site: string;
  readonly props: Partial<SiteView['props']>;
  /** False where nobody has ever told of the site. */
  readonly known: boolean;
}

function SiteAlarms({ site, props, known }: SiteAlarmsProps) {
  const some = BY_SEVERITY.filter(([, key]) => (props[key] ?? 0) > 0);
  if (some.length === 0) return html`<span class="site-alarms dim">${known ? 'No alarms' : 'Alarms not known'}</span>`;
  return html`<span class="site-alarms">
    ${some.map(([severity, key]) => html`<span class="pair"><${GravestSymbol} group=${`site/${site} ${severity}`} /><span class="number">${props[key]}</span></span>`)}
  </span>`;
}

export function KeyFigures({ site }: { readonly site: string }) {
  const wall = useWall();
  const figures = useGroup(wall.sites, site, 'figures') ?? {};
  return html`<div class="figures">
    ${Object.entries(figures).map(
      ([key, figure]) =>
        figure &&
        html`<span class="figure" key=${key}><span class="dim">${figure.title}</span> <${Figure} site=${site} figure=${key} unit=${figure.unit} decimals=${figure.decimals} /></span>`,
    )}
  </div>`;
}

function Figure({ site, figure, unit, decimals }: { site: string; figure: string; unit: string; decimals: number }) {
  const { sites } = useWall();
  const value = useField(sites, site, 'values', figure);
  const mark = useField(sites, site, 'marks', figure);
  return html`<${Reading} value=${value} mark=${mark} unit=${unit} decimals=${decimals} />`;
}

interface TileProps {
  readonly asset: string;
  readonly short: string;
  readonly kind: OverviewLayout['tile'];
  readonly values: Cells<AssetView> | null;
}

/** Plain while the asset is well; a symbol, a frame and full ink when it is not. */
function Tile({ asset, short, kind, values }: TileProps) {
  const wall = useWall();
  const entity = useEntity(wall.assets, asset);
  const props = entity?.props;
  const worst = useGravest(`asset/${asset}`);
  const away = useAway(wall.assets, asset);
  const zone = wall.zoneOf(props?.site);
  const marks = Object.values(entity?.marks ?? {}).filter((mark) => mark !== undefined);
  const doubtful = away !== null || props?.connected === false || marks.length > 0;
  if (kind === 'abnormal' && worst === undefined && !doubtful) return null;
  const name = props?.name ?? asset;
  const classes = [
    'tile',
    worst === undefined ? '' : 'abnormal-tile',
    doubtful ? 'doubtful' : '',
    away === null ? '' : 'is-away',
    props?.connected === false ? 'disconnected' : '',
    props?.status === 'operational' ? '' : 'not-operational',
  ];
  const condition = [
    away && `away, ${whoIsSilent(away).toLowerCase()} since ${formatMoment(away.sinceMs, zone, wall.clock.nowMs())}`,
    worst && `${worst.severity.toLowerCase()} ${lookOf(worst).words.toLowerCase()}`,
    props?.connected === false ? 'not connected' : '',
    marks.length > 0 ? `${marks.length} values not good` : '',
    props?.status === 'operational' ? '' : props?.status,
  ];
  const words = condition.filter(Boolean).join(', ') || 'normal';
  return html`<a class=${classes.join(' ')} href=${`/asset/${encodeURIComponent(asset)}`} title=${`${name}: ${words}`} aria-label=${`${name}: ${words}`}>
    <span class="tile-name">
      ${worst !== undefined && html`<${SymbolOf} alarm=${worst} />`}
      ${worst === undefined && doubtful && html`<span class="tile-mark" aria-hidden="true">${props?.connected === false ? '✕' : '◷'}</span>`}
      ${props?.status === 'maintenance' && html`<span class="tile-mark" aria-hidden="true">M</span>`}
      ${kind !== 'dot' && html`<span class="tile-text">${kind === 'card' || kind === 'line' ? name : short}</span>`}
      ${away !== null && kind === 'card' && html`<${AsOf} away=${away} zone=${zone} />`}
    </span>
    ${(kind === 'card' || kind === 'line') && values !== null && html`<${TileValues} cells=${values} asset=${asset} most=${kind === 'card' ? 2 : 1} />`}
  </a>`;
}

function TileValues({
  cells,
  asset,
  most,
}: {
  readonly cells: Cells<AssetView>;
  readonly asset: string;
  readonly most: number;
}) {
  const metrics = useGroup(cells, asset, 'metrics') ?? {};
  const keys = Object.entries(metrics).filter(([, info]) => info?.key);
  return html`<span class="tile-values">
    ${keys.slice(0, most).map(([metric, info]) => html`<span class="tile-value" key=${metric}><span class="dim">${info?.title}</span><${MetricValue} cells=${cells} id=${asset} metric=${metric} /></span>`)}
  </span>`;
}

/** Grouped anew when an asset comes or goes, not when a value moves. */
function useAssetsBySite(): ReadonlyMap<string, readonly string[]> {
  const wall = useWall();
  const ids = useIds(wall.assets);
  const groups = new Map<string, string[]>();
  for (const id of ids) {
    const site = wall.assets.get(id)?.props?.site ?? '';
    const group = groups.get(site);
    if (group === undefined) groups.set(site, [id]);
    else group.push(id);
  }
  return groups;
}

function useSizeInRem(area: { readonly current: HTMLElement | null }): {
  readonly width: number;
  readonly height: number;
} {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    const measure = () => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      setSize({ width: element.clientWidth / rem, height: element.clientHeight / rem });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [area]);
  return size;
}

/** Arrow keys go from tile to tile by where they stand on the screen. */
function useTileKeys(area: { readonly current: HTMLElement | null }): void {
  const go = (dx: number, dy: number) => {
    const tiles = [
      ...(area.current?.parentElement?.querySelectorAll<HTMLElement>('.abnormal-item, .tile, .site-title a') ?? []),
    ];
    const from =
      document.activeElement instanceof HTMLElement && tiles.includes(document.activeElement)
        ? document.activeElement
        : null;
    (from === null ? tiles[0] : nearest(tiles, from, dx, dy))?.focus();
  };
  useKeys({
    ArrowRight: () => go(1, 0),
    ArrowLeft: () => go(-1, 0),
    ArrowDown: () => go(0, 1),
    ArrowUp: () => go(0, -1),
  });
}

function nearest(tiles: readonly HTMLElement[], from: HTMLElement, dx: number, dy: number): HTMLElement | undefined {
  const start = from.getBoundingClientRect();
  let best: HTMLElement | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const tile of tiles) {
    const to = tile.getBoundingClientRect();
    const x = to.left + to.width / 2 - start.left - start.width / 2;
    const y = to.top + to.height / 2 - start.top - start.height / 2;
    const along = x * dx + y * dy;
    if (tile === from || along <= 1) continue;
    const distance = along + 3 * Math.abs(x * dy + y * dx);
    if (distance < least) {
      least = distance;
      best = tile;
    }
  }
  return best;
}
