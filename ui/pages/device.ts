import { html } from 'htm/preact';
import { useRef, useState } from 'preact/hooks';
import type { DeviceView, WriteView } from '../../actors/views.ts';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { Standing } from '../parts/away.ts';
import { Connectivity, Empty, Loading } from '../parts/condition.ts';
import { Dialog, Field, textOf } from '../parts/dialog.ts';
import { LinkFacts } from '../parts/link-facts.ts';
import { Age, Moment, StatedOffset } from '../parts/moment.ts';
import { ReadingTimes, skewText } from '../parts/reading-times.ts';
import { Reading } from '../parts/value.ts';
import { markWords } from '../parts/value-look.ts';
import { useAway } from '../store/away.ts';
import { type Cells, useField, useGroup } from '../store/cells.ts';
import { capital } from '../store/fact-words.ts';
import { formatNumber, formatValue, NOTHING, words } from '../store/format.ts';
import { useInspection } from '../store/inspection.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { useParent } from '../store/parent.ts';
import { reasonWords } from '../store/reasons.ts';
import { humanDurations } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { outcomeOfWrite } from '../store/write-outcome.ts';

/** How long a write may take until it is sent. */
const WRITE_TIMEOUT_MS = 5000;

/** Level 4: one device with every point, its link, and the writes to it. */
export function Device({ device }: { readonly device: string }) {
  const wall = useWall();
  const { cells } = useTopic<DeviceView>('devices', { ids: [device] });
  const ready = useSignal(cells.ready);
  const props = useGroup(cells, device, 'props');
  const away = useAway(cells, device);
  const alarms = useSignal(wall.book.alarms);
  const [writing, setWriting] = useState<string | null>(null);
  usePageSite(props?.site);
  useParent(parentOf(props));
  if (props === undefined)
    return html`<main class="page">${ready ? html`<${Empty}>There is no device “${device}”. <a href="/devices">All devices</a></${Empty}>` : html`<${Loading} what="device" />`}</main>`;
  const zone = wall.zoneOf(props.site);
  const own = [...alarms.values()].filter((alarm) => alarm.entity === `device/${device}`);
  return html`<main class=${away === null ? 'page device-page' : 'page device-page is-away'}>
    <header class="page-header">
      <div>
        <p class="path"><a href=${`/site/${encodeURIComponent(props.site ?? '')}`}>${wall.nameOf(`site/${props.site}`)}</a> › ${words(props.driver ?? '')} › <a href=${`/connection/${encodeURIComponent(props.connection ?? '')}`}>${wall.nameOf(`connection/${props.connection}`)}</a></p>
        <h1>${props.name ?? device}</h1>
      </div>
      <${Connectivity} state=${props.connectivity} />
      <span>${reasonText(props)}${props.connectivityDetail && html`<span class="dim">, ${humanDurations(props.connectivityDetail)}</span>`}</span>
      <span class="pair"><span class="dim">In this state for</span> <${Age} timeMs=${props.lastConnectivityChangeMs} /></span>
      <span class="pair"><span class="dim">Last seen</span> <span><${Age} timeMs=${props.lastSeenMs} /> ago</span></span>
      ${props.decommissioned && html`<span class="tag strong">decommissioned</span>`}
      <span class="spacer"></span>
      </header>
    <${Standing} cells=${cells} id=${device} zone=${zone} />
    <div class="device-columns">
      <section class="panel scroll" aria-label="Points">
        <h2>Points</h2>
        <${Points} cells=${cells} device=${device} zone=${zone} onWrite=${setWriting} />
      </section>
      <div class="column">
        ${own.map((alarm) => html`<section class="panel" key=${alarm.id}><${AlarmDetail} alarm=${alarm} link=${false} keys=${own.length === 1} /></section>`)}
        <section class="panel" aria-label="Device"><h2>Device</h2>
          <dl class="facts">
            <div><dt>Last seen</dt><dd><${Moment} timeMs=${props.lastSeenMs} zone=${zone} /></dd></div>
            <div><dt>Clock skew</dt><dd>${skewText(props.clockSkewMs)}</dd></div>
            <div><dt>Scans taken</dt><dd>${count(props.frames)}</dd></div>
            <div><dt>Gaps</dt><dd>${count(props.gaps)}</dd></div>
            <div><dt>Refused</dt><dd>${count(props.rejected)} readings</dd></div>
            ${props.serialNumber && html`<div><dt>Serial number</dt><dd>${props.serialNumber}</dd></div>`}
            <div><dt>Assets</dt><dd>${(props.linkedAssets ?? []).length === 0 ? 'none' : html`<ul class="inline-list">${props.linkedAssets?.map((asset) => html`<li key=${asset}><a href=${`/asset/${encodeURIComponent(asset)}`}>${wall.nameOf(`asset/${asset}`)}</a></li>`)}</ul>`}</dd></div>
          </dl>
        </section>
        <${LinkFacts} cells=${cells} device=${device} zone=${zone} />
        <${Writes} cells=${cells} device=${device} zone=${zone} />
      </div>
    </div>
    ${writing !== null && html`<${WriteDialog} cells=${cells} device=${device} point=${writing} onClose=${() => setWriting(null)} />`}
  </main>`;
}

