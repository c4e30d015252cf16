import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCondition, type Verdict } from '../../../../actors/alarm/condition.ts';
import type { PointValue } from '../../../../actors/frame.ts';
import type { Condition } from '../../../../topology/schema/rule.ts';

const CASES: readonly [Condition, deadband: number, ...(readonly [PointValue, Verdict])[]][] = [
  [{ above: 80 }, 0, [80, 'gone'], [80.1, 'holds'], [true, 'gone'], ['hot', 'unfit'], [null, 'unfit']],
  [{ above: 80 }, 5, [81, 'holds'], [80, 'between'], [75.1, 'between'], [75, 'gone']],
  [{ atLeast: 80 }, 5, [80, 'holds'], [79.9, 'between'], [75, 'between'], [74.9, 'gone']],
  [{ atLeast: 80 }, 0, [80, 'holds'], [79.9, 'gone']],
  [{ below: 10 }, 0, [10, 'gone'], [9.9, 'holds']],
  [{ below: 10 }, 2, [10, 'between'], [12, 'gone']],
  [{ atMost: 10 }, 2, [10, 'holds'], [12, 'between'], [12.1, 'gone']],
  [{ equals: 3 }, 0, [3, 'holds'], [4, 'gone'], [null, 'unfit']],
  [{ equals: 3 }, 1, [4, 'between'], [4.1, 'gone']],
  [{ equals: true }, 0, [true, 'holds'], [1, 'holds'], [0, 'gone'], ['true', 'gone']],
  [{ equals: 'open' }, 0, ['open', 'holds'], ['shut', 'gone']],
  [{ notEquals: 3 }, 1, [3, 'gone'], [3.5, 'holds'], [null, 'unfit']],
  [{ outside: [10, 20] }, 0, [9.9, 'holds'], [10, 'gone'], [20, 'gone'], [20.1, 'holds']],
  [{ outside: [10, 20] }, 2, [11, 'between'], [12, 'gone'], [18, 'gone'], [19, 'between']],
  [{ outside: [10, 20] }, 50, [14, 'between'], [15, 'gone']],
  [{ inside: [10, 20] }, 0, [10, 'holds'], [20, 'holds'], [20.1, 'gone'], [9.9, 'gone']],
  [{ inside: [10, 20] }, 1, [20.5, 'between'], [21.5, 'gone'], [8.5, 'gone']],
];

for (const [condition, deadband, ...values] of CASES) {
  test(`${JSON.stringify(condition)} with a deadband of ${deadband}`, () => {
    const compiled = compileCondition(condition, deadband);
    for (const [value, verdict] of values) assert.equal(compiled.judge(value), verdict, `value ${value}`);
  });
}

test('outside shows the limit that the value is beyond', () => {
  const outside = compileCondition({ outside: [10, 20] }, 0);
  assert.equal(outside.threshold(5), 10);
  assert.equal(outside.threshold(25), 20);
});
