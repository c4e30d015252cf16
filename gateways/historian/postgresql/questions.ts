import { z } from 'zod';
import type { Sample, WindowQuery, WindowRow } from '../../../runtime/historian.ts';
import { QUALITIES } from '../column.ts';

const OF_SERIES = `series = (select id from history_series where entity = $1 and series = $2)
  and time >= to_timestamp($3::float8 / 1000) and time < to_timestamp($4::float8 / 1000)`;
const TIME_MS = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
/** Neither infinite nor, as greater than every number, not a number. */
const FINITE = 'value between -1.7976931348623157e308 and 1.7976931348623157e308';

/** What dates are written for, and what PostgreSQL can hold. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31);
export const within = (timeMs: number) => Math.min(MAX_TIME_MS, Math.max(0, timeMs));

/** Parameters: entity, series, from, to, limit. */
export const RAW = {
  oldestFirst: rawSql('asc'),
  newestFirst: rawSql('desc'),
};

function rawSql(order: 'asc' | 'desc'): string {
  return `select ${TIME_MS('time')} as time_ms, value, flag, text, quality from history_sample
    where ${OF_SERIES} order by time ${order} limit $5`;
}

const RawRow = z.object({
  time_ms: z.number(),
  // What a division by zero left is a number to PostgreSQL as to us.
  value: z.custom<number | null>((value) => value === null || typeof value === 'number'),
  flag: z.boolean().nullable(),
  text: z.string().nullable(),
  quality: z.number(),
});

export function sampleOf(row: unknown): Sample {
  const { time_ms, value, flag, text, quality } = RawRow.parse(row);
  return { timeMs: time_ms, value: value ?? flag ?? text, quality: QUALITIES[quality] ?? 'BAD' };
}

/** Parameters: entity, series, from, to, limit, window. */
export const WINDOWS = `select ${TIME_MS('start')} as start_ms, count(number) as count, min(number) as min,
    max(number) as max, avg(number) as avg, sum(number) as sum, stddev_samp(number) as stddev,
    (array_agg(number order by time) filter (where number is not null))[1] as first,
    (array_agg(number order by time desc) filter (where number is not null))[1] as last,
    percentile_cont(array[0.5, 0.95, 0.99]::float8[]) within group (order by number) as percentiles,
    count(*) filter (where quality = 0) as good, count(*) filter (where quality = 1) as suspect,
    count(*) filter (where quality = 2) as uncertain, count(*) filter (where quality = 3) as bad
  from (
    select date_bin(make_interval(secs => $6::float8 / 1000), time, timestamptz 'epoch') as start, time, quality,
      case when quality <> 3 and ${FINITE} then value end as number
    from history_sample where ${OF_SERIES} order by time
  ) as reading
  group by start having count(number) > 0 order by start limit $5`;

const n = z.number();
const Row = z.object({
  ...{ start_ms: n, count: n, min: n, max: n, avg: n, sum: n, stddev: n.nullable(), first: n, last: n },
  percentiles: z.tuple([n, n, n]),
  ...{ good: n, suspect: n, uncertain: n, bad: n },
});

export function windowOf(row: unknown, { windowMs }: WindowQuery): WindowRow {
  const { start_ms, percentiles, good, suspect, uncertain, bad, stddev, ...rest } = Row.parse(row);
  const [p50, p95, p99] = percentiles;
  const pctGood = (100 * good) / (good + suspect + uncertain + bad);
  return {
    startMs: start_ms,
    endMs: start_ms + windowMs,
    ...rest,
    stddev: stddev ?? 0,
    p50,
    p95,
    p99,
    quality: { good, suspect, uncertain, bad, pctGood },
  };
}
