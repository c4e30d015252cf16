import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idFrom, limitFrom, ruleWords } from '../../../../ui/store/rule-words.ts';

const FLOW = { title: 'Flow', unit: 'm³/h', decimals: 0 };

test('a rule reads as one line: value, condition with its unit, and for how long', () => {
  const rule = { metric: 'flow', when: { below: 10 }, durationSeconds: 60 };
  assert.equal(ruleWords(rule, FLOW), 'Flow below 10 m³/h for 1 min');
  assert.equal(
    ruleWords({ ...rule, when: { outside: [10, 90] }, durationSeconds: 0 }, FLOW),
    'Flow outside 10 m³/h … 90 m³/h',
  );
  assert.equal(
    ruleWords({ ...rule, metric: 'running', when: { equals: false }, durationSeconds: 0 }, undefined),
    'running is OFF',
  );
  assert.equal(
    ruleWords({ ...rule, metric: null, when: 'deviceLost' }, undefined),
    'No connection to a primary device for 1 min',
  );
});

test('what is typed as a limit becomes what the condition compares with', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['10', 10],
    [' -2.5 ', -2.5],
    ['1,5', 1.5],
    ['\u22123', -3],
    ['off', false],
    ['TRUE', true],
    ['auto', 'auto'],
    ['  ', null],
  ];
  for (const [text, limit] of cases) assert.equal(limitFrom(text), limit, text);
});

test('an id comes out of a name', () => {
  assert.equal(idFrom('Lager heiß, zu früh!'), 'lager-hei-zu-fruh');
  assert.equal(idFrom('…'), '');
});
