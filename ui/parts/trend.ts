import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { AssetView, MetricInfo } from '../../actors/views.ts';
import { type Cells, useField } from '../store/cells.ts';
import { formatDate, formatNumber, formatOffset, formatTime } from '../store/format.ts';
import { loadSeries, RANGES, type RangeName, type Series } from '../store/history.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { Loading, Problem } from './condition.ts';
import { MetricValue } from './value.ts';
import { drawnSpan } from './value-look.ts';

interface TrendProps {
  readonly cells: Cells<AssetView>;
  readonly id: string;
  readonly metric: string;
  readonly range: RangeName;
  readonly zone: string;
  readonly onRemove: (() => void) | null;
}

/** History of one metric with its normal range and limits; short ranges go on with the live values. */
export function Trend({ cells, id, metric, range, zone, onRemove }: TrendProps) {
  const info = useField(cells, id, 'metrics', metric);
  const { series, problem } = useSeries(cells, id, metric, range);
  return html`<figure class="trend">
    <figcaption>
      <strong>${info?.title ?? metric}</strong> <${MetricValue} cells=${cells} id=${id} metric=${metric} />
      <span class="spacer"></span>
      ${onRemove !== null && html`<button type="button" class="button quiet" aria-label="Remove this trend" title="Remove" onClick=${onRemove}>✕</button>`}
    </figcaption>
    ${problem !== null && html`<${Problem} message=${problem} />`}
    ${series === null && problem === null && html`<${Loading} what="history" />`}
    ${series !== null && info !== undefined && html`<${Plot} series=${series} info=${info} zone=${zone} range=${range} />`}
  </figure>`;
}

function useSeries(cells: Cells<AssetView>, id: string, metric: string, range: RangeName) {
  const { clock } = useWall();
  const [series, setSeries] = useState<Series | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const { spanMs, aggregation } = RANGES[range];
  const second = useSignal(clock.second);
  // Windows close on full minutes: then there is something new to ask for.
  const round = aggregation === 'none' ? 0 : Math.floor(second / 60_000);
  const known = second > 0;
  // Asked again by `round` and `known`, not by every second.
  useEffect(() => {
    if (!known) return;
    let current = true;
    const endMs = clock.nowMs();
    void loadSeries('asset', id, metric, endMs - spanMs, endMs + 1000, aggregation).then((answer) => {
      if (!current) return;
      setProblem(answer.ok ? null : answer.message);
      if (answer.ok) setSeries(answer.body);
    });
    return () => {
      current = false;
    };
  }, [id, metric, range, round, known]);
  useEffect(() => {
    if (aggregation !== 'none') return;
    const take = () => {
      const value = cells.group(id, 'values')?.[metric];
      const timeMs = cells.group(id, 'times')?.[metric];
      const bad = cells.group(id, 'marks')?.[metric]?.quality === 'BAD';
      if (typeof value === 'number' && typeof timeMs === 'number') {
        setSeries((before) =>
          before === null ? before : appended(before, timeMs / 1000, bad ? null : value, spanMs / 1000),
        );
      }
    };
    return cells.watch(take, id, 'times', metric);
  }, [cells, id, metric, aggregation, spanMs]);
  return { series, problem };
}

function appended(series: Series, time: number, value: number | null, span: number): Series {
  if (time <= (series.times.at(-1) ?? 0)) return series;
  const first = series.times.findIndex((t) => t >= time - span);
  const drop = first < 0 ? series.times.length : first;
  return {
    times: [...series.times.slice(drop), time],
    values: [...series.values.slice(drop), value],
    lows: [...series.lows.slice(drop), value],
    highs: [...series.highs.slice(drop), value],
  };
}

interface PlotProps {
  readonly series: Series;
  readonly info: MetricInfo;
  readonly zone: string;
  readonly range: RangeName;
}

function Plot({ series, info, zone, range }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { preferences, clock } = useWall();
  const theme = useSignal(preferences.theme);
  const banded = RANGES[range].aggregation !== 'none';
  const drawn = useRef(info);
  drawn.current = info;
  // The plot is made anew when its look changes, data follow below.
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(
      options(element, drawn, zone, banded, () => [clock.nowMs() - RANGES[range].spanMs, clock.nowMs()]),
      columns(series, banded),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [zone, banded, range, theme]);
  useEffect(() => {
    plot.current?.setData(columns(series, banded));
  }, [series, banded]);
  if (series.times.length === 0) return html`<p class="empty">No readings in this range.</p>`;
  return html`<div class="plot" ref=${host}></div>`;
}

function columns(series: Series, banded: boolean): uPlot.AlignedData {
  return banded ? [series.times, series.values, series.lows, series.highs] : [series.times, series.values];
}

