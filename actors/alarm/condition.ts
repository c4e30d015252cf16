import type { Condition, Rule } from '../../topology/schema/rule.ts';
import type { PointValue } from '../frame.ts';

/** What a value says about a condition. `between`: inside the deadband, neither holding nor gone. `unfit`: not of its type. */
export type Verdict = 'holds' | 'between' | 'gone' | 'unfit';

/** A condition ready for the hot path: no parsing, no allocation per value. */
export interface CompiledCondition {
  judge(value: PointValue): Verdict;
  /** The limit that a value is beyond, for showing. */
  threshold(value: PointValue): PointValue;
  /** `above`, `below`, …, for messages. */
  readonly word: string;
}

export function compileCondition(condition: Condition, deadband: number): CompiledCondition {
  if ('above' in condition) return upper(condition.above, deadband, false);
  if ('atLeast' in condition) return upper(condition.atLeast, deadband, true);
  if ('below' in condition) return lower(condition.below, deadband, false);
  if ('atMost' in condition) return lower(condition.atMost, deadband, true);
  if ('equals' in condition) return equal(condition.equals, deadband);
  if ('notEquals' in condition) return unequal(condition.notEquals);
  if ('outside' in condition) return outside(condition.outside, deadband);
  return inside(condition.inside, deadband);
}

/** What a wall draws as the rule's limit on its metric. */
export function limitsOf(rule: Rule): { readonly above?: number; readonly below?: number } {
  const { when } = rule;
  if (when === 'deviceLost') return {};
  if ('above' in when) return { above: when.above };
  if ('atLeast' in when) return { above: when.atLeast };
  if ('below' in when) return { below: when.below };
  if ('atMost' in when) return { below: when.atMost };
  if ('outside' in when) return { below: when.outside[0], above: when.outside[1] };
  return {};
}

function upper(limit: number, deadband: number, inclusive: boolean): CompiledCondition {
  const back = limit - deadband;
  return {
    word: inclusive ? 'at or above' : 'above',
    threshold: () => limit,
    judge(value) {
      const n = toNumber(value);
      if (Number.isNaN(n)) return 'unfit';
      if (inclusive ? n >= limit : n > limit) return 'holds';
      return (inclusive ? n < back : n <= back) || deadband === 0 ? 'gone' : 'between';
    },
  };
}

function lower(limit: number, deadband: number, inclusive: boolean): CompiledCondition {
  const back = limit + deadband;
  return {
    word: inclusive ? 'at or below' : 'below',
    threshold: () => limit,
    judge(value) {
      const n = toNumber(value);
      if (Number.isNaN(n)) return 'unfit';
      if (inclusive ? n <= limit : n < limit) return 'holds';
      return (inclusive ? n > back : n >= back) || deadband === 0 ? 'gone' : 'between';
    },
  };
}

function outside([low, high]: readonly [number, number], deadband: number): CompiledCondition {
  // A deadband wider than the range would leave no value that ends the condition.
  const band = Math.min(deadband, (high - low) / 2);
  return {
    word: 'outside',
    threshold: (value) => (toNumber(value) < low ? low : high),
    judge(value) {
      const n = toNumber(value);
      if (Number.isNaN(n)) return 'unfit';
      if (n < low || n > high) return 'holds';
      return n >= low + band && n <= high - band ? 'gone' : 'between';
    },
  };
}

function inside([low, high]: readonly [number, number], deadband: number): CompiledCondition {
  return {
    word: 'within',
    threshold: () => `${low} … ${high}`,
    judge(value) {
      const n = toNumber(value);
      if (Number.isNaN(n)) return 'unfit';
      if (n >= low && n <= high) return 'holds';
      return n < low - deadband || n > high + deadband || deadband === 0 ? 'gone' : 'between';
    },
  };
}

function equal(wanted: number | string | boolean, deadband: number): CompiledCondition {
  return {
    word: 'equal to',
    threshold: () => wanted,
    judge(value) {
      if (value === null) return 'unfit';
      if (same(value, wanted)) return 'holds';
      if (typeof wanted === 'number' && deadband > 0) {
        return Math.abs(toNumber(value) - wanted) <= deadband ? 'between' : 'gone';
      }
      return 'gone';
    },
  };
}

/** A deadband means nothing here: the condition ends where the value is the wanted one. */
function unequal(wanted: number | string | boolean): CompiledCondition {
  return {
    word: 'not',
    threshold: () => wanted,
    judge(value) {
      if (value === null) return 'unfit';
      return same(value, wanted) ? 'gone' : 'holds';
    },
  };
}

/** A coil may arrive as 0 and 1 and a rule speak of true and false, or the other way round. */
function same(value: number | string | boolean, wanted: number | string | boolean): boolean {
  if (value === wanted) return true;
  if (typeof value === 'string' || typeof wanted === 'string') return false;
  return Number(value) === Number(wanted);
}

function toNumber(value: PointValue): number {
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : Number.NaN;
}
