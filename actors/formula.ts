import { type BinaryOperator, type FormulaFunction, type FormulaNode, parseFormula } from '../topology/formula.ts';

/** Newest value of a metric by its name; null when there is none that may be computed with. */
export type MetricLookup = (name: string) => number | null;

export interface CompiledFormula {
  /** Metrics that it reads, each once, in the order of their first use. */
  readonly identifiers: readonly string[];
  /** Null when an input that counts is missing or the result is not a finite number. */
  evaluate(lookup: MetricLookup): number | null;
}

/**
 * Turns a formula of the topology file into nested closures, once, so that evaluating it per frame neither parses nor
 * allocates. Nothing in a formula can reach further than the lookup: the operators and functions below are all there is.
 *
 * @throws Error when the text is no formula; the check of the topology file has refused such a text long before.
 */
export function compileFormula(text: string): CompiledFormula {
  const parsed = parseFormula(text);
  if (!parsed.ok) throw new Error(`formula "${text}", column ${parsed.column}: ${parsed.message}`);
  const run = compile(parsed.ast);
  return {
    identifiers: parsed.identifiers,
    evaluate(lookup) {
      const result = run(lookup);
      return result !== null && Number.isFinite(result) ? result : null;
    },
  };
}

type Step = (lookup: MetricLookup) => number | null;

function compile(node: FormulaNode): Step {
  switch (node.kind) {
    case 'number': {
      const { value } = node;
      return () => value;
    }
    case 'metric': {
      const { name } = node;
      return (lookup) => {
        const value = lookup(name);
        // NaN would be taken for false by a comparison, and the missing input would go unnoticed.
        return value !== null && Number.isFinite(value) ? value : null;
      };
    }
    case 'unary':
      return compileUnary(node.operator, compile(node.operand));
    case 'binary':
      return compileBinary(node.operator, compile(node.left), compile(node.right));
    case 'choice': {
      const condition = compile(node.condition);
      const whenTrue = compile(node.whenTrue);
      const whenFalse = compile(node.whenFalse);
      return (lookup) => {
        const chosen = condition(lookup);
        return chosen === null ? null : chosen !== 0 ? whenTrue(lookup) : whenFalse(lookup);
      };
    }
    case 'call':
      return compileCall(node.function, node.arguments.map(compile));
  }
}

function compileUnary(operator: '-' | '+' | '!', operand: Step): Step {
  if (operator === '+') return operand;
  return (lookup) => {
    const value = operand(lookup);
    return value === null ? null : operator === '-' ? -value : value === 0 ? 1 : 0;
  };
}

/** `&&` and `||` stop at the side that settles them: the other one may then be missing. */
function compileBinary(operator: BinaryOperator, left: Step, right: Step): Step {
  if (operator === '&&' || operator === '||') {
    const settledByTrue = operator === '||';
    return (lookup) => {
      const first = left(lookup);
      if (first === null) return null;
      if ((first !== 0) === settledByTrue) return settledByTrue ? 1 : 0;
      const second = right(lookup);
      return second === null ? null : second !== 0 ? 1 : 0;
    };
  }
  const apply = BINARY[operator];
  return (lookup) => {
    const first = left(lookup);
    if (first === null) return null;
    const second = right(lookup);
    return second === null ? null : apply(first, second);
  };
}

function compileCall(name: FormulaFunction, steps: readonly Step[]): Step {
  const apply = FUNCTIONS[name];
  const values: number[] = steps.map(() => 0);
  return (lookup) => {
    // The list is used again for every evaluation: a formula never calls itself, and each call in it has a list of its own.
    let index = 0;
    for (const step of steps) {
      const value = step(lookup);
      if (value === null) return null;
      values[index++] = value;
    }
    return apply(...values);
  };
}

const BINARY: Readonly<Record<Exclude<BinaryOperator, '&&' | '||'>, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '**': (left, right) => left ** right,
  '<': (left, right) => (left < right ? 1 : 0),
  '<=': (left, right) => (left <= right ? 1 : 0),
  '>': (left, right) => (left > right ? 1 : 0),
  '>=': (left, right) => (left >= right ? 1 : 0),
  '==': (left, right) => (left === right ? 1 : 0),
  '!=': (left, right) => (left !== right ? 1 : 0),
};

/** The parser has counted the arguments. */
const FUNCTIONS: Readonly<Record<FormulaFunction, (...values: number[]) => number>> = {
  abs: (x = Number.NaN) => Math.abs(x),
  min: Math.min,
  max: Math.max,
  sqrt: (x = Number.NaN) => Math.sqrt(x),
  pow: (x = Number.NaN, y = Number.NaN) => x ** y,
  round: (x = Number.NaN) => Math.round(x),
  floor: (x = Number.NaN) => Math.floor(x),
  ceil: (x = Number.NaN) => Math.ceil(x),
  exp: (x = Number.NaN) => Math.exp(x),
  log: (x = Number.NaN) => Math.log(x),
  log10: (x = Number.NaN) => Math.log10(x),
  sin: (x = Number.NaN) => Math.sin(x),
  cos: (x = Number.NaN) => Math.cos(x),
  tan: (x = Number.NaN) => Math.tan(x),
  atan2: (y = Number.NaN, x = Number.NaN) => Math.atan2(y, x),
  clamp: (x = Number.NaN, lowest = Number.NaN, highest = Number.NaN) => Math.min(Math.max(x, lowest), highest),
};
