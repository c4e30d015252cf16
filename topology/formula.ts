import jsep from 'jsep';

/**
 * The formulas of the topology file: `voltage * current / 1000`. One grammar for the check of the file and for the actors
 * that compile the tree. Truth is 1 and 0 as in the readings: a comparison gives 1 or 0, and anything but 0 is true.
 */
export type FormulaNode =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'metric'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: FormulaNode }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: FormulaNode;
      readonly right: FormulaNode;
    }
  /** `condition ? whenTrue : whenFalse` and `if(condition, whenTrue, whenFalse)`: only the chosen side is computed. */
  | {
      readonly kind: 'choice';
      readonly condition: FormulaNode;
      readonly whenTrue: FormulaNode;
      readonly whenFalse: FormulaNode;
    }
  | { readonly kind: 'call'; readonly function: FormulaFunction; readonly arguments: readonly FormulaNode[] };

export type UnaryOperator = '-' | '+' | '!';
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];
export type FormulaFunction = keyof typeof FORMULA_FUNCTIONS;

export const BINARY_OPERATORS = ['+', '-', '*', '/', '%', '**', '<', '<=', '>', '>=', '==', '!=', '&&', '||'] as const;

/** Name -> fewest and most arguments. `log` is natural, angles are in radians. */
export const FORMULA_FUNCTIONS = {
  abs: [1, 1],
  min: [1, 50],
  max: [1, 50],
  sqrt: [1, 1],
  pow: [2, 2],
  round: [1, 1],
  floor: [1, 1],
  ceil: [1, 1],
  exp: [1, 1],
  log: [1, 1],
  log10: [1, 1],
  sin: [1, 1],
  cos: [1, 1],
  tan: [1, 1],
  atan2: [2, 2],
  /** clamp(x, lowest, highest) */
  clamp: [3, 3],
} as const satisfies Record<string, readonly [number, number]>;

export type ParsedFormula =
  | {
      readonly ok: true;
      readonly ast: FormulaNode;
      /** Metrics that it reads, each once, in the order of their first use. */
      readonly identifiers: readonly string[];
    }
  /** `column` counts characters of the text from 1. */
  | { readonly ok: false; readonly message: string; readonly column: number };

/** Keeps the recursion of the parser within the stack. */
export const MAX_FORMULA_LENGTH = 500;

/** Deeper trees would be a danger to the stack of whoever walks them; nobody writes them by hand. */
const MAX_DEPTH = 100;

export function parseFormula(text: string): ParsedFormula {
  if (text.length > MAX_FORMULA_LENGTH) {
    return { ok: false, message: `longer than ${MAX_FORMULA_LENGTH} characters`, column: MAX_FORMULA_LENGTH + 1 };
  }
  try {
    refuseStrayCharacters(text);
    const tree = jsep(text);
    const identifiers = new Set<string>();
    const ast = convert(tree, { text, identifiers, depth: 0 });
    return { ok: true, ast, identifiers: [...identifiers] };
  } catch (error) {
    if (error instanceof FormulaFault) return { ok: false, message: error.message, column: error.index + 1 };
    if (error instanceof Error && 'index' in error && typeof error.index === 'number') {
      return {
        ok: false,
        message: 'description' in error ? String(error.description) : error.message,
        column: error.index + 1,
      };
    }
    throw error;
  }
}

