import { DAY_MS } from '../day-file.ts';

/**
 * Samples in partitions by UTC day, keyed by series and time: what is sent again is the same row, and a series of a day lies
 * together. Columns without a value take no room, so a number has `value`, a boolean `flag`, a text `text`, and nothing
 * none of them. Qualities count from GOOD, 0, to BAD, 3. The view is for people and their tools.
 */
export const TABLES: readonly string[] = [
  `create table if not exists history_series (
    id integer generated always as identity primary key, entity text not null, series text not null,
    unique (entity, series))`,
  `create table if not exists history_sample (
    series integer not null, time timestamptz not null, value double precision, flag boolean, text text,
    quality smallint not null, gateway_time timestamptz not null, log_time timestamptz, stored_time timestamptz not null,
    primary key (series, time)) partition by range (time)`,
  'create table if not exists history_position (log text primary key, position bigint not null)',
  `create or replace view history as
    select n.entity, n.series, s.time, s.value, s.flag, s.text,
      (array['GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD'])[s.quality + 1] as quality,
      s.gateway_time, s.log_time, s.stored_time
    from history_sample s join history_series n on n.id = s.series`,
];

export function partitionOfDay(day: number): { readonly name: string; readonly create: string } {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const name = `history_sample_${date(day).replaceAll('-', '')}`;
  const create = `create table if not exists ${name} partition of history_sample
    for values from ('${date(day)} 00:00:00+00') to ('${date(day + DAY_MS)} 00:00:00+00')`;
  return { name, create };
}

/** The day of a partition's name; undefined for a table that somebody has put there. */
export function dayOfPartition(name: string): number | undefined {
  const found = /^history_sample_(\d{4})(\d{2})(\d{2})$/.exec(name);
  return found ? Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3])) : undefined;
}

/**
 * With a replay nothing is written: a row that is there already with the same content is left as it is. Nor does what the log
 * took earlier replace what it took later, as a node would do that was suspended on its way here.
 */
export const INSERT_SAMPLES = `insert into history_sample as s
    (series, time, value, flag, text, quality, gateway_time, log_time, stored_time)
  select distinct on (series, time) series, to_timestamp(time / 1000), value, flag, text, quality,
    to_timestamp(gateway / 1000), to_timestamp(logged / 1000), to_timestamp($9::float8 / 1000)
  from unnest($1::int[], $2::float8[], $3::float8[], $4::boolean[], $5::text[], $6::smallint[], $7::float8[], $8::float8[])
    with ordinality as given (series, time, value, flag, text, quality, gateway, logged, place)
  order by series, time, place desc
  on conflict (series, time) do update set value = excluded.value, flag = excluded.flag, text = excluded.text,
    quality = excluded.quality, gateway_time = excluded.gateway_time, log_time = excluded.log_time,
    stored_time = excluded.stored_time
  where (s.value, s.flag, s.text, s.quality) is distinct from
    (excluded.value, excluded.flag, excluded.text, excluded.quality)
    and coalesce(excluded.log_time >= s.log_time, true)`;

export const KEEP_POSITION = `insert into history_position (log, position) values ($1, $2)
  on conflict (log) do update set position = excluded.position`;

/** Ids of series by their place in the arrays; those that are missing are made. */
export const SERIES_IDS = `with given as (
    select entity, series, place from unnest($1::text[], $2::text[]) with ordinality as g (entity, series, place)
  ), made as (
    insert into history_series (entity, series) select distinct entity, series from given g
    where not exists (select 1 from history_series n where n.entity = g.entity and n.series = g.series)
    on conflict do nothing returning id, entity, series
  )
  select coalesce(n.id, m.id) as id from given g
    left join history_series n on n.entity = g.entity and n.series = g.series
    left join made m on m.entity = g.entity and m.series = g.series
  order by g.place`;
