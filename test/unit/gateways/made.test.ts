import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeBy, madeIsShown } from '../../../gateways/made.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { Interest } from '../../../runtime/live-bus.ts';
import { LiveCells } from '../../../runtime/live-cells.ts';

const book = entityId('order-book', 'main');
const order = entityId('work-order', 'WO-20260301-00001');
const rule = entityId('rule', 'hot');
const request = { kind: 'RequestWorkOrder' };
const numbered = { ok: true, result: { number: 'WO-20260301-00001' }, repeated: false } as const;

/** A bus whose other nodes are asked for what they show. */
function scene() {
  const live = new LiveCells({ flushIntervalMs: 1, failed: assert.fail });
  let held = 0;
  live.reach({
    groupOf: () => '_common',
    isTold: () => true,
    loading: () => undefined,
    want: (): Interest => {
      held++;
      return { isReady: false, ready: Promise.reject(new Error('nobody says')), release: () => void held-- };
    },
  });
  return { live, held: () => held };
}

test('a request for a work order makes the order, a rule that is created itself, and nothing else anything', () => {
  assert.equal(madeBy(book, request, numbered), order);
  assert.equal(madeBy(rule, { kind: 'CreateRule' }, { result: { assets: 1 } }), rule);
  assert.equal(madeBy(rule, { kind: 'ChangeRule' }, { result: null }), undefined);
  assert.equal(madeBy(book, request, { result: null }), undefined);
  assert.equal(madeBy(order, 'AssignWorkOrder', numbered), undefined);
});

test('an answer waits until what was made is shown here, and then looks no longer', async (t) => {
  const { live, held } = scene();
  t.after(() => live.close());
  let isAnswered = false;
  const answered = madeIsShown({ live }, book, request, numbered).then(() => {
    isAnswered = true;
  });
  live.mirror(entityId('work-order', 'another'), () => ({ props: { title: 'Another' } }));
  live.flush();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([isAnswered, held()], [false, 1]);
  live.mirror(order, () => ({ props: { title: 'Bearing' } }));
  live.flush();
  await answered;
  assert.equal(held(), 0);
  await madeIsShown({ live }, book, request, numbered);
  assert.equal(held(), 0);
});

test('what does not come is not waited for without end', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { live, held } = scene();
  const answered = madeIsShown({ live }, book, request, numbered);
  t.mock.timers.tick(2000);
  await answered;
  const again = madeIsShown({ live }, book, request, { ...numbered, repeated: true });
  t.mock.timers.tick(250);
  await again;
  assert.equal(held(), 0);
});
