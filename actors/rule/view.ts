import { shownAddress } from '../../topology/shown-address.ts';
import type { RuleProblem, RuleView } from '../views.ts';
import { misfitAt, type RuleGround } from './fit.ts';
import type { MadeRule, RuleFile } from './state.ts';

/** More of the same would help nobody. */
const MAX_PROBLEMS = 50;

export function ruleView({ made, unconfirmed, waiting, revision }: RuleFile, ground: RuleGround): RuleView | null {
  if (made === null) return null;
  const { scope, rule, assets, createdAtMs, createdBy, changedAtMs, changedBy } = made;
  const { id: _, metric, message, response, workOrder, webhook, ...rest } = rule;
  return {
    props: {
      ...rest,
      source: 'api',
      entityId: 'asset' in scope ? `asset/${scope.asset}` : null,
      profile: 'profile' in scope ? scope.profile : null,
      metric: metric ?? null,
      message: message ?? null,
      response: response ?? null,
      workOrder: workOrder ?? null,
      webhook: webhook === undefined ? null : shownAddress(webhook),
      assets,
      unconfirmed: [...Object.keys(unconfirmed), ...waiting],
      problems: problemsOf(made, ground),
      revision,
      createdAtMs,
      createdBy,
      changedAtMs,
      changedBy,
    },
  };
}

const problems = new WeakMap<MadeRule, readonly RuleProblem[]>();

/** The file may have changed since the rule was made; looked at once, since it cannot change while the node runs. */
function problemsOf(made: MadeRule, ground: RuleGround): readonly RuleProblem[] {
  const known = problems.get(made);
  if (known !== undefined) return known;
  const { scope, rule, assets } = made;
  const found: RuleProblem[] = [];
  if (rule.workOrder !== undefined && !ground.workOrderTemplates.has(rule.workOrder))
    found.push({ asset: null, code: 'UNKNOWN_TEMPLATE', message: `there is no work order template ${rule.workOrder}` });
  if ('asset' in scope && assets.length === 0)
    found.push({ asset: scope.asset, code: 'UNKNOWN_ASSET', message: `there is no asset ${scope.asset}` });
  if ('profile' in scope && !ground.assetProfiles.has(scope.profile))
    found.push({ asset: null, code: 'UNKNOWN_PROFILE', message: `there is no asset profile ${scope.profile}` });
  for (const id of assets) {
    if (found.length === MAX_PROBLEMS) break;
    const asset = ground.assets.get(id);
    const misfit = asset && misfitAt(rule, asset, ground);
    if (misfit !== undefined) found.push({ asset: id, code: misfit.code, message: misfit.message });
  }
  problems.set(made, found);
  return found;
}
