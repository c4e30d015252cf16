import { z } from 'zod';
import { AWAY, isGone, type LiveBus, type LiveCell } from '../../runtime/live-bus.ts';
import type { KnownLink } from '../link-board.ts';
import { whatIsWrong } from './link-words.ts';

export const Status = z.enum(['healthy', 'degraded', 'unhealthy']);
export type Status = z.infer<typeof Status>;

/** A link to the field as the health page shows it. */
export const FieldLink = z
  .object({
    connection: z.string().describe('Its id in the topology file'),
    name: z.string(),
    driver: z.string(),
    endpoint: z
      .string()
      .nullable()
      .describe('Where it leads to, without secrets; null: its driver runs on another node'),
    site: z.string().nullable().describe('Of its first device'),
    status: Status,
    state: z
      .enum(['unknown', 'stopped', 'connecting', 'connected', 'degraded', 'waiting', 'failed'])
      .describe('unknown: the driver has not reported yet; waiting: for the next attempt'),
    reason: z.string().nullable().describe('In words, unless healthy'),
    sinceMs: z.number().nullable().describe('Since when it is in this state, as far as this node knows'),
    lastError: z.object({ code: z.string(), message: z.string(), atMs: z.number() }).nullable(),
    latencyMs: z.object({ p50: z.number(), p99: z.number() }).nullable().describe('Of the last minute'),
    readingsPerSecond: z.number(),
    lastReadingAtMs: z.number().nullable(),
    errors: z.record(z.string(), z.int()).describe('Since the start, by code'),
    errorsLastMinute: z.int(),
    cycleOverruns: z.int().describe('Cycles that took longer than their interval, since the start'),
    queueDepth: z.int(),
    nextAttemptAtMs: z.number().nullable(),
    devices: z.int(),
    devicesOnline: z.int(),
    facts: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .describe('Of the protocol: what was negotiated, planned, refused; when certificates end'),
  })
  .meta({ id: 'FieldLink' });
export type FieldLink = z.infer<typeof FieldLink>;

/** What of a driver's report counts here; the view of a device carries it as it came. */
const Report = z.object({
  state: FieldLink.shape.state.exclude(['unknown']),
  detail: z.string().optional(),
  lastError: FieldLink.shape.lastError.unwrap().optional(),
  latencyMs: FieldLink.shape.latencyMs.unwrap().optional(),
  errors: FieldLink.shape.errors,
  readingsPerSecond: z.number(),
  lastReadingAtMs: z.number().nullable(),
  cycleOverruns: z.int(),
  queueDepth: z.int(),
  nextAttemptAtMs: z.number().optional(),
  facts: FieldLink.shape.facts.optional(),
});
type Report = z.infer<typeof Report>;

const MINUTE_MS = 60_000;
/** Totals are kept at this distance: a minute is known to a twelfth. */
const SAMPLE_EVERY_MS = 5000;

/**
 * The links to the field: those of this node as their drivers report them, whether or not a device is on them; and those that
 * only devices tell of, since every device carries the report of its link, wherever the driver runs.
 */
export class FieldLinks {
  readonly #live: LiveBus;
  readonly #known: () => Iterable<KnownLink>;
  readonly #totals = new Map<string, { readonly atMs: number; readonly errors: number }[]>();

  constructor(live: LiveBus, known: () => Iterable<KnownLink> = () => []) {
    this.#live = live;
    this.#known = known;
  }

