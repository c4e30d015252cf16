import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { DeviceView, WriteView } from '../../actors/views.ts';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { Connectivity, Empty, Loading } from '../parts/condition.ts';
import { Dialog, Field, textOf } from '../parts/dialog.ts';
import { Age, Moment, ZoneClock } from '../parts/moment.ts';
import { Reading } from '../parts/value.ts';
import { markWords } from '../parts/value-look.ts';
import { type Cells, useField, useGroup } from '../store/cells.ts';
import { formatBoth, formatValue, words } from '../store/format.ts';
import { useTopic } from '../store/live-topic.ts';
import { isRecord } from '../store/session.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { skew } from './devices.ts';

/** Level 4: one device with every point, its link, and the writes to it. */
export function Device({ device }: { readonly device: string }) {
  const wall = useWall();
  const { cells } = useTopic<DeviceView>('devices', { ids: [device] });
  const ready = useSignal(cells.ready);
  const props = useGroup(cells, device, 'props');
  const alarms = useSignal(wall.book.alarms);
  const [writing, setWriting] = useState<string | null>(null);
  if (props === undefined)
    return html`<main class="page">${ready ? html`<${Empty}>There is no device “${device}”.</${Empty}>` : html`<${Loading} what="device" />`}</main>`;
  const zone = wall.zoneOf(props.site);
  const own = [...alarms.values()].filter((alarm) => alarm.entity === `device/${device}`);
  return html`<main class="page device-page">
    <header class="page-header">
      <div>
        <p class="path"><a href=${`/site/${encodeURIComponent(props.site ?? '')}`}>${wall.nameOf(`site/${props.site}`)}</a> › ${props.driver} › ${props.connection}</p>
        <h1>${props.name ?? device}</h1>
      </div>
      <${Connectivity} state=${props.connectivity} />
      <span>${words(props.connectivityReason ?? '')} ${props.connectivityDetail && html`<span class="dim">${props.connectivityDetail}</span>`}</span>
      <span class="pair"><span class="dim">for</span> <${Age} timeMs=${props.lastConnectivityChangeMs} /></span>
      <span class="pair"><span class="dim">Last seen</span> <${Age} timeMs=${props.lastSeenMs} /></span>
      ${props.decommissioned && html`<span class="tag strong">decommissioned</span>`}
      <span class="spacer"></span>
      <${ZoneClock} zone=${zone} />
    </header>
    <div class="device-columns">
      <section class="panel scroll" aria-label="Points">
        <h2>Points</h2>
        <${Points} cells=${cells} device=${device} zone=${zone} onWrite=${setWriting} />
      </section>
      <div class="column">
        <section class="panel"><h2>Device</h2>
          <dl class="facts">
            <div><dt>Clock skew</dt><dd>${skew(props.clockSkewMs)}</dd></div>
            <div><dt>Readings taken</dt><dd>${props.frames} scans</dd></div>
            <div><dt>Gaps</dt><dd>${props.gaps}</dd></div>
            <div><dt>Refused</dt><dd>${props.rejected}</dd></div>
            <div><dt>Last seen</dt><dd>${formatBoth(props.lastSeenMs, zone)}</dd></div>
            ${props.serialNumber && html`<div><dt>Serial number</dt><dd>${props.serialNumber}</dd></div>`}
            <div><dt>Assets</dt><dd>${(props.linkedAssets ?? []).length === 0 ? 'none' : props.linkedAssets?.map((asset) => html`<a href=${`/asset/${encodeURIComponent(asset)}`}>${wall.nameOf(`asset/${asset}`)}</a> `)}</dd></div>
          </dl>
        </section>
        <${LinkFacts} cells=${cells} device=${device} zone=${zone} />
        ${own.map((alarm) => html`<section class="panel" key=${alarm.id}><${AlarmDetail} alarm=${alarm} link=${false} /></section>`)}
        <${Writes} cells=${cells} device=${device} zone=${zone} />
      </div>
    </div>
    ${writing !== null && html`<${WriteDialog} cells=${cells} device=${device} point=${writing} onClose=${() => setWriting(null)} />`}
  </main>`;
}

interface PartProps {
  readonly cells: Cells<DeviceView>;
  readonly device: string;
  readonly zone: string;
}

function Points({ cells, device, zone, onWrite }: PartProps & { readonly onWrite: (point: string) => void }) {
  const points = useGroup(cells, device, 'points') ?? {};
  const names = Object.keys(points);
  if (names.length === 0) return html`<${Empty}>This device has no points.</${Empty}>`;
  return html`<table class="table">
    <thead><tr><th>Point</th><th class="right">Value</th><th>Quality</th><th>Device time</th><th class="right">Age</th><th class="right">Possible</th><th></th></tr></thead>
    <tbody>${names.map((point) => html`<${PointRow} key=${point} cells=${cells} device=${device} point=${point} zone=${zone} onWrite=${onWrite} />`)}</tbody>
  </table>`;
}

interface PointProps extends PartProps {
  readonly point: string;
  readonly onWrite: (point: string) => void;
}

