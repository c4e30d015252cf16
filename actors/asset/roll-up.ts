import type { Turn, View } from '../../runtime/actor-kind.ts';
import type { EntityId } from '../../runtime/ids.ts';
import { kindOf } from '../../runtime/ids.ts';
import type { AssetDefinition } from '../../topology/plant.ts';
import { combine, partOf } from '../quality/combined.ts';
import type { RollUpPlan } from './layout.ts';
import { computeFormulas, loseValue, takeValue } from './metrics.ts';
import { syncRules } from './rules.ts';
import type { AssetLive, AssetState } from './state.ts';

/** AGG-06: metrics computed from the newest views of the children; live only, so a restart brings them back by itself. */
export function watchChildren(
  { decided, live }: AssetState,
  changed: ReadonlyMap<EntityId, View>,
  turn: Turn<AssetDefinition>,
): void {
  const { rollUps } = live.layout;
  if (rollUps.length === 0) return;
  syncRules(decided, live);
  live.nowMs = turn.nowMs;
  for (const [id, view] of changed) {
    if (kindOf(id) === 'asset')
      live.children.set(
        id,
        rollUps.map(({ of }) => partOf(view, of)),
      );
  }
  for (const [index, plan] of rollUps.entries()) rollUp(live, plan, index);
  computeFormulas(live);
  live.touched.fill(0);
  live.rollUpsChanged = true;
}

function rollUp(live: AssetLive, plan: RollUpPlan, index: number): void {
  const children = [...live.children.values()].flatMap((parts) => parts[index] ?? []);
  const unseen = Math.max(0, live.layout.definition.children.length - live.children.size);
  const { value, quality, reason, inputs, ...newest } = combine(plan.function, children, unseen);
  live.inputs.set(plan.metric, inputs);
  if (value === null) {
    loseValue(live, plan.metric, reason, live.nowMs);
    return;
  }
  const { timeMs, receivedMs } = newest.timeMs > 0 ? newest : { timeMs: live.nowMs, receivedMs: live.nowMs };
  takeValue(live, plan.metric, value, timeMs, receivedMs, quality, reason, Number.POSITIVE_INFINITY);
}
