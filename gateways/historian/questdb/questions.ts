import { z } from 'zod';
import type { RawQuery, Sample, WindowQuery, WindowRow } from '../../../runtime/historian.ts';
import { microseconds } from './lines.ts';
import { literal, type Tables } from './tables.ts';

/** The year 9999 in µs, the end of what dates are written for. */
const MAX_TIME_US = Date.UTC(9999, 11, 31) * 1000;

/** Which samples: a day's partition is opened only where the interval touches it. */
function ofSeries({ entity, series, fromMs, toMs }: RawQuery): string {
  const from = Math.min(MAX_TIME_US, Math.max(0, microseconds(fromMs)));
  const to = Math.min(MAX_TIME_US, Math.max(0, microseconds(toMs)));
  return `time >= ${from}L and time < ${to}L and entity = ${literal(entity)} and series = ${literal(series)}`;
}

export function rawSql({ samples }: Tables, query: RawQuery): string {
  const order = query.newestFirst === true ? 'desc' : 'asc';
  return `select cast(time as long), type, value, text, quality from ${samples}
    where ${ofSeries(query)} order by time ${order} limit ${query.limit}`;
}

const RawRow = z.tuple([z.number(), z.string(), z.number().nullable(), z.string().nullable(), z.string()]);

export function sampleOf(row: readonly unknown[]): Sample {
  const [timeUs, type, value, text, quality] = RawRow.parse(row);
  return { timeMs: milliseconds(timeUs), value: pointValueOf(type, value, text), quality };
}

function pointValueOf(type: string, value: number | null, text: string | null): Sample['value'] {
  if (type === 'text') return text ?? '';
  if (type === 'boolean') return value === 1;
  return type === 'number' ? value : null;
}

/** Beyond 2255 a double has no whole µs any more. */
function milliseconds(timeUs: number): number {
  return Number.isSafeInteger(timeUs) ? timeUs / 1000 : Math.round(timeUs / 1000);
}

/**
 * Windows in two passes over the samples: aggregates by SAMPLE BY, and the two samples nearest to each percentile by their
 * place in order, since QuestDB's own percentiles are approximate and know no negative numbers.
 */
export function windowsSql({ samples }: Tables, query: WindowQuery): string {
  const good = `case when type = 'number' and quality != 'BAD' then value end`;
  const count = (quality: string) => `sum(case when quality = '${quality}' then 1 else 0 end)`;
  const aggregates = `select time, count(number) as n, min(number) as low, max(number) as high, avg(number) as mean,
      sum(number) as total, stddev_samp(number) as deviation, first_not_null(number) as oldest,
      last_not_null(number) as newest, ${count('GOOD')} as good, ${count('SUSPECT')} as suspect,
      ${count('UNCERTAIN')} as uncertain, ${count('BAD')} as bad
    from (select time, quality, ${good} as number from ${samples} where ${ofSeries(query)})
    sample by ${query.windowMs}T align to calendar`;
  const places = `select timestamp_floor('${query.windowMs}T', time) as start, number,
      row_number() over (partition by timestamp_floor('${query.windowMs}T', time) order by number) as place
    from (select time, value as number from ${samples}
      where ${ofSeries(query)} and type = 'number' and quality != 'BAD' and value != null)`;
  const near = (fraction: number, name: string) => {
    const rank = `(w.n - 1) * ${fraction}`;
    return `max(case when p.place = cast(floor(${rank}) as long) + 1 then p.number end) as ${name}_below,
      max(case when p.place = cast(ceil(${rank}) as long) + 1 then p.number end) as ${name}_above`;
  };
  return `with w as (select * from (${aggregates}) where n > 0 limit ${query.limit}), p as (${places})
    select cast(w.time as long), w.n, w.low, w.high, w.mean, w.total, w.deviation, w.oldest, w.newest,
      w.good, w.suspect, w.uncertain, w.bad, ${near(0.5, 'p50')}, ${near(0.95, 'p95')}, ${near(0.99, 'p99')}
    from w join p on p.start = w.time order by 1`;
}

const n = z.number();
const WindowFields = z.tuple([n, n, n, n, n, n, n.nullable(), n, n, n, n, n, n, n, n, n, n, n, n]);

export function windowOf(row: readonly unknown[], { windowMs }: WindowQuery): WindowRow {
  const [timeUs, count, min, max, avg, sum, stddev, first, last, good, suspect, uncertain, bad, ...near] =
    WindowFields.parse(row);
  const startMs = milliseconds(timeUs);
  const between = (fraction: number, below: number, above: number) => {
    const place = fraction * (count - 1);
    return below + (above - below) * (place - Math.floor(place));
  };
  return {
    startMs,
    endMs: startMs + windowMs,
    count,
    min,
    max,
    avg,
    sum,
    stddev: stddev ?? 0,
    first,
    last,
    p50: between(0.5, near[0], near[1]),
    p95: between(0.95, near[2], near[3]),
    p99: between(0.99, near[4], near[5]),
    quality: { good, suspect, uncertain, bad, pctGood: (100 * good) / (good + suspect + uncertain + bad) },
  };
}
