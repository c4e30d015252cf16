import type { Historian, RawQuery, Sample, WindowQuery, WindowRow } from '../../runtime/historian.ts';
import type { DirectSource } from '../../topology/direct-source.ts';

/** The point that a series of an entity is; null where the series is stored under its own name. */
export type SourceOf = (entity: string, series: string) => DirectSource | null;

/**
 * A historian that reads a metric which is one point of a device from the readings of that device, so that an asset has
 * every reading, with the quality and the time that it came with, and none is stored twice.
 */
export class LinkedHistory implements Historian {
  readonly #stored: Historian;
  readonly #sourceOf: SourceOf;

  constructor(stored: Historian, sourceOf: SourceOf) {
    this.#stored = stored;
    this.#sourceOf = sourceOf;
  }

  async raw(query: RawQuery): Promise<Sample[]> {
    const source = this.#sourceOf(query.entity, query.series);
    if (source === null) return this.#stored.raw(query);
    const question = throughLink(query, source);
    if (question.fromMs >= question.toMs) return [];
    const samples = await this.#stored.raw(question);
    return isAsItIs(source) ? samples : samples.map((sample) => ({ ...sample, value: scaled(sample.value, source) }));
  }

  async windows(query: WindowQuery): Promise<WindowRow[]> {
    const source = this.#sourceOf(query.entity, query.series);
    if (source === null) return this.#stored.windows(query);
    const question = throughLink(query, source);
    if (question.fromMs >= question.toMs) return [];
    const rows = await this.#stored.windows(question);
    return isAsItIs(source) ? rows : rows.map((row) => scaledRow(row, source));
  }

  position(): Promise<number> {
    return this.#stored.position();
  }

  caughtUp(position: number): Promise<void> {
    return this.#stored.caughtUp(position);
  }

  statistics(): ReturnType<Historian['statistics']> {
    return this.#stored.statistics();
  }

  trim(olderThanMs: number): Promise<void> {
    return this.#stored.trim(olderThanMs);
  }

  close(): Promise<void> {
    return this.#stored.close();
  }
}

function throughLink<Query extends RawQuery | WindowQuery>(query: Query, source: DirectSource): Query {
  const { device, point, fromMs, untilMs } = source;
  return {
    ...query,
    entity: `device/${device}`,
    series: point,
    fromMs: Math.max(query.fromMs, fromMs),
    toMs: Math.min(query.toMs, untilMs),
  };
}

function isAsItIs({ scale, offset }: DirectSource): boolean {
  return scale === 1 && offset === 0;
}

function scaled(value: Sample['value'], { scale, offset }: DirectSource): Sample['value'] {
  return typeof value === 'number' ? value * scale + offset : value;
}

/** The scale is positive, so the order of values, and with it extremes and percentiles, stays. */
function scaledRow(row: WindowRow, { scale, offset }: DirectSource): WindowRow {
  const of = (value: number) => value * scale + offset;
  return {
    ...row,
    min: of(row.min),
    max: of(row.max),
    avg: of(row.avg),
    sum: row.sum * scale + row.count * offset,
    stddev: row.stddev * scale,
    first: of(row.first),
    last: of(row.last),
    p50: of(row.p50),
    p95: of(row.p95),
    p99: of(row.p99),
  };
}
