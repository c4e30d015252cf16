import type { Entity } from './entity/entity.ts';
import type { Health } from './runtime.ts';
import { hasNoRoom } from './store-failure.ts';
import type { StoreWatch } from './store-watch.ts';

const HISTORIAN_LAG_DEGRADED = 100_000;
/** A commit takes milliseconds; one that takes so long is not coming for a while. */
const COMMIT_OVERDUE_MS = 10_000;
const NAMED = 5;

type Part = Health['parts'][number];

export interface NodeState {
  readonly nowMs: number;
  readonly journal: Pick<StoreWatch, 'failure'>;
  readonly log: Pick<StoreWatch, 'failure'>;
  /** Why no snapshots of entities are saved; undefined while they are. */
  readonly unsaved?: { readonly reason: string; readonly sinceMs: number } | undefined;
  /** Since when a batch is on its way to the journal. */
  readonly committingSinceMs: number | undefined;
  /** What the log said to the last append; undefined when it took it. */
  readonly logRefusal: { readonly reason: string; readonly sinceMs: number } | undefined;
  /** Records that wait for actors, and for the log. */
  readonly behind: number;
  readonly maxBehind: number;
  readonly waiting: number;
  readonly historianLag: number;
  /** Why it stores nothing for now; null while it does. */
  readonly historianProblem?: string | null;
  readonly entities: Iterable<Pick<Entity, 'id' | 'down' | 'unrecordedSinceMs'>>;
  /** Of what is watched beside the node. */
  readonly beside: readonly Part[];
}

/** How a node is, from what its parts say of themselves. */
export function healthOf(state: NodeState): Health {
  const parts = [journalPart(state), logPart(state), entitiesPart(state), historianPart(state), ...state.beside];
  const worst = parts.some(({ status }) => status === 'unhealthy')
    ? 'unhealthy'
    : parts.some(({ status }) => status === 'degraded')
      ? 'degraded'
      : 'healthy';
  return { status: worst, parts };
}

function journalPart({ nowMs, journal: { failure }, unsaved, committingSinceMs }: NodeState): Part {
  if (failure) {
    const since = new Date(failure.sinceMs).toISOString();
    const what = hasNoRoom(failure.cause) ? 'takes nothing' : 'away';
    const detail = `${what} since ${since}, for ${seconds(nowMs - failure.sinceMs)}: ${failure.reason}; values and alarms go on and are not recorded yet, commands are refused`;
    return { name: 'journal', status: 'unhealthy', detail };
  }
  const overdueMs = committingSinceMs === undefined ? 0 : nowMs - committingSinceMs;
  if (overdueMs > COMMIT_OVERDUE_MS)
    return { name: 'journal', status: 'unhealthy', detail: `has not answered for ${seconds(overdueMs)}` };
  if (unsaved === undefined) return { name: 'journal', status: 'healthy', detail: 'commits' };
  // Nothing is lost: the log is kept for longer, and the next start has more to read.
  const detail = `commits, but takes no snapshots for ${seconds(nowMs - unsaved.sinceMs)}: ${unsaved.reason}`;
  return { name: 'journal', status: 'degraded', detail };
}

function logPart({ nowMs, log: { failure }, logRefusal, behind, maxBehind, waiting }: NodeState): Part {
  const refusal = logRefusal ?? failure;
  if (refusal !== undefined) {
    const detail = `${refusal.reason}, for ${seconds(nowMs - refusal.sinceMs)}; readings wait at their sources, values are as of then`;
    return { name: 'log', status: 'unhealthy', detail };
  }
  return {
    name: 'log',
    status: behind > maxBehind ? 'degraded' : 'healthy',
    detail: `${behind} records wait for actors, ${waiting} for the log`,
  };
}

function entitiesPart({ entities }: NodeState): Part {
  const stopped: string[] = [];
  const crashed: string[] = [];
  let waiting = 0;
  let unrecorded = 0;
  let live = 0;
  for (const { id, down, unrecordedSinceMs } of entities) {
    if (down === undefined && unrecordedSinceMs !== undefined) unrecorded++;
    else if (down === undefined) live++;
    else if (down.cause === 'store') waiting++;
    else (down.cause === 'crashed' ? crashed : stopped).push(id);
  }
  const problems = [
    ...(stopped.length > 0 ? [`stopped until somebody restarts them: ${names(stopped)}`] : []),
    ...(crashed.length > 0 ? [`crashed and about to start again: ${names(crashed)}`] : []),
    ...(unrecorded > 0 ? [`${unrecorded} go on without the journal, what they show is not recorded yet`] : []),
    ...(waiting > 0 ? [`${waiting} wait for a store that does not answer`] : []),
  ];
  return {
    name: 'entities',
    status: problems.length > 0 ? 'degraded' : 'healthy',
    detail: problems.length > 0 ? problems.join('; ') : `${live} live`,
  };
}

function historianPart({ historianLag, historianProblem = null }: NodeState): Part {
  const behind = `${Math.max(0, historianLag)} records behind`;
  // Nothing is lost with it, since the log keeps what it does not take: never worse than degraded.
  if (historianProblem !== null)
    return { name: 'historian', status: 'degraded', detail: `${behind}; ${historianProblem}` };
  const status = historianLag > HISTORIAN_LAG_DEGRADED ? 'degraded' : 'healthy';
  return { name: 'historian', status, detail: behind };
}

function names(ids: readonly string[]): string {
  const rest = ids.length - NAMED;
  return rest > 0 ? `${ids.slice(0, NAMED).join(', ')} and ${rest} more` : ids.join(', ');
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
