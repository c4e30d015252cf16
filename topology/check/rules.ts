import type { AssembledAsset, Assembly } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import { nearest } from '../nearest.ts';
import type { Condition, Rule } from '../schema/rule.ts';
import type { Source } from '../source.ts';
import { typeOf } from './metric-type.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Whose bounds they are, for the message. */
  readonly of: string;
}

/** An alarm that can never come, never goes, or comes twice is worse than none: nobody notices until it is needed. */
export function checkRules(assembly: Assembly, source: Source): void {
  for (const asset of assembly.assets) {
    const seen = new Map<string, string>();
    for (const entry of asset.rules.values()) {
      const { value: rule, path } = entry;
      checkMessage(entry, source);
      checkDeviceLost(asset, entry, source);
      if (!checkMetric(entry, source) || rule.when === 'deviceLost') {
        checkTwin(seen, entry, source);
        continue;
      }
      checkTwin(seen, entry, source);
      if (!checkType(asset, entry, rule.when, source)) continue;
      if (!checkOrder(entry, rule.when, source)) continue;
      const bounds = boundsOf(asset, rule.metric ?? '');
      const fault = bounds.map((bound) => reach(rule, rule.when, bound)).find((found) => found !== null);
      if (fault) source.report({ ...fault, at: [...path, ...fault.at] });
    }
  }
}

function checkMetric({ value: rule, path }: Entry<Rule>, source: Source): boolean {
  if (rule.when === 'deviceLost' && rule.metric !== undefined) {
    source.report({
      at: [...path, 'metric'],
      code: 'RULE_METRIC',
      message: 'deviceLost is about the connection, not about a metric',
      suggestion: 'leave out metric',
    });
    return false;
  }
  if (rule.when !== 'deviceLost' && rule.metric === undefined) {
    source.report({
      at: [...path, 'when'],
      code: 'RULE_METRIC',
      message: `rule ${rule.id} does not say which metric its condition is about`,
      suggestion: 'add "metric"',
    });
    return false;
  }
  return true;
}

const IN_MESSAGES = ['value', 'threshold', 'unit', 'asset'];

