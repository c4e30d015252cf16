import type { Turn, View } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import { kindOf } from '../../runtime/ids.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import type { Quality } from '../frame.ts';
import type { RollUpPlan } from './layout.ts';
import { computeFormulas, loseValue, takeValue, worse } from './metrics.ts';
import type { AssetLive, AssetState, ChildValue } from './state.ts';

/** AGG-06: metrics computed from the newest views of the children; live only, so a restart brings them back by itself. */
export function watchChildren(
  { live }: AssetState,
  changed: ReadonlyMap<EntityId, View>,
  turn: Turn<AssetDefinition>,
): void {
  const { rollUps } = live.layout;
  if (rollUps.length === 0) return;
  live.nowMs = turn.nowMs;
  for (const [id, view] of changed) {
    if (kindOf(id) === 'asset')
      live.children.set(
        id,
        rollUps.map(({ of }) => childValue(view, of)),
      );
  }
  for (const [index, plan] of rollUps.entries()) rollUp(live, plan, index);
  computeFormulas(live);
  live.touched.fill(0);
  live.rollUpsChanged = true;
}

/** A child whose value is BAD or stale takes no part, and the result is marked as lacking it. */
function childValue(view: View, metric: string): ChildValue {
  const value = view.values?.[metric];
  const mark = view.marks?.[metric];
  const timeMs = view.times?.[metric];
  const receivedMs = view.received?.[metric];
  const isMarked = typeof mark === 'object' && mark !== null && 'quality' in mark;
  const isUnfit = isMarked && (mark.quality === 'BAD' || mark.reason === 'stale' || mark.reason === 'device_lost');
  const doubt = isMarked && (mark.quality === 'SUSPECT' || mark.quality === 'UNCERTAIN') ? mark.quality : 'GOOD';
  return {
    value: typeof value === 'number' && !isUnfit ? value : null,
    quality: isUnfit ? 'BAD' : doubt,
    timeMs: typeof timeMs === 'number' ? timeMs : 0,
    receivedMs: typeof receivedMs === 'number' ? receivedMs : 0,
  };
}

/** A sum without one of its parts looks right and is not: it is said to be incomplete. How many there are is certain. */
const LACKS: Readonly<Record<Quality, { readonly shown: Quality; readonly reason: string | null }>> = {
  GOOD: { shown: 'GOOD', reason: null },
  SUSPECT: { shown: 'SUSPECT', reason: 'input' },
  UNCERTAIN: { shown: 'UNCERTAIN', reason: 'input' },
  BAD: { shown: 'UNCERTAIN', reason: 'incomplete' },
};

function rollUp(live: AssetLive, plan: RollUpPlan, index: number): void {
  let count = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let newestMs = 0;
  let receivedMs = 0;
  let quality: Quality = 'GOOD';
  for (const values of live.children.values()) {
    const child = values[index];
    if (child === undefined) continue;
    quality = worse(quality, child.quality);
    if (child.value === null) continue;
    count++;
    sum += child.value;
    min = Math.min(min, child.value);
    max = Math.max(max, child.value);
    newestMs = Math.max(newestMs, child.timeMs);
    receivedMs = Math.max(receivedMs, child.receivedMs);
  }
  if (count === 0 && plan.function !== 'count') {
    if (!Number.isNaN(live.timeMs[plan.metric])) loseValue(live, plan.metric, 'no_input', live.nowMs);
    return;
  }
  const value = { sum, avg: sum / count, min, max, count }[plan.function];
  if (count === 0) newestMs = receivedMs = live.nowMs;
  const { shown, reason } = LACKS[plan.function === 'count' ? 'GOOD' : quality];
  takeValue(live, plan.metric, value, newestMs, receivedMs, shown, reason, Number.POSITIVE_INFINITY);
}
