import type { AssembledAsset, Assembly } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import { type Bounds, meaningOf, ruleFaults } from '../rule-faults.ts';
import type { Rule } from '../schema/rule.ts';
import type { Source } from '../source.ts';
import { typeOf } from './metric-type.ts';

/** An alarm that can never come, never goes, or comes twice is worse than none: nobody notices until it is needed. */
export function checkRules(assembly: Assembly, source: Source): void {
  for (const asset of assembly.assets) {
    const seen = new Map<string, string>();
    const subject = {
      name: asset.asset.id,
      typeOf: (metric: string) => typeOf(asset, metric),
      boundsOf: (metric: string) => boundsOf(asset, metric),
    };
    for (const entry of asset.rules.values()) {
      checkDeviceLost(asset, entry, source);
      checkTwin(seen, entry, source);
      for (const fault of ruleFaults(entry.value, subject)) {
        source.report({ ...fault, at: [...entry.path, ...fault.at] });
      }
    }
  }
}

function checkDeviceLost(asset: AssembledAsset, { value: rule, path }: Entry<Rule>, source: Source): void {
  if (rule.when !== 'deviceLost' || asset.asset.lifecycle !== 'in_service' || asset.incomplete) return;
  if (asset.links.some(({ link }) => link.role === 'primary')) return;
  source.report({
    at: [...path, 'when'],
    code: 'RULE_UNREACHABLE',
    severity: 'warning',
    message: `${asset.asset.id} has no primary device that could be lost`,
    suggestion: 'link one, or leave the rule out',
  });
}

function checkTwin(seen: Map<string, string>, { value: rule, path }: Entry<Rule>, source: Source): void {
  const meaning = meaningOf(rule);
  const twin = seen.get(meaning);
  if (twin === undefined) {
    seen.set(meaning, rule.id);
    return;
  }
  source.report({
    at: [...path, 'id'],
    code: 'DUPLICATE_RULE',
    message: `rule ${rule.id} says the same as rule ${twin}`,
    suggestion: 'keep one of them, or let them differ in limit or duration',
  });
}

/** What the metric can be: its own range, and the physical range of the points that feed it. */
function boundsOf(asset: AssembledAsset, name: string): Bounds[] {
  const metric = asset.metrics.get(name)?.value;
  const bounds: Bounds[] = [];
  if (metric?.range) bounds.push({ ...metric.range, of: `the range of ${name}` });
  for (const { device, link, mappings } of asset.links) {
    for (const { metric: target, point, scale, offset } of mappings) {
      const range = target === name ? device?.points.get(point)?.value.range : undefined;
      if (!range) continue;
      const ends = [range.min * scale + offset, range.max * scale + offset];
      bounds.push({ min: Math.min(...ends), max: Math.max(...ends), of: `what ${point} of ${link.device} can be` });
    }
  }
  return bounds;
}
