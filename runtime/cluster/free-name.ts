import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterRows } from '../cluster-rows.ts';
import { ErrorWithCode } from '../errors.ts';

export interface FreeNameOptions {
  readonly rows: Pick<ClusterRows, 'view'>;
  readonly node: string;
  readonly leaseTtlMs: number;
  /** Told once, where it is not free at once. */
  readonly waiting: () => void;
  readonly pauseMs?: number;
  readonly nowMs?: () => number;
}

/** For a renewal that was on its way when its process ended. */
const MARGIN_MS = 500;
const PAUSE_MS = 100;

/**
 * Resolves when no other process runs as this node. A former life of it that was killed counts as alive until its lease has run
 * out; one that still does so later has renewed it meanwhile, and goes on. It would lose its place to a newcomer of its name,
 * and where each is started anew, both would go on taking it from each other.
 *
 * Fails with NODE_NAME_TAKEN.
 */
export async function nameIsFree(options: FreeNameOptions): Promise<void> {
  const { rows, node, leaseTtlMs, waiting, pauseMs = PAUSE_MS, nowMs = () => performance.now() } = options;
  let aliveSinceMs: number | undefined;
  for (;;) {
    const askedMs = nowMs();
    // A database that does not answer is waited for by whoever joins.
    const view = await rows.view().catch(() => undefined);
    if (view === undefined || !view.members.some((member) => member.node === node && member.live)) return;
    if (aliveSinceMs === undefined) {
      aliveSinceMs = nowMs();
      waiting();
    } else if (askedMs - aliveSinceMs > leaseTtlMs + MARGIN_MS)
      throw new ErrorWithCode(
        'NODE_NAME_TAKEN',
        `another process runs as node ${node} of this cell: give this one a name of its own with --node (setting NODE), or stop the other`,
        { retryable: false },
      );
    await delay(pauseMs);
  }
}
