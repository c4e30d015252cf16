import type { Json } from '../json.ts';
import type { Forwarding } from './forwarder.ts';

/** How far the centre is behind an edge, as the edge says it and the centre shows it. */
export interface Behind {
  /** Time since the oldest was written that the centre lacks, in ms; 0: it lacks nothing; null: nobody knows. */
  readonly telemetryLagMs: number | null;
  readonly journalLagMs: number | null;
  /** How many it lacks; null: nobody knows. */
  readonly telemetryLeft: number | null;
  readonly journalLeft: number | null;
}

/** Below it what waits is only on its way. */
const BACKLOG_FROM_MS = 10_000;

/** @param nowMs by the clock that wrote what waits */
export function behindOf(telemetry: Forwarding, journal: Forwarding, nowMs: number): Behind {
  return {
    telemetryLagMs: lagOf(telemetry, nowMs),
    journalLagMs: lagOf(journal, nowMs),
    telemetryLeft: telemetry.left ?? null,
    journalLeft: journal.left ?? null,
  };
}

/** `telemetry 0.1 s behind, events 0.0 s`, and what a backlog has; `nowMs` as for `behindOf`. */
export function behindInWords(behind: Behind, nowMs: number): string {
  const { telemetryLagMs, journalLagMs, telemetryLeft, journalLeft } = behind;
  const lag = `telemetry ${seconds(telemetryLagMs)} behind, events ${seconds(journalLagMs)}`;
  const oldestMs = Math.max(telemetryLagMs ?? 0, journalLagMs ?? 0);
  if (oldestMs < BACKLOG_FROM_MS) return lag;
  const since = new Date(nowMs - oldestMs).toISOString();
  return `${lag}; still to be sent: ${count(telemetryLeft)} records and ${count(journalLeft)} events, the oldest of ${since}`;
}

export function isBacklog({ telemetryLagMs, journalLagMs }: Behind): boolean {
  return Math.max(telemetryLagMs ?? 0, journalLagMs ?? 0) >= BACKLOG_FROM_MS;
}

/** As it came over the link, maybe from another version. */
export function behindIn(status: Readonly<Record<string, Json>>): Behind {
  const number = (key: keyof Behind) => {
    const value = status[key];
    return typeof value === 'number' ? value : null;
  };
  return {
    telemetryLagMs: number('telemetryLagMs'),
    journalLagMs: number('journalLagMs'),
    telemetryLeft: number('telemetryLeft'),
    journalLeft: number('journalLeft'),
  };
}

export function seconds(ms: number | null): string {
  return ms === null ? 'an unknown time' : `${(ms / 1000).toFixed(1)} s`;
}

function lagOf({ oldestMs }: Forwarding, nowMs: number): number | null {
  if (oldestMs === undefined) return null;
  return oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs);
}

function count(left: number | null): string {
  return left === null ? 'an unknown number of' : left.toLocaleString('en-GB');
}
