import { nearest } from './nearest.ts';
import type { ProblemCode } from './problem.ts';
import type { Point } from './schema/device.ts';
import type { Condition, Rule } from './schema/rule.ts';

/** What a rule is to watch, as far as its condition can be judged before there is a reading. */
export interface RuleSubject {
  /** For messages: `pump-1`, `the profile pump`. */
  readonly name: string;
  /** What a metric holds; null when nothing is known. */
  typeOf(metric: string): Point['type'] | null;
  /** What a metric can be. */
  boundsOf(metric: string): readonly Bounds[];
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Whose bounds they are, for the message. */
  readonly of: string;
}

export interface RuleFault {
  /** Within the rule. */
  readonly at: readonly string[];
  readonly code: ProblemCode;
  readonly message: string;
  readonly suggestion: string | null;
  readonly severity?: 'error' | 'warning';
  /** Points at the key itself, not at its value. */
  readonly atKey?: boolean;
  /** Column within a text, counted from 1. */
  readonly columnInText?: number;
}

/**
 * What is wrong with a rule for what it is to watch, whichever way it came: from the file or over the API. An alarm that can
 * never come, or never goes, is worse than none: nobody notices until it is needed. Whether its metric is there is for the caller.
 */
export function ruleFaults(rule: Rule, subject: RuleSubject): RuleFault[] {
  const faults = messageFaults(rule);
  const ofMetric = metricFault(rule);
  if (ofMetric !== null) return [...faults, ofMetric];
  const { when, metric = '' } = rule;
  if (when === 'deviceLost') return faults;
  const ofType = typeFault(rule, when, subject);
  if (ofType !== null) return [...faults, ofType];
  const ofOrder = orderFault(rule, when);
  if (ofOrder !== null) faults.push(ofOrder);
  if (ofOrder !== null && ofOrder.severity !== 'warning') return faults;
  for (const bounds of subject.boundsOf(metric)) {
    const unreachable = reach(rule, when, bounds);
    if (unreachable !== null) return [...faults, unreachable];
  }
  return faults;
}

/** Two rules of one asset that say the same would be two alarms for one thing. */
export function meaningOf({ metric, when, durationSeconds }: Rule): string {
  return JSON.stringify([metric, when, durationSeconds]);
}

function metricFault({ id, metric, when }: Rule): RuleFault | null {
  if (when === 'deviceLost' && metric !== undefined) {
    const message = 'deviceLost is about the connection, not about a metric';
    return { at: ['metric'], code: 'RULE_METRIC', message, suggestion: 'leave out metric' };
  }
  if (when !== 'deviceLost' && metric === undefined) {
    const message = `rule ${id} does not say which metric its condition is about`;
    return { at: ['when'], code: 'RULE_METRIC', message, suggestion: 'add "metric"' };
  }
  return null;
}

const IN_MESSAGES = ['value', 'threshold', 'unit', 'asset'];

function messageFaults({ message = '' }: Rule): RuleFault[] {
  const faults: RuleFault[] = [];
  for (const { 0: whole, 1: name = '', index } of message.matchAll(/\{([^{}]*)\}/g)) {
    if (IN_MESSAGES.includes(name)) continue;
    const near = nearest(name, IN_MESSAGES);
    faults.push({
      at: ['message'],
      columnInText: index + 1,
      code: 'RULE_MESSAGE',
      severity: 'warning',
      message: `nothing replaces ${whole}: people would read it as it stands`,
      suggestion: near ? `did you mean "{${near}}"?` : `there are ${IN_MESSAGES.map((each) => `{${each}}`).join(', ')}`,
    });
  }
  return faults;
}

function typeFault({ metric = '' }: Rule, when: Condition, subject: RuleSubject): RuleFault | null {
  const type = subject.typeOf(metric);
  if (type === null) return null;
  const limit = 'equals' in when ? when.equals : 'notEquals' in when ? when.notEquals : null;
  if (limit === null ? type === 'number' : typeof limit === type) return null;
  const condition = Object.keys(when)[0] ?? '';
  return {
    at: ['when', condition],
    atKey: true,
    code: 'RULE_TYPE',
    message:
      limit === null
        ? `"${condition}" compares numbers, and ${metric} of ${subject.name} is a ${type}`
        : `${metric} of ${subject.name} is a ${type}, and ${JSON.stringify(limit)} is not`,
    suggestion: type === 'boolean' ? 'use equals: true or equals: false' : null,
  };
}

function orderFault({ deadband }: Rule, when: Condition): RuleFault | null {
  const pair = 'outside' in when ? when.outside : 'inside' in when ? when.inside : null;
  if (pair !== null && pair[0] >= pair[1]) {
    return {
      at: ['when', 'outside' in when ? 'outside' : 'inside'],
      code: 'RULE_LIMITS_REVERSED',
      message: `the lower limit ${pair[0]} is not below the upper limit ${pair[1]}`,
      suggestion: pair[0] > pair[1] ? `[${pair[1]}, ${pair[0]}]` : 'use equals or notEquals for a single value',
    };
  }
  if ('outside' in when && pair !== null && pair[0] + deadband > pair[1] - deadband) {
    return {
      at: ['deadband'],
      code: 'RULE_DEADBAND',
      message: `with a deadband of ${deadband} no value between ${pair[0]} and ${pair[1]} clears the alarm`,
      suggestion: `at most ${(pair[1] - pair[0]) / 2}`,
    };
  }
  if (deadband > 0 && ('equals' in when || 'notEquals' in when)) {
    return {
      at: ['deadband'],
      code: 'RULE_DEADBAND',
      severity: 'warning',
      message: 'equals and notEquals have no limit to come back from: the deadband has no effect',
      suggestion: 'leave it out',
    };
  }
  return null;
}

function reach(rule: Rule, when: Condition, bounds: Bounds): RuleFault | null {
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
