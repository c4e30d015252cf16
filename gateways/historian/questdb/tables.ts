/** Names of the two tables, and what makes them. */
export interface Tables {
  readonly samples: string;
  readonly positions: string;
}

export function tablesOf(prefix: string): Tables {
  return { samples: `${prefix}_samples`, positions: `${prefix}_positions` };
}

/**
 * Samples by day of their device's time. The key makes a reading that is sent again the same row, and a correction the
 * newer one. Numbers and booleans (0 and 1) are in `value`, texts in `text`; `type` tells them apart. The index finds the
 * samples of one device among those of thousands.
 */
export function samplesTable({ samples }: Tables): string {
  return `create table if not exists ${samples} (
    time timestamp, entity symbol capacity 16384 index capacity 512, series symbol capacity 4096, quality symbol capacity 16,
    type symbol capacity 16, value double, text varchar,
    gateway_time timestamp, log_time timestamp, stored_time timestamp
  ) timestamp(time) partition by day wal dedup upsert keys(time, entity, series)`;
}

/** How far the log is stored: a row a batch, of which those of a week are kept. */
export function positionsTable({ positions }: Tables): string {
  return `create table if not exists ${positions} (
    time timestamp, log symbol capacity 64, position long
  ) timestamp(time) partition by day ttl 7 days wal`;
}

/** The newest. One that is too low, as with a clock that was set back, only makes some rows be sent again. */
export function positionOf({ positions }: Tables, log: string): string {
  return `select position from ${positions} where log = ${literal(log)} order by time desc limit 1`;
}

/** A text in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
