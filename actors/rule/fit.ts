import { type Rejection, reject } from '../../runtime/actor-kind.ts';
import { nearest } from '../../topology/nearest.ts';
import type { AssetDefinition, Plant } from '../../topology/plant.ts';
import { type Bounds, meaningOf, type RuleFault, type RuleSubject, ruleFaults } from '../../topology/rule-faults.ts';
import type { AssetProfile, Metric } from '../../topology/schema/asset.ts';
import type { Point } from '../../topology/schema/device.ts';
import type { Rule } from '../../topology/schema/rule.ts';
import type { RuleScope } from './events.ts';

/** What rules may be about: the part of the plant that they look at. */
export type RuleGround = Pick<Plant, 'assets' | 'assetProfiles' | 'devices' | 'workOrderTemplates'>;

/** Each asset is told by itself and confirms by itself. */
export const MAX_ASSETS = 5000;

/** Ids of the assets that a rule is to hold for now. */
export function assetsIn(scope: RuleScope, { assets }: RuleGround): string[] {
  if ('asset' in scope) return assets.has(scope.asset) ? [scope.asset] : [];
  const ids: string[] = [];
  for (const { id, profile } of assets.values()) if (profile === scope.profile) ids.push(id);
  return ids;
}

/** Why a rule cannot be made as it is; undefined: it can. `field` is a member of the rule. */
export function misfitOf(rule: Rule, scope: RuleScope, ground: RuleGround): Rejection | undefined {
  const { assets, assetProfiles, workOrderTemplates } = ground;
  if (rule.workOrder !== undefined && !workOrderTemplates.has(rule.workOrder)) {
    const text = `there is no work order template ${rule.workOrder}${meant(rule.workOrder, workOrderTemplates.keys())}`;
    return reject('UNKNOWN_TEMPLATE', text, 'workOrder');
  }
  if ('asset' in scope) {
    const asset = assets.get(scope.asset);
    if (asset !== undefined) return misfitAt(rule, asset, ground);
    return reject('UNKNOWN_ASSET', `there is no asset ${scope.asset}${meant(scope.asset, assets.keys())}`, 'entityId');
  }
  const profile = assetProfiles.get(scope.profile);
  if (profile === undefined) {
    const text = `there is no asset profile ${scope.profile}${meant(scope.profile, assetProfiles.keys())}`;
    return reject('UNKNOWN_PROFILE', text, 'profile');
  }
  // Also for assets that are still to come.
  const ofProfile = misfitOn(rule, subjectOfProfile(profile), profile.metrics, profile.rules);
  if (ofProfile !== undefined) return ofProfile;
  const concerned = assetsIn(scope, ground);
  if (concerned.length > MAX_ASSETS) {
    const text = `${concerned.length} assets are made from ${scope.profile}, and a rule of the API holds for ${MAX_ASSETS} at most: put it into the topology file`;
    return reject('RULE_TOO_WIDE', text, 'profile');
  }
  for (const id of concerned) {
    const asset = assets.get(id);
    const misfit = asset && misfitAt(rule, asset, ground);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

/** Why one asset cannot have the rule, or not in this form. */
export function misfitAt(rule: Rule, asset: AssetDefinition, ground: RuleGround): Rejection | undefined {
  return misfitOn(rule, subjectOfAsset(asset, ground), asset.metrics, asset.rules);
}

function misfitOn(
  rule: Rule,
  subject: RuleSubject,
  metrics: readonly Metric[],
  fileRules: readonly Rule[],
): Rejection | undefined {
  const { id, metric } = rule;
  if (fileRules.some((other) => other.id === id)) {
    const text = `${subject.name} has a rule ${id} in the topology file: change it there, or choose another id`;
    return reject('RULE_OF_FILE', text, 'id');
  }
  const twin = fileRules.find((other) => meaningOf(other) === meaningOf(rule));
  if (twin !== undefined) {
    const text = `the topology file has a rule ${twin.id} for ${subject.name} that says the same`;
    return reject('DUPLICATE_RULE', text, 'when');
  }
  if (metric !== undefined && !metrics.some(({ name }) => name === metric)) {
    const names = metrics.map(({ name }) => name);
    return reject('UNKNOWN_METRIC', `${subject.name} has no metric ${metric}${meant(metric, names)}`, 'metric');
  }
  const fault = ruleFaults(rule, subject).find(({ severity }) => severity !== 'warning');
  return fault && reject(fault.code, wordsOf(fault), fault.at.join('.'));
}

function wordsOf({ message, suggestion }: RuleFault): string {
  return suggestion === null ? message : `${message}; ${suggestion}`;
}

function meant(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === null ? '' : `; did you mean ${near}?`;
}

function subjectOfProfile({ id, metrics }: AssetProfile): RuleSubject {
  const byName = new Map(metrics.map((metric) => [metric.name, metric]));
  return {
    name: `the profile ${id}`,
    typeOf: (metric) => (isComputed(byName.get(metric)) ? 'number' : null),
    boundsOf: (metric) => rangeOf(byName.get(metric)),
  };
}

function subjectOfAsset({ id, metrics, links }: AssetDefinition, { devices }: RuleGround): RuleSubject {
  const byName = new Map(metrics.map((metric) => [metric.name, metric]));
  const sourcesOf = (name: string) =>
    links.flatMap(({ device, mappings }) =>
      mappings.flatMap(({ metric, point, scale, offset }) => {
        const source = devices.get(device)?.points.find((each) => each.name === point);
        return metric === name && source !== undefined ? [{ device, source, scale, offset }] : [];
      }),
    );
  return {
    name: id,
    typeOf(metric) {
      if (isComputed(byName.get(metric))) return 'number';
      const types = new Set<Point['type']>(sourcesOf(metric).map(({ source }) => source.type));
      const [type] = types;
      return types.size === 1 && type !== undefined ? type : null;
    },
    boundsOf(metric) {
      const bounds = rangeOf(byName.get(metric));
      for (const { device, source, scale, offset } of sourcesOf(metric)) {
        if (source.range === undefined) continue;
        const ends = [source.range.min * scale + offset, source.range.max * scale + offset];
        bounds.push({ min: Math.min(...ends), max: Math.max(...ends), of: `what ${source.name} of ${device} can be` });
      }
      return bounds;
    },
  };
}

function isComputed(metric: Metric | undefined): boolean {
  return metric?.formula !== undefined || metric?.rollUp !== undefined;
}

function rangeOf(metric: Metric | undefined): Bounds[] {
  return metric?.range === undefined ? [] : [{ ...metric.range, of: `the range of ${metric.name}` }];
}