  /** To be called each few seconds for `errorsLastMinute` to be of a minute. */
  read(nowMs: number): FieldLink[] {
    const groups = new Map<string, Group>();
    for (const { connection, ...known } of this.#known()) groups.set(connection, groupOf(known));
    for (const cell of this.#live.cells('device')) if (!isGone(cell)) join(groups, cell);
    for (const connection of this.#totals.keys()) if (!groups.has(connection)) this.#totals.delete(connection);
    return [...groups]
      .map(([connection, group]) => this.#link(connection, group, nowMs))
      .sort((a, b) => (a.connection < b.connection ? -1 : 1));
  }

  #link(
    connection: string,
    { name, driver, endpoint, site, sinceMs, newest, devices, devicesOnline, ...group }: Group,
    nowMs: number,
  ): FieldLink {
    const report = Report.safeParse(group.report ?? newest?.view.link).data;
    const errors = report?.errors ?? {};
    const total = Object.values(errors).reduce((sum, count) => sum + count, 0);
    return {
      connection,
      name: name ?? connection,
      driver,
      endpoint: endpoint ?? null,
      site: site ?? siteOf(newest),
      sinceMs: sinceMs ?? null,
      ...judged(report, devices - devicesOnline, devices),
      lastError: report?.lastError ?? null,
      latencyMs: report?.latencyMs ?? null,
      readingsPerSecond: report?.readingsPerSecond ?? 0,
      lastReadingAtMs: report?.lastReadingAtMs ?? null,
      errors,
      errorsLastMinute: this.#ofLastMinute(connection, total, nowMs),
      cycleOverruns: report?.cycleOverruns ?? 0,
      queueDepth: report?.queueDepth ?? 0,
      nextAttemptAtMs: report?.nextAttemptAtMs ?? null,
      devices,
      devicesOnline,
      facts: report?.facts ?? {},
    };
  }

  #ofLastMinute(connection: string, errors: number, nowMs: number): number {
    const totals = this.#totals.get(connection) ?? [];
    this.#totals.set(connection, totals);
    if (nowMs - (totals.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= SAMPLE_EVERY_MS)
      totals.push({ atMs: nowMs, errors });
    // The newest of those that are a minute old stays: it is what the minute is counted from.
    while (nowMs - (totals[1]?.atMs ?? nowMs) >= MINUTE_MS) totals.shift();
    const [from] = totals;
    // Younger than a minute, or counting anew after a restart of the driver: everything is of the last minute.
    if (from === undefined || nowMs - from.atMs < MINUTE_MS || from.errors > errors) return errors;
    return errors - from.errors;
  }
}

interface Group {
  readonly name: string | undefined;
  readonly driver: string;
  readonly endpoint: string | undefined;
  readonly site: string | null | undefined;
  readonly sinceMs: number | undefined;
  /** From the driver itself, where it runs here. */
  readonly report: KnownLink['report'];
  /** Of the devices of the link the one that changed last: one that has failed shows what was. */
  newest: LiveCell | undefined;
  devices: number;
  devicesOnline: number;
}

function groupOf(known: Partial<Omit<KnownLink, 'driver'>> & { readonly driver: string }): Group {
  return {
    name: known.name,
    driver: known.driver,
    endpoint: known.endpoint,
    site: known.site,
    sinceMs: known.sinceMs,
    report: known.report,
    newest: undefined,
    devices: 0,
    devicesOnline: 0,
  };
}

function join(groups: Map<string, Group>, cell: LiveCell): void {
  const { props } = cell.view;
  const connection = props?.connection;
  // Of an edge that was never heard nobody can say whether its links work; that is said of the edge.
  if (typeof connection !== 'string' || cell.view[AWAY]?.neverHeard === true) return;
  const group = groups.get(connection) ?? groupOf({ driver: String(props?.driver ?? '') });
  groups.set(connection, group);
  if (group.newest === undefined || cell.revision > group.newest.revision) group.newest = cell;
  group.devices++;
  if (props?.connectivity === 'online') group.devicesOnline++;
}

function siteOf(cell: LiveCell | undefined): string | null {
  const site = cell?.view.props?.site;
  return typeof site === 'string' ? site : null;
}

function judged(
  report: Report | undefined,
  silent: number,
  devices: number,
): Pick<FieldLink, 'status' | 'state' | 'reason'> {
  if (report === undefined) return { status: 'degraded', state: 'unknown', reason: 'the driver has not reported yet' };
  const { state, lastError } = report;
  if (state === 'connected') return { status: 'healthy', state, reason: null };
  // The first attempt is a start, every further one is made because the link is down.
  const first = state === 'connecting' && lastError === undefined;
  const status = state === 'degraded' || first ? 'degraded' : 'unhealthy';
  return { status, state, reason: whatIsWrong(report, silent, devices) };
}
