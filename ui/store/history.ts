import { type Answer, isRecord, read } from './session.ts';

export const RANGES = {
  '15m': { title: '15 min', spanMs: 900_000, aggregation: 'none' },
  '1h': { title: '1 h', spanMs: 3_600_000, aggregation: 'none' },
  '6h': { title: '6 h', spanMs: 21_600_000, aggregation: '1m' },
  '24h': { title: '24 h', spanMs: 86_400_000, aggregation: '5m' },
  '7d': { title: '7 d', spanMs: 604_800_000, aggregation: '1h' },
} as const;
export type RangeName = keyof typeof RANGES;

export function rangeName(text: string | null): RangeName {
  return text !== null && Object.hasOwn(RANGES, text) ? (text as RangeName) : '1h';
}

/** Columns for a chart: times in seconds; null where a value is bad or missing. Low and high are those of the window. */
export interface Series {
  readonly times: number[];
  readonly values: (number | null)[];
  readonly lows: (number | null)[];
  readonly highs: (number | null)[];
}

/** Of one metric. `newest first` is never asked for; the server orders by device time. */
export async function loadSeries(
  kind: 'asset' | 'device',
  id: string,
  metric: string,
  startMs: number,
  endMs: number,
  aggregation: string,
): Promise<Answer<Series>> {
  const answer = await read('/api/v1/telemetry', {
    [kind]: id,
    metricKey: metric,
    start: new Date(startMs).toISOString(),
    end: new Date(endMs).toISOString(),
    aggregation,
    limit: '10000',
  });
  return answer.ok ? { ok: true, body: seriesOf(rowsOf(answer.body)) } : answer;
}

/** The list of a paged answer. */
export function rowsOf(body: unknown): readonly Record<string, unknown>[] {
  const list = isRecord(body) ? (body.items ?? body.data ?? body.entries ?? body.samples ?? body.windows) : body;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** Samples carry `timeMs` and `value`, windows `startMs`, `avg`, `min` and `max`. */
export function seriesOf(rows: readonly Record<string, unknown>[]): Series {
  const series: Series = { times: [], values: [], lows: [], highs: [] };
  const ordered = rows
    .map((row) => ({ row, timeMs: timeOf(row) }))
    .filter((entry) => Number.isFinite(entry.timeMs))
    .sort((a, b) => a.timeMs - b.timeMs);
  for (const { row, timeMs } of ordered) {
    const value = numberOf(row.quality === 'BAD' ? null : (row.avg ?? row.value));
    series.times.push(timeMs / 1000);
    series.values.push(value);
    series.lows.push(numberOf(row.min) ?? value);
    series.highs.push(numberOf(row.max) ?? value);
  }
  return series;
}

function timeOf(row: Record<string, unknown>): number {
  const time = row.timeMs ?? row.startMs ?? row.timestamp ?? row.time ?? row.start;
  return typeof time === 'string' ? Date.parse(time) : typeof time === 'number' ? time : Number.NaN;
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
