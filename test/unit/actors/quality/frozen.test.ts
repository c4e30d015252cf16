import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFrozen, standsStill } from '../../../../actors/quality/frozen.ts';

test('a value stands still within the tolerance of the first one of its run, both limits included', () => {
  const rule = { afterMs: 1000, tolerance: 0.5 };
  assert.ok(standsStill(rule, 20, 20, 'GOOD'));
  assert.ok(standsStill(rule, 20, 20.5, 'GOOD'));
  assert.ok(standsStill(rule, 20, 19.5, 'GOOD'));
  assert.ok(standsStill({ afterMs: 1000, tolerance: 0.1 }, 2, 2.1, 'GOOD'));
  assert.ok(!standsStill(rule, 20, 20.51, 'GOOD'));
  assert.ok(!standsStill(rule, 20, 19.49, 'GOOD'));
});

test('without a tolerance only the same value stands still', () => {
  assert.ok(standsStill({ afterMs: 1000, tolerance: 0 }, 20, 20, 'SUSPECT'));
  assert.ok(!standsStill({ afterMs: 1000, tolerance: 0 }, 20, 20.0001, 'GOOD'));
});

test('what is no number, or of what the source itself is not certain, is no evidence', () => {
  const rule = { afterMs: 1000, tolerance: 0 };
  assert.ok(!standsStill(rule, 1, true, 'GOOD'));
  assert.ok(!standsStill(rule, 1, '1', 'GOOD'));
  assert.ok(!standsStill(rule, 1, 1, 'UNCERTAIN'));
  assert.ok(!standsStill(rule, 1, null, 'BAD'));
  assert.ok(!standsStill(rule, Number.NaN, 1, 'GOOD'));
});

test('a run has lasted too long from the instant on that the rule names', () => {
  const rule = { afterMs: 1000, tolerance: 0 };
  assert.ok(!isFrozen(rule, 5000, 5999));
  assert.ok(isFrozen(rule, 5000, 6000));
  assert.ok(!isFrozen(rule, Number.NaN, 6000));
});
