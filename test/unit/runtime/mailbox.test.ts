import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox } from '../../../runtime/mailbox.ts';
import { LocalCell } from '../../../runtime/nact/cell.ts';
import { until } from '../../support/condition.ts';

test('messages are handled in order and one at a time, also across awaits', async () => {
  const cell = new LocalCell();
  const seen: number[] = [];
  let running = 0;
  const mailbox = new Mailbox<number>(cell, async (message) => {
    assert.equal(++running, 1);
    if (message % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    seen.push(message);
    running--;
  });
  for (let message = 1; message <= 500; message++) mailbox.post(message);
  await until('all are handled', () => seen.length === 500);
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(mailbox.size, 0);
  cell.stop();
});

test('closing waits for the running handler, gives back what waited and takes no more', async () => {
  const cell = new LocalCell();
  let release = () => {};
  let handled = 0;
  const mailbox = new Mailbox<string>(cell, () => {
    handled++;
    return new Promise<void>((resolve) => (release = resolve));
  });
  for (const message of ['first', 'second', 'third']) mailbox.post(message);
  await until('the first is being handled', () => handled === 1);
  let closed = false;
  const closing = mailbox.close().then((rest) => {
    closed = true;
    return rest;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, false);
  release();
  assert.deepEqual(await closing, ['second', 'third']);
  assert.equal(mailbox.post('late'), false);
  assert.equal(handled, 1);
  cell.stop();
});

test('a busy mailbox does not keep others waiting for its whole queue', async () => {
  const cell = new LocalCell();
  let busy = 0;
  let whenServed = -1;
  const loud = new Mailbox<number>(cell, () => void busy++);
  const quiet = new Mailbox<number>(cell, () => {
    whenServed = busy;
  });
  for (let message = 0; message < 10_000; message++) loud.post(message);
  quiet.post(1);
  await until('both are done', () => busy === 10_000 && whenServed >= 0);
  assert.ok(whenServed < 1000, `served after ${whenServed} messages of the other`);
  cell.stop();
});
