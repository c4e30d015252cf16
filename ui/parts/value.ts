import { html } from 'htm/preact';
import type { AssetView, Mark, MetricInfo } from '../../actors/views.ts';
import { PRIORITY } from '../store/alarm-order.ts';
import { type Cells, useField } from '../store/cells.ts';
import { formatValue, NOTHING } from '../store/format.ts';
import { directionOf } from '../store/trend-direction.ts';
import { Age } from './moment.ts';
import { barGeometry, drawnSpan, inputWords, markWords, valueLook } from './value-look.ts';

interface MetricProps {
  readonly cells: Cells<AssetView>;
  readonly id: string;
  readonly metric: string;
}

/** One live number with its unit: draws itself again on its own changes and on nothing else. */
export function MetricValue({ cells, id, metric }: MetricProps) {
  const value = useField(cells, id, 'values', metric);
  const mark = useField(cells, id, 'marks', metric);
  const info = useField(cells, id, 'metrics', metric);
  return html`<${Reading} value=${value} mark=${mark} unit=${info?.unit ?? ''} decimals=${info?.decimals ?? 1} />`;
}

interface ReadingProps {
  readonly value: unknown;
  readonly mark: Mark | undefined;
  readonly unit: string;
  readonly decimals: number;
}

/**
 * A value and its honesty: a stale one is grey with its age, a bad one is struck out and replaced by the last good one in
 * brackets, a frozen one stands between bars, an uncertain one carries a question mark; one that is of some of its inputs
 * alone says of how many.
 */
export function Reading({ value, mark, unit, decimals }: ReadingProps) {
  const look = valueLook(value, mark);
  const shown = isPoint(value) ? formatValue(value, decimals) : NOTHING;
  const last = mark?.lastGood === undefined ? null : formatValue(mark.lastGood.value, decimals);
  const bad = look === 'bad';
  return html`<span class=${`reading ${look}`} title=${mark === undefined ? undefined : markWords(mark)}>
    ${look === 'stale' && html`<span class="mark-sign" aria-hidden="true">◷</span>`}
    ${look === 'frozen' && html`<span class="mark-sign" aria-hidden="true">‖</span>`}
    ${look === 'uncertain' && html`<span class="mark-sign" aria-hidden="true">?</span>`}
    ${bad && html`<span class="mark-sign bad-sign">BAD</span>`}
    <span class="number">${bad ? (last === null ? NOTHING : `(${last})`) : shown}</span>
    ${look !== 'missing' && !(bad && last === null) && html`<span class="unit">${unit}</span>`}
    ${mark?.inputs !== undefined && html`<span class="mark-inputs">${inputWords(mark.inputs)}</span>`}
    ${(look === 'stale' || look === 'frozen') && mark !== undefined && html`<span class="mark-age">${look} <${Age} timeMs=${mark.sinceMs} /></span>`}
  </span>`;
}

const ARROWS = {
  'rising-fast': ['⇈', 'rising fast'],
  rising: ['↑', 'rising'],
  steady: ['', 'steady'],
  falling: ['↓', 'falling'],
  'falling-fast': ['⇊', 'falling fast'],
} as const;

/** Direction of the trend against the last closed minute. */
export function TrendArrow({ cells, id, metric }: MetricProps) {
  const value = useField(cells, id, 'values', metric);
  const info = useField(cells, id, 'metrics', metric);
  const minute = useField(cells, id, 'windows', `${metric}@1m`);
  const mark = useField(cells, id, 'marks', metric);
  if (mark !== undefined) return null;
  if (typeof value !== 'number' || info === undefined) return html`<span class="arrow"></span>`;
  const span = drawnSpan(info);
  const direction = directionOf(value, minute, span === null ? null : span.max - span.min);
  if (direction === null) return html`<span class="arrow"></span>`;
  const [sign, meaning] = ARROWS[direction];
  return html`<span class="arrow" role="img" aria-label=${meaning} title=${meaning}>${sign}</span>`;
}

/** Range, normal range, limits and where the value stands: read at a glance, before the number is. */
export function MetricBar({ cells, id, metric }: MetricProps) {
  const value = useField(cells, id, 'values', metric);
  const info = useField(cells, id, 'metrics', metric);
  const mark = useField(cells, id, 'marks', metric);
  if (info === undefined) return null;
  const geometry = barGeometry(info, value);
  if (geometry === null) return html`<span class="bar none"></span>`;
  const { normal, limits, pointer, beyond } = geometry;
  return html`<span class=${`bar ${valueLook(value, mark)}`} role="img" aria-label=${barWords(info)} title=${barWords(info)}>
    <span class="bar-ground"></span>
    ${normal !== null && html`<span class="bar-normal" style=${{ left: `${normal.from}%`, width: `${normal.to - normal.from}%` }}></span>`}
    ${limits.map(
      (limit) =>
        html`<span class=${`bar-limit ${limit.side}`} style=${{ left: `${limit.at}%` }}><i>${PRIORITY[limit.severity]}</i></span>`,
    )}
    ${pointer !== null && html`<span class=${`bar-pointer ${beyond ?? ''}`} style=${{ left: `${pointer}%` }}></span>`}
  </span>`;
}

export function limitWords(info: Pick<MetricInfo, 'limits' | 'unit' | 'decimals'>): string {
  return info.limits
    .map(({ severity, above, below }) => {
      const limit =
        above !== undefined ? `> ${formatValue(above, info.decimals)}` : `< ${formatValue(below, info.decimals)}`;
      return `${PRIORITY[severity]} ${limit}`;
    })
    .join(' · ');
}

function barWords(info: MetricInfo): string {
  const normal = info.normal === null ? '' : `normal ${info.normal.min} to ${info.normal.max} ${info.unit}`;
  const limits = limitWords(info);
  return [normal, limits === '' ? '' : `limits ${limits}`].filter(Boolean).join('; ') || `in ${info.unit}`;
}

function isPoint(value: unknown): value is number | string | boolean {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}