/** Where the name stands in the formula, counted from 1; for messages about a name that means nothing. */
export function columnOfIdentifier(text: string, name: string): number {
  for (const found of text.matchAll(/[A-Za-z_]\w*/g)) {
    if (found[0] === name && !/^\s*\(/.test(text.slice(found.index + name.length))) return found.index + 1;
  }
  return 1;
}

class FormulaFault extends Error {
  readonly index: number;
  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

interface Conversion {
  readonly text: string;
  readonly identifiers: Set<string>;
  readonly depth: number;
}

function convert(node: jsep.Expression, parent: Conversion): FormulaNode {
  const at = placeOf(node).start;
  if (parent.depth >= MAX_DEPTH) throw new FormulaFault(`nested deeper than ${MAX_DEPTH} levels`, at);
  const context = { ...parent, depth: parent.depth + 1 };
  const core = node as jsep.CoreExpression;
  switch (core.type) {
    case 'Literal':
      if (typeof core.value === 'boolean') return { kind: 'number', value: core.value ? 1 : 0 };
      if (typeof core.value === 'number' && Number.isFinite(core.value)) return { kind: 'number', value: core.value };
      throw new FormulaFault(`${core.raw} is not a number`, at);
    case 'Identifier':
      context.identifiers.add(core.name);
      return { kind: 'metric', name: core.name };
    case 'UnaryExpression':
      if (core.operator !== '-' && core.operator !== '+' && core.operator !== '!') {
        throw new FormulaFault(`operator ${core.operator} is not known here`, at);
      }
      return { kind: 'unary', operator: core.operator, operand: convert(core.argument, context) };
    case 'BinaryExpression':
      return convertBinary(core, context);
    case 'ConditionalExpression':
      return {
        kind: 'choice',
        condition: convert(core.test, context),
        whenTrue: convert(core.consequent, context),
        whenFalse: convert(core.alternate, context),
      };
    case 'CallExpression':
      return convertCall(core, context, at);
    case 'Compound': {
      const second = core.body[1];
      if (second === undefined) throw new FormulaFault('the formula is empty', 0);
      throw new FormulaFault('an operator is missing before this', placeOf(second).start);
    }
    case 'MemberExpression':
      throw new FormulaFault('a formula reads metrics of its own asset by their plain name', at);
    default:
      throw new FormulaFault(`${core.type} is not part of a formula`, at);
  }
}

function convertBinary(node: jsep.BinaryExpression, context: Conversion): FormulaNode {
  const operator = BINARY_OPERATORS.find((known) => known === node.operator);
  const left = placeOf(node.left);
  if (operator === undefined) {
    const found = context.text.indexOf(node.operator, left.end);
    const instead = node.operator === '===' ? '; write ==' : node.operator === '!==' ? '; write !=' : '';
    throw new FormulaFault(`operator ${node.operator} is not known here${instead}`, Math.max(found, 0));
  }
  if (operator === '**' && node.left.type === 'UnaryExpression' && !left.parenthesized) {
    throw new FormulaFault('say which is meant: (-a) ** b or -(a ** b)', left.start);
  }
  return { kind: 'binary', operator, left: convert(node.left, context), right: convert(node.right, context) };
}

function convertCall(node: jsep.CallExpression, context: Conversion, at: number): FormulaNode {
  if (node.callee.type !== 'Identifier') throw new FormulaFault('only a function can be called', at);
  const name = String(node.callee.name);
  const given = node.arguments.map((argument) => convert(argument, context));
  const [fewest, most] = name === 'if' ? [3, 3] : isFunction(name) ? FORMULA_FUNCTIONS[name] : [0, -1];
  if (most < 0) {
    throw new FormulaFault(`no function ${name}; there are ${Object.keys(FORMULA_FUNCTIONS).join(', ')} and if`, at);
  }
  if (given.length < fewest || given.length > most) {
    const expected = fewest === most ? `${fewest}` : `${fewest} to ${most}`;
    throw new FormulaFault(`${name} takes ${expected} argument${most === 1 ? '' : 's'}, not ${given.length}`, at);
  }
  const [condition, whenTrue, whenFalse] = given;
  if (name === 'if' && condition && whenTrue && whenFalse) return { kind: 'choice', condition, whenTrue, whenFalse };
  if (!isFunction(name)) throw new FormulaFault(`no function ${name}`, at);
  return { kind: 'call', function: name, arguments: given };
}

function isFunction(name: string): name is FormulaFunction {
  return Object.hasOwn(FORMULA_FUNCTIONS, name);
}

/** jsep also reads strings, lists, several expressions in a row and stray separators; a formula has none of them. */
function refuseStrayCharacters(text: string): void {
  if (text.trim() === '') throw new FormulaFault('the formula is empty', 0);
  const stray = text.search(/[^\w\s.+\-*/%()<>=!&|?:,]/);
  if (stray >= 0) throw new FormulaFault(`${text.charAt(stray)} is not part of a formula`, stray);
  const open: boolean[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '(') open.push(/\w\s*$/.test(text.slice(0, index)));
    else if (character === ')') open.pop();
    else if (character === ',' && open.at(-1) !== true) {
      throw new FormulaFault('a comma stands only between the arguments of a function', index);
    }
  }
}

interface NodePlace {
  readonly start: number;
  readonly end: number;
  readonly parenthesized: boolean;
}

/** jsep keeps no positions: its token hooks are nested properly, so a stack of starts per parser gives them back. */
const starts = new WeakMap<object, number[]>();
const places = new WeakMap<object, NodePlace>();

jsep.hooks.add('gobble-token', function rememberStart(env) {
  const stack = starts.get(this) ?? [];
  starts.set(this, stack);
  stack.push(this.index);
  // Numbers alone would leave jsep without passing the second hook.
  if (/[\d.]/.test(this.char)) {
    const number = this.gobbleNumericLiteral();
    if (number) env.node = number;
  }
});

jsep.hooks.add('after-token', function rememberPlace(env) {
  const start = starts.get(this)?.pop() ?? 0;
  if (env.node) places.set(env.node, { start, end: this.index, parenthesized: places.has(env.node) });
});

function placeOf(node: jsep.Expression): NodePlace {
  const known = places.get(node);
  if (known) return known;
  const first = [node.left, node.test].find((part): part is jsep.Expression => isExpression(part));
  const last = [node.right, node.alternate].find((part): part is jsep.Expression => isExpression(part));
  const start = first ? placeOf(first).start : 0;
  return { start, end: last ? placeOf(last).end : start, parenthesized: false };
}

function isExpression(part: unknown): part is jsep.Expression {
  return typeof part === 'object' && part !== null && 'type' in part;
}