/** The asset that it serves, or its site. */
function parentOf(props: Partial<DeviceView['props']> | undefined): string | undefined {
  const [asset] = props?.linkedAssets ?? [];
  if (asset !== undefined) return `/asset/${encodeURIComponent(asset)}`;
  return props?.site === undefined ? undefined : `/site/${encodeURIComponent(props.site)}`;
}

interface PartProps {
  readonly cells: Cells<DeviceView>;
  readonly device: string;
  readonly zone: string;
}

function Points({ cells, device, zone, onWrite }: PartProps & { readonly onWrite: (point: string) => void }) {
  const points = useGroup(cells, device, 'points') ?? {};
  const names = Object.keys(points);
  const table = useRef<HTMLTableElement>(null);
  const { open, toggle } = useInspection(table, names);
  if (names.length === 0) return html`<${Empty}>This device has no points.</${Empty}>`;
  return html`<table class="table points-table offset-stated" ref=${table}>
    <thead><tr><th>Point</th><th class="right">Value</th><th>Quality</th><th>Source time <${StatedOffset} /></th><th class="right">Age</th><th class="right">Possible range</th><th></th></tr></thead>
    <tbody>${names.map((point) => html`<${PointRow} key=${point} cells=${cells} device=${device} point=${point} zone=${zone} open=${open.has(point)} onInspect=${toggle} onWrite=${onWrite} />`)}</tbody>
  </table>`;
}

interface PointProps extends PartProps {
  readonly point: string;
  readonly open: boolean;
  readonly onInspect: (point: string) => void;
  readonly onWrite: (point: string) => void;
}

function PointRow({ cells, device, point, zone, open, onInspect, onWrite }: PointProps) {
  const wall = useWall();
  const info = useField(cells, device, 'points', point);
  const value = useField(cells, device, 'values', point);
  const time = useField(cells, device, 'times', point);
  const mark = useField(cells, device, 'marks', point);
  return html`<tr data-value=${point}>
      <td><button type="button" class="link" data-inspect aria-expanded=${open} title="Source and receive time, quality (i)" onClick=${() => onInspect(point)}><span class="fold" aria-hidden="true">${open ? '−' : '+'}</span> ${pointTitle(point, info?.title)}</button></td>
      <td class="right"><${Reading} value=${value} mark=${mark} unit=${info?.unit ?? ''} decimals=${info?.decimals ?? 2} /></td>
      <td class=${mark === undefined ? 'dim' : ''}>${mark === undefined ? (value === undefined ? NOTHING : 'good') : markWords(mark)}</td>
      <td><${Moment} timeMs=${time} zone=${zone} /></td>
      <td class="right dim"><${Age} timeMs=${time} /></td>
      <td class="right dim">${rangeText(info)}</td>
      <td class="right">${info?.writable && wall.may('device:write') && html`<button type="button" class="button" onClick=${() => onWrite(point)}>Write …</button>`}</td>
    </tr>
    ${open && html`<tr class="point-detail"><td colspan="7"><${PointDetail} cells=${cells} device=${device} point=${point} zone=${zone} /></td></tr>`}`;
}

/** Without a title of its own a point is called by its name, in words. */
function pointTitle(point: string, title: string | undefined): string {
  return title === undefined || title === point ? capital(words(point)) : title;
}

function rangeText(info: Partial<DeviceView['points'][string]> | undefined): string {
  if (info?.min == null && info?.max == null) return '';
  return `${bound(info.min)} … ${bound(info.max)} ${info.unit}`;
}

/** A limit of the file is written as short as it is: 200, not 200.00. */
function bound(value: number | null | undefined): string {
  return value == null ? NOTHING : formatNumber(value, Math.min(3, String(value).split('.')[1]?.length ?? 0));
}