function options(
  element: HTMLElement,
  info: { readonly current: MetricInfo },
  zone: string,
  banded: boolean,
  spanMs: () => [number, number],
): uPlot.Options {
  const css = getComputedStyle(document.documentElement);
  const color = (name: string) => css.getPropertyValue(name).trim();
  const rem = Number.parseFloat(css.fontSize);
  const axis: uPlot.Axis = {
    stroke: color('--text-dim'),
    font: `${0.75 * rem}px ${css.fontFamily}`,
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--line-soft'), width: 1 },
  };
  const line = { stroke: color('--trend'), width: Math.max(1.5, rem / 9), points: { show: false }, spanGaps: false };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    // Above: room for the unit of the axis.
    padding: [rem * 1.4, rem * 0.8, 0, 0],
    cursor: { sync: { key: 'trends' }, y: false, points: { size: rem / 2 } },
    scales: {
      x: {
        time: true,
        range: () => {
          const [from, to] = spanMs();
          return [from / 1000, to / 1000];
        },
      },
      y: { range: (_plot, low, high) => yRange(info.current, low, high) },
    },
    axes: [
      { ...axis, space: rem * 5, size: rem * 1.7, values: timeLabels(zone) },
      {
        ...axis,
        size: rem * 3.6,
        space: rem * 2,
        values: (_plot, ticks) => ticks.map((tick) => axisNumber(tick, ticks)),
      },
    ],
    series: banded
      ? [
          {},
          line,
          { stroke: color('--trend-band'), width: 1, points: { show: false } },
          { stroke: color('--trend-band'), width: 1, points: { show: false } },
        ]
      : [{}, line],
    ...(banded ? { bands: [{ series: [3, 2], fill: color('--trend-band') }] } : {}),
    hooks: {
      drawClear: [(plot) => drawGround(plot, info.current, color, rem)],
      setCursor: [(plot) => showCursor(plot, element, info.current, zone)],
    },
  };
}

function timeLabels(zone: string): uPlot.Axis.Values {
  const time = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const day = new Intl.DateTimeFormat('en-GB', { timeZone: zone, day: '2-digit', month: 'short' });
  return (_plot, ticks, _axis, _space, increment) =>
    ticks.map((tick) => (increment >= 86_400 ? day.format(tick * 1000) : time.format(tick * 1000)));
}

function axisNumber(tick: number, ticks: readonly number[]): string {
  const step = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0));
  return formatNumber(tick, step >= 1 || step === 0 ? 0 : Math.min(4, Math.ceil(-Math.log10(step))));
}

/** The declared span, wider where the data go beyond it. */
function yRange(info: MetricInfo, low: number | null, high: number | null): [number, number] {
  const span = drawnSpan(info);
  const from = Math.min(low ?? Number.POSITIVE_INFINITY, span?.min ?? Number.POSITIVE_INFINITY);
  const to = Math.max(high ?? Number.NEGATIVE_INFINITY, span?.max ?? Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(from) || !Number.isFinite(to)) return [0, 1];
  const room = span === null ? (to - from) * 0.1 || Math.abs(to) * 0.1 || 1 : 0;
  return [from - room, to + room];
}

/** Unit above its axis, normal range as a band, limits as dashed lines with their priority: under the curve. */
function drawGround(plot: uPlot, info: MetricInfo, color: (name: string) => string, rem: number): void {
  const { ctx, bbox } = plot;
  const y = (value: number) => Math.max(bbox.top, Math.min(bbox.top + bbox.height, plot.valToPos(value, 'y', true)));
  ctx.save();
  if (info.normal !== null) {
    ctx.fillStyle = color('--normal-plot');
    const top = y(info.normal.max);
    ctx.fillRect(bbox.left, top, bbox.width, y(info.normal.min) - top);
  }
  ctx.strokeStyle = color('--limit');
  ctx.fillStyle = color('--text-dim');
  ctx.setLineDash([6, 4]);
  ctx.textBaseline = 'bottom';
  ctx.lineWidth = Math.max(1, rem / 14);
  ctx.font = `${0.75 * rem * devicePixelRatio}px ${getComputedStyle(document.documentElement).fontFamily}`;
  ctx.textAlign = 'right';
  ctx.fillText(info.unit, bbox.left - 0.5 * rem * devicePixelRatio, bbox.top - 0.6 * rem * devicePixelRatio);
  ctx.textAlign = 'left';
  for (const limit of info.limits) {
    const value = limit.above ?? limit.below;
    if (value === undefined) continue;
    const at = y(value);
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.fillText(
      `${limit.severity.toLowerCase()} ${limit.above === undefined ? '<' : '>'} ${formatNumber(value, info.decimals)}`,
      bbox.left + 4,
      at - 3,
    );
  }
  ctx.restore();
}

function showCursor(plot: uPlot, element: HTMLElement, info: MetricInfo, zone: string): void {
  const index = plot.cursor.idx;
  const time = index == null ? undefined : plot.data[0][index];
  const value = index == null ? undefined : plot.data[1]?.[index];
  element.dataset.cursor =
    time === undefined
      ? ''
      : `${formatDate(time * 1000, zone)} ${formatTime(time * 1000, zone)} ${formatOffset(time * 1000, zone)}  ${value == null ? 'no value' : `${formatNumber(value, info.decimals)} ${info.unit}`}`;
}
