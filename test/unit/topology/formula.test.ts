import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnOfIdentifier, parseFormula } from '../../../topology/formula.ts';

test('a formula gives a tree and the metrics that it reads, each once', () => {
  const parsed = parseFormula('voltage * current / 1000 + voltage');
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.identifiers, ['voltage', 'current']);
  assert.deepEqual(parsed.ast, {
    kind: 'binary',
    operator: '+',
    left: {
      kind: 'binary',
      operator: '/',
      left: {
        kind: 'binary',
        operator: '*',
        left: { kind: 'metric', name: 'voltage' },
        right: { kind: 'metric', name: 'current' },
      },
      right: { kind: 'number', value: 1000 },
    },
    right: { kind: 'metric', name: 'voltage' },
  });
});

test('if() and ?: are the same choice', () => {
  const call = parseFormula('if(a > 3, b, 0)');
  const ternary = parseFormula('a > 3 ? b : 0');
  assert.ok(call.ok && ternary.ok);
  assert.deepEqual(call.ast, ternary.ast);
});

test('powers bind to the right, and an unclear minus before one is refused', () => {
  const parsed = parseFormula('2 ** 3 ** 2');
  assert.ok(parsed.ok && parsed.ast.kind === 'binary');
  assert.equal(parsed.ast.right.kind, 'binary');
  assert.deepEqual(parseFormula('1 + -a ** 2'), {
    ok: false,
    message: 'say which is meant: (-a) ** b or -(a ** b)',
    column: 5,
  });
  assert.ok(parseFormula('(-a) ** 2').ok);
  assert.ok(parseFormula('-(a ** 2)').ok);
});

const refused: readonly [formula: string, column: number, words: RegExp][] = [
  ['', 1, /empty/],
  ['a b', 3, /operator is missing/],
  ['a 2', 3, /operator is missing/],
  ['a +', 4, /Expected expression/],
  ['a = b', 3, /Unexpected/],
  ['a === b', 3, /write ==/],
  ['a | b', 3, /operator \| is not known/],
  ['a ?? b', 3, /operator \?\?/],
  ['1 + fn(2)', 5, /no function fn/],
  ['min()', 1, /min takes 1 to 50/],
  ['2 * clamp(a, 1)', 5, /clamp takes 3 arguments, not 2/],
  ['(a, b)', 3, /comma/],
  ['a,', 2, /comma/],
  ['a;', 2, /; is not part/],
  ["'x'", 1, /' is not part/],
  ['a.b', 1, /plain name/],
  ['min(a, b', 9, /Expected \)/],
  ['constructor(1)', 1, /no function constructor/],
  ['min(a)(b)', 1, /only a function/],
  ['null', 1, /not a number/],
  ['this', 1, /not part/],
  [`${'-'.repeat(200)}a`, 101, /nested deeper/],
  ['1'.repeat(501), 501, /longer than 500/],
];
for (const [formula, column, words] of refused) {
  test(`${formula.slice(0, 20) || 'an empty text'} is refused at column ${column}`, () => {
    const parsed = parseFormula(formula);
    assert.ok(!parsed.ok);
    assert.match(parsed.message, words);
    assert.equal(parsed.column, column);
  });
}

test('the column of a name passes over a function of the same name', () => {
  assert.equal(columnOfIdentifier('min(a, 1) + min', 'min'), 13);
});