function checkMessage({ value: rule, path }: Entry<Rule>, source: Source): void {
  for (const { 0: whole, 1: name = '', index } of rule.message?.matchAll(/\{([^{}]*)\}/g) ?? []) {
    if (IN_MESSAGES.includes(name)) continue;
    const near = nearest(name, IN_MESSAGES);
    source.report({
      at: [...path, 'message'],
      columnInText: index + 1,
      code: 'RULE_MESSAGE',
      severity: 'warning',
      message: `nothing replaces ${whole}: people would read it as it stands`,
      suggestion: near ? `did you mean "{${near}}"?` : `there are ${IN_MESSAGES.map((each) => `{${each}}`).join(', ')}`,
    });
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
  const meaning = JSON.stringify([rule.metric, rule.when, rule.durationSeconds]);
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

function checkType(
  asset: AssembledAsset,
  { value: rule, path }: Entry<Rule>,
  when: Rule['when'],
  source: Source,
): boolean {
  const type = typeOf(asset, rule.metric ?? '');
  if (type === null || when === 'deviceLost') return true;
  const limit = 'equals' in when ? when.equals : 'notEquals' in when ? when.notEquals : null;
  const fits = limit === null ? type === 'number' : typeof limit === type;
  if (!fits) {
    const condition = Object.keys(when)[0] ?? '';
    source.report({
      at: [...path, 'when', condition],
      atKey: true,
      code: 'RULE_TYPE',
      message:
        limit === null
          ? `"${condition}" compares numbers, and ${rule.metric} of ${asset.asset.id} is a ${type}`
          : `${rule.metric} of ${asset.asset.id} is a ${type}, and ${JSON.stringify(limit)} is not`,
      suggestion: type === 'boolean' ? 'use equals: true or equals: false' : null,
    });
  }
  return fits;
}

function checkOrder({ value: rule, path }: Entry<Rule>, when: Rule['when'], source: Source): boolean {
  if (when === 'deviceLost') return true;
  const pair = 'outside' in when ? when.outside : 'inside' in when ? when.inside : null;
  if (pair !== null && pair[0] >= pair[1]) {
    source.report({
      at: [...path, 'when', 'outside' in when ? 'outside' : 'inside'],
      code: 'RULE_LIMITS_REVERSED',
      message: `the lower limit ${pair[0]} is not below the upper limit ${pair[1]}`,
      suggestion: pair[0] > pair[1] ? `[${pair[1]}, ${pair[0]}]` : 'use equals or notEquals for a single value',
    });
    return false;
  }
  if ('outside' in when && pair !== null && pair[0] + rule.deadband > pair[1] - rule.deadband) {
    source.report({
      at: [...path, 'deadband'],
      code: 'RULE_DEADBAND',
      message: `with a deadband of ${rule.deadband} no value between ${pair[0]} and ${pair[1]} clears the alarm`,
      suggestion: `at most ${(pair[1] - pair[0]) / 2}`,
    });
    return false;
  }
  if (rule.deadband > 0 && ('equals' in when || 'notEquals' in when)) {
    source.report({
      at: [...path, 'deadband'],
      code: 'RULE_DEADBAND',
      severity: 'warning',
      message: 'equals and notEquals have no limit to come back from: the deadband has no effect',
      suggestion: 'leave it out',
    });
  }
  return true;
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

interface Unreachable {
  readonly at: readonly string[];
  readonly code: 'RULE_UNREACHABLE' | 'RULE_NEVER_CLEARS';
  readonly message: string;
  readonly suggestion: string;
}

function reach(rule: Rule, when: Rule['when'], bounds: Bounds): Unreachable | null {
  if (when === 'deviceLost') return null;
  const span = `${bounds.min} to ${bounds.max}`;
  const at = ['when', Object.keys(when)[0] ?? ''];
  const suggestion = `choose a limit within ${span}, or correct the range`;
  const { possible, always } = holds(when, bounds);
  if (!possible) {
    const message = `the condition can never hold: ${bounds.of} is ${span}`;
    return { at, code: 'RULE_UNREACHABLE', message, suggestion };
  }
  if (always) {
    const message = `the condition always holds: ${bounds.of} is ${span}`;
    return { at, code: 'RULE_UNREACHABLE', message, suggestion };
  }
  if (canClear(when, rule.deadband, bounds)) return null;
  const message = `with a deadband of ${rule.deadband} the alarm can never clear: ${bounds.of} is ${span}`;
  return {
    at: rule.deadband > 0 ? ['deadband'] : at,
    code: 'RULE_NEVER_CLEARS',
    message,
    suggestion: 'make it smaller',
  };
}

function holds(when: Condition, { min, max }: Bounds): { possible: boolean; always: boolean } {
  if ('above' in when) return { possible: max > when.above, always: min > when.above };
  if ('atLeast' in when) return { possible: max >= when.atLeast, always: min >= when.atLeast };
  if ('below' in when) return { possible: min < when.below, always: max < when.below };
  if ('atMost' in when) return { possible: min <= when.atMost, always: max <= when.atMost };
  if ('outside' in when) {
    const [low, high] = when.outside;
    return { possible: min < low || max > high, always: max < low || min > high };
  }
  if ('inside' in when) {
    const [low, high] = when.inside;
    return { possible: max >= low && min <= high, always: min >= low && max <= high };
  }
  const limit = 'equals' in when ? when.equals : when.notEquals;
  const within = typeof limit !== 'number' || (limit >= min && limit <= max);
  return 'equals' in when ? { possible: within, always: false } : { possible: true, always: !within };
}

function canClear(when: Condition, deadband: number, { min, max }: Bounds): boolean {
  if ('above' in when) return min <= when.above - deadband;
  if ('atLeast' in when) return min <= when.atLeast - deadband;
  if ('below' in when) return max >= when.below + deadband;
  if ('atMost' in when) return max >= when.atMost + deadband;
  if ('inside' in when) return min <= when.inside[0] - deadband || max >= when.inside[1] + deadband;
  return true;
}
