import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY, putFirst, putLast, type Queue, valuesOf, withoutFirst } from '../../../../runtime/cluster/queue.ts';

const steps = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.constant('last' as const) }, fc.constant('first' as const), {
    weight: 2,
    arbitrary: fc.constant('take' as const),
  }),
);

test('values leave in order, and a queue stays what it was when another is made of it', () => {
  fc.assert(
    fc.property(steps, (actions) => {
      let queue: Queue<number> = EMPTY;
      let list: number[] = [];
      const before: [Queue<number>, number[]][] = [];
      for (const [value, action] of actions.entries()) {
        before.push([queue, list]);
        if (action === 'last') [queue, list] = [putLast(queue, value), [...list, value]];
        else if (action === 'first') [queue, list] = [putFirst(queue, value), [value, ...list]];
        else [queue, list] = [withoutFirst(queue), list.slice(1)];
        assert.equal(queue.front?.value, list[0]);
      }
      for (const [then, held] of before) assert.deepEqual([...valuesOf(then)], held);
      assert.deepEqual([...valuesOf(queue)], list);
    }),
  );
});
