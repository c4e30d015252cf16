import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileFormula } from '../../../actors/formula.ts';

const evaluate = (text: string, metrics: Readonly<Record<string, number>> = {}): number | null =>
  compileFormula(text).evaluate((name) => metrics[name] ?? null);

describe('a compiled formula', () => {
  it('computes with the metrics that it names', () => {
    assert.equal(evaluate('voltage * current / 1000', { voltage: 400, current: 10 }), 4);
    assert.deepEqual(compileFormula('b + a * b').identifiers, ['b', 'a']);
  });

  it('keeps the order of operators', () => {
    assert.equal(evaluate('2 + 3 * 4 ** 2 - -1'), 51);
    assert.equal(evaluate('(2 + 3) * 4 % 7'), 6);
    assert.equal(evaluate('1 < 2 == 1 && 0 || 1'), 1);
    assert.equal(evaluate('!0 + !5'), 1);
  });

  it('knows its functions', () => {
    assert.equal(evaluate('clamp(12, 0, 10) + clamp(-1, 0, 10) + clamp(5, 0, 10)'), 15);
    assert.equal(evaluate('min(3, 1, 2) * max(3, 1, 2) + abs(-4) + round(2.4) + floor(2.9) + ceil(2.1)'), 14);
    assert.equal(
      evaluate('pow(2, 10) + sqrt(16) + log10(100) + exp(0) + log(1) + sin(0) + cos(0) + tan(0) + atan2(0, 1)'),
      1032,
    );
  });

  it('uses its lists of arguments again without mixing nested calls', () => {
    const formula = compileFormula('max(a, min(b, max(c, 1)))');
    for (const [a, b, c] of [
      [1, 2, 3],
      [9, 2, 3],
      [0, 9, 0],
    ] as const) {
      const metrics: Record<string, number> = { a, b, c };
      assert.equal(
        formula.evaluate((name) => metrics[name] ?? null),
        Math.max(a, Math.min(b, Math.max(c, 1))),
      );
    }
  });

  it('has no value when an input is missing, a comparison included', () => {
    assert.equal(evaluate('a + 1'), null);
    assert.equal(evaluate('a > 1'), null);
    assert.equal(evaluate('!a'), null);
    assert.equal(evaluate('max(1, a)'), null);
    assert.equal(evaluate('a > 1', { a: Number.NaN }), null);
  });

  it('needs only the side that is chosen', () => {
    assert.equal(evaluate('running ? power : 0', { running: 0 }), 0);
    assert.equal(evaluate('running ? power : 0', { running: 1 }), null);
    assert.equal(evaluate('if(running, power, 0)', { running: 1, power: 7 }), 7);
    assert.equal(evaluate('running && power', { running: 0 }), 0);
    assert.equal(evaluate('running || power', { running: 2 }), 1);
  });

  it('has no value when the result is not finite', () => {
    assert.equal(evaluate('1 / a', { a: 0 }), null);
    assert.equal(evaluate('sqrt(0 - 1)'), null);
    assert.equal(evaluate('min(1, 1 / 0)'), 1);
  });

  it('refuses what is no formula, and whatever could reach outside', () => {
    for (const text of [
      '',
      '1 +',
      'a.b',
      'a[0]',
      'this',
      'constructor(1)',
      'toString()',
      '(() => 1)()',
      '"x"',
      'a = 1',
    ]) {
      assert.throws(() => evaluate(text, { a: 1 }), /column|not a number/, text);
    }
  });

  it('gives what a direct computation of the same tree gives', () => {
    fc.assert(
      fc.property(tree, fc.tuple(number, number, number), ({ text, direct }, [a, b, c]) => {
        const metrics: Record<string, number> = { a, b, c };
        const expected = direct(metrics);
        const actual = compileFormula(text).evaluate((name) => metrics[name] ?? null);
        assert.equal(actual, Number.isFinite(expected) ? expected : null, text);
      }),
      { numRuns: 2000 },
    );
  });
});

/** A text together with the function that it stands for, built side by side. */
interface Tree {
  readonly text: string;
  readonly direct: (metrics: Readonly<Record<string, number>>) => number;
}

const number = fc.integer({ min: -50, max: 50 }).map((n) => n / 4);
const operators: Readonly<Record<string, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x % y,
  '<': (x, y) => Number(x < y),
  '>=': (x, y) => Number(x >= y),
  '==': (x, y) => Number(x === y),
  '!=': (x, y) => Number(x !== y),
  '&&': (x, y) => Number(x !== 0 && y !== 0),
  '||': (x, y) => Number(x !== 0 || y !== 0),
};

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom('a', 'b', 'c').map((name): Tree => ({ text: name, direct: (m) => m[name] ?? Number.NaN })),
    number.map((n): Tree => ({ text: n < 0 ? `(${n})` : `${n}`, direct: () => n })),
  ),
  tree: fc.oneof(
    { maxDepth: 5 },
    tie('leaf'),
    fc.tuple(fc.constantFrom(...Object.keys(operators)), tie('tree'), tie('tree')).map(
      ([operator, left, right]): Tree => ({
        text: `(${left.text} ${operator} ${right.text})`,
        direct: (m) => operators[operator]?.(left.direct(m), right.direct(m)) ?? Number.NaN,
      }),
    ),
    fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(
      ([condition, left, right]): Tree => ({
        text: `(${condition.text} ? ${left.text} : ${right.text})`,
        direct: (m) => (condition.direct(m) !== 0 ? left.direct(m) : right.direct(m)),
      }),
    ),
    fc.tuple(tie('tree'), tie('tree')).map(
      ([x, y]): Tree => ({
        text: `max(abs(${x.text}), min(${y.text}, 3))`,
        direct: (m) => Math.max(Math.abs(x.direct(m)), Math.min(y.direct(m), 3)),
      }),
    ),
  ),
}));
