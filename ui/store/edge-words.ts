import type { Edge } from '../../gateways/http/routes/edges.ts';
import { formatAge, formatNumber } from './format.ts';

const UNKNOWN = 'not known';
/** Below it what waits is only on its way. */
const BACKLOG_FROM_MS = 10_000;

/** What its link is: `Linked`, `Catching up`, `Link lost`, `Never heard`. */
export function linkWords({ linked, heardMs, catchingUp }: Pick<Edge, 'linked' | 'heardMs' | 'catchingUp'>): string {
  if (linked) return catchingUp ? 'Catching up' : 'Linked';
  return heardMs === null ? 'Never heard' : 'Link lost';
}

/** `0.1 s`, and from ten seconds on `3 min`. */
export function lagWords(lagMs: number | null): string {
  if (lagMs === null) return UNKNOWN;
  return lagMs < BACKLOG_FROM_MS ? `${formatNumber(lagMs / 1000, 1)} s` : formatAge(lagMs);
}

/** The oldest of what the centre lacks: what is behind most says how far the edge is behind. */
export function behindMs({
  telemetryLagMs,
  journalLagMs,
}: Pick<Edge, 'telemetryLagMs' | 'journalLagMs'>): number | null {
  if (telemetryLagMs === null && journalLagMs === null) return null;
  return Math.max(telemetryLagMs ?? 0, journalLagMs ?? 0);
}

/** `54 906 records and 3 events`; behind a lost link as many as there were. */
export function leftWords(edge: Pick<Edge, 'telemetryLeft' | 'journalLeft' | 'linked'>): string {
  const { telemetryLeft, journalLeft, linked } = edge;
  if (telemetryLeft === null && journalLeft === null) return UNKNOWN;
  const left = `${counted(telemetryLeft, 'record', 'records')} and ${counted(journalLeft, 'event', 'events')}`;
  return linked ? left : `${left} when last heard`;
}

function counted(count: number | null, one: string, several: string): string {
  if (count === null) return `an unknown number of ${several}`;
  return `${formatNumber(count, 0)} ${count === 1 ? one : several}`;
}

/** `412 kB/s of 500 kB/s`; of an edge that sends nothing late only what it may. */
export function backfillWords({
  backfillBytesPerSecond: now,
  backfillLimitBytesPerSecond: limit,
}: Pick<Edge, 'backfillBytesPerSecond' | 'backfillLimitBytesPerSecond'>): string {
  if (now === null || limit === null) return UNKNOWN;
  return now === 0 ? `none now, ${bytesWords(limit)}/s at most` : `${bytesWords(now)}/s of ${bytesWords(limit)}/s`;
}

/** `35 % of its budget of 100 GB`, and where others fill the disk `2 % of its budget of 100 GB, the disk is 93 % full`. */
export function diskWords(disk: Edge['disk']): string {
  // Before the first look at the disk there is nothing to say.
  if (disk === null || disk.budgetBytes === 0) return UNKNOWN;
  const { share, usedBytes, budgetBytes } = disk;
  const own = `${percent(usedBytes / budgetBytes)} of its budget of ${bytesWords(budgetBytes)}`;
  return share > usedBytes / budgetBytes ? `${own}, the disk is ${percent(share)} full` : own;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `+3 ms`: its clock is ahead of that of the centre. */
export function clockWords({ clockOffsetMs }: Pick<Edge, 'clockOffsetMs'>): string {
  if (clockOffsetMs === null) return UNKNOWN;
  const aheadMs = -clockOffsetMs;
  const size = Math.abs(aheadMs);
  const text = size < 10_000 ? `${formatNumber(size, 0)} ms` : formatAge(size);
  return aheadMs === 0 ? text : `${aheadMs > 0 ? '+' : '\u2212'}${text}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `500 kB`, in thousands as the settings are. */
export function bytesWords(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${formatNumber(size, Number.isInteger(size) || size >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

/** What somebody has to look at: no link, a backlog, a problem, a disk that is nearly full or has cost something. */
export function isNotable(edge: Edge): boolean {
  const { linked, problem, disk } = edge;
  const isFull = disk !== null && (disk.share > 0.9 || disk.problem !== null || disk.dropped.length > 0);
  return !linked || problem !== null || isFull || (behindMs(edge) ?? 0) >= BACKLOG_FROM_MS;
}