/** What stands behind a value: both of its times, its quality and since when, its name in the topology file. */
function PointDetail({ cells, device, point, zone }: PartProps & { readonly point: string }) {
  const info = useField(cells, device, 'points', point);
  const time = useField(cells, device, 'times', point);
  const received = useField(cells, device, 'received', point);
  const mark = useField(cells, device, 'marks', point);
  return html`<dl class="facts">
    <${ReadingTimes} sourceMs=${time} receivedMs=${received} zone=${zone} />
    <div><dt>Quality</dt><dd>${mark === undefined ? 'good' : html`${markWords(mark)}, since <${Moment} timeMs=${mark.sinceMs} zone=${zone} />`}</dd></div>
    ${mark?.lastGood && html`<div><dt>Last good</dt><dd>${formatValue(mark.lastGood.value, info?.decimals)} ${info?.unit}, <${Moment} timeMs=${mark.lastGood.timeMs} zone=${zone} /></dd></div>`}
    <div><dt>Name</dt><dd><code>${point}</code> in the topology file</dd></div>
  </dl>`;
}

function Writes({ cells, device, zone }: PartProps) {
  const writes = useGroup(cells, device, 'writes') ?? {};
  const points = useGroup(cells, device, 'points') ?? {};
  const titleOf = (point: string) => pointTitle(point, points[point]?.title);
  const newest = Object.entries(writes)
    .filter((entry): entry is [string, WriteView] => entry[1] !== undefined)
    .sort(([, a], [, b]) => b.requestedAtMs - a.requestedAtMs);
  if (newest.length === 0) return null;
  return html`<section class="panel" aria-label="Writes">
    <h2>Writes</h2>
    <ul class="plain-list">
      ${newest.map(
        ([id, write]) =>
          html`<li key=${id}><${Moment} timeMs=${write.requestedAtMs} zone=${zone} /> <strong>${titleOf(write.point)}</strong> = ${formatValue(write.value, 2)} <span class="tag ${write.state === 'failed' || write.state === 'timed_out' ? 'strong' : ''}">${words(write.state)}</span> <span class="dim">by ${write.by}${writeEnd(write)}</span></li>`,
      )}
    </ul>
  </section>`;
}

interface WriteDialogProps {
  readonly cells: Cells<DeviceView>;
  readonly device: string;
  readonly point: string;
  readonly onClose: () => void;
}

function WriteDialog({ cells, device, point, onClose }: WriteDialogProps) {
  const wall = useWall();
  const info = useField(cells, device, 'points', point);
  const now = useField(cells, device, 'values', point);
  const mark = useField(cells, device, 'marks', point);
  const [text, setText] = useState('');
  const value = writtenValue(text, now);
  const tooLow = typeof value === 'number' && info?.min != null && value < info.min;
  const tooHigh = typeof value === 'number' && info?.max != null && value > info.max;
  const confirm = () => {
    onClose();
    void wall.feedback.send(
      `Write ${info?.title ?? point} = ${text} ${info?.unit ?? ''}`,
      `device/${device}`,
      { kind: 'WritePoint', point, value, timeoutMs: WRITE_TIMEOUT_MS },
      (accepted) => outcomeOfWrite(wall.connection, { device, accepted, timeoutMs: WRITE_TIMEOUT_MS }),
    );
  };
  const hint =
    info?.min == null && info?.max == null
      ? ''
      : `Allowed: ${formatValue(info?.min, info?.decimals)} to ${formatValue(info?.max, info?.decimals)} ${info?.unit}`;
  return html`<${Dialog} title=${`Write to ${info?.title ?? point}`} confirm="Write to the device" onConfirm=${confirm} onClose=${onClose} disabled=${value === null || tooLow || tooHigh}>
    <p>On <strong>${wall.nameOf(`device/${device}`)}</strong>. Value now: <${Reading} value=${now} mark=${mark} unit=${info?.unit ?? ''} decimals=${info?.decimals ?? 2} /></p>
    <${Field} label=${`New value ${info?.unit ?? ''}`} hint=${hint}><input type="text" data-first inputmode="decimal" value=${text} onInput=${(event: Event) => setText(textOf(event))} /></${Field}>
  </${Dialog}>`;
}

/** What became of a write that was not simply carried out. */
function writeEnd({ code, message }: WriteView): string {
  if (!code) return message ? `: ${message}` : '';
  return `: ${reasonWords(code)}${message ? ` (${humanDurations(message)})` : ''}`;
}

/** Why it is online or not; that it is connected goes without saying. */
function reasonText(props: Partial<DeviceView['props']>): string {
  const reason = props.connectivityReason ?? '';
  return reason === 'connected' ? '' : reasonWords(reason);
}

function count(value: number | undefined): string {
  return value === undefined ? NOTHING : formatNumber(value, 0);
}

/** As the point's value now: a number stays a number. */
function writtenValue(text: string, now: unknown): number | boolean | string | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (typeof now === 'boolean')
    return /^(on|true|1)$/i.test(trimmed) ? true : /^(off|false|0)$/i.test(trimmed) ? false : null;
  if (typeof now === 'string') return trimmed;
  const number = Number(trimmed.replace(',', '.'));
  return Number.isFinite(number) ? number : null;
}