function PointRow({ cells, device, point, zone, onWrite }: PointProps) {
  const wall = useWall();
  const info = useField(cells, device, 'points', point);
  const value = useField(cells, device, 'values', point);
  const time = useField(cells, device, 'times', point);
  const mark = useField(cells, device, 'marks', point);
  const range =
    info?.min == null && info?.max == null
      ? ''
      : `${formatValue(info?.min, info?.decimals)} … ${formatValue(info?.max, info?.decimals)}`;
  return html`<tr>
    <td>${info?.title ?? point} ${info?.title !== point && html`<code class="dim">${point}</code>`}</td>
    <td class="right"><${Reading} value=${value} mark=${mark} unit=${info?.unit ?? ''} decimals=${info?.decimals ?? 2} /></td>
    <td class=${mark === undefined ? 'dim' : ''}>${mark === undefined ? 'good' : markWords(mark)}</td>
    <td><${Moment} timeMs=${time} zone=${zone} /></td>
    <td class="right dim"><${Age} timeMs=${time} /></td>
    <td class="right dim">${range}</td>
    <td>${info?.writable && wall.may('device:write') && html`<button type="button" class="button" onClick=${() => onWrite(point)}>Write …</button>`}</td>
  </tr>`;
}

/** The newest report of the driver, as it gives it. */
function LinkFacts({ cells, device, zone }: PartProps) {
  const link = useGroup(cells, device, 'link') ?? {};
  const entries = Object.entries(link).filter(([, value]) => value !== null && value !== undefined);
  return html`<section class="panel" aria-label="Connection">
    <h2>Connection</h2>
    ${entries.length === 0 && html`<${Empty}>No report of the connection yet.</${Empty}>`}
    <dl class="facts">${entries.map(([key, value]) => html`<div key=${key}><dt>${words(key.replace(/(At)?Ms$/, ''))}</dt><dd>${factText(key, value, zone)}</dd></div>`)}</dl>
  </section>`;
}

function factText(key: string, value: unknown, zone: string): string {
  if (typeof value === 'number') {
    if (key.endsWith('AtMs')) return formatBoth(value, zone);
    return `${Math.round(value * 100) / 100}${key.endsWith('Ms') ? ' ms' : ''}`;
  }
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  if (!isRecord(value)) return '';
  // The unit of a group (`latencyMs: {p50, p99}`) is that of its parts.
  const unit = key.endsWith('Ms') && !key.endsWith('AtMs') ? 'Ms' : '';
  const parts = Object.entries(value).map(
    ([name, part]) => `${words(name.replace(/(At)?Ms$/, ''))} ${factText(`${name}${unit}`, part, zone)}`,
  );
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function Writes({ cells, device, zone }: PartProps) {
  const writes = useGroup(cells, device, 'writes') ?? {};
  const newest = Object.entries(writes)
    .filter((entry): entry is [string, WriteView] => entry[1] !== undefined)
    .sort(([, a], [, b]) => b.requestedAtMs - a.requestedAtMs);
  if (newest.length === 0) return null;
  return html`<section class="panel" aria-label="Writes">
    <h2>Writes</h2>
    <ul class="plain-list">
      ${newest.map(
        ([id, write]) =>
          html`<li key=${id}><${Moment} timeMs=${write.requestedAtMs} zone=${zone} /> <strong>${write.point}</strong> = ${formatValue(write.value, 2)} <span class="tag ${write.state === 'failed' || write.state === 'timed_out' ? 'strong' : ''}">${words(write.state)}</span> <span class="dim">${write.by} ${write.message ?? ''}</span></li>`,
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
  const [text, setText] = useState('');
  const value = writtenValue(text, now);
  const tooLow = typeof value === 'number' && info?.min != null && value < info.min;
  const tooHigh = typeof value === 'number' && info?.max != null && value > info.max;
  const confirm = () => {
    onClose();
    void wall.feedback.send(`Write ${info?.title ?? point} = ${text} ${info?.unit ?? ''}`, `device/${device}`, {
      kind: 'WritePoint',
      point,
      value,
      timeoutMs: 5000,
    });
  };
  const hint =
    info?.min == null && info?.max == null
      ? ''
      : `Allowed: ${formatValue(info?.min, info?.decimals)} to ${formatValue(info?.max, info?.decimals)} ${info?.unit}`;
  return html`<${Dialog} title=${`Write to ${info?.title ?? point}`} confirm="Write to the device" onConfirm=${confirm} onClose=${onClose} disabled=${value === null || tooLow || tooHigh}>
    <p>On <strong>${wall.nameOf(`device/${device}`)}</strong>. Value now: <${Reading} value=${now} mark=${undefined} unit=${info?.unit ?? ''} decimals=${info?.decimals ?? 2} /></p>
    <${Field} label=${`New value ${info?.unit ?? ''}`} hint=${hint}><input type="text" data-first inputmode="decimal" value=${text} onInput=${(event: Event) => setText(textOf(event))} /></${Field}>
  </${Dialog}>`;
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
