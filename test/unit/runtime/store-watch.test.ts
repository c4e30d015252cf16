import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreWatch } from '../../../runtime/store-watch.ts';
import { until } from '../../support/condition.ts';

function watchOf(probe: () => Promise<unknown>) {
  const told: (string | undefined)[] = [];
  return { told, watch: new StoreWatch({ probe, changed: (failure) => told.push(failure) }) };
}

test('a store that failed is tried again by itself, and who waits is called when it answers', async () => {
  let away = true;
  let probes = 0;
  const { watch, told } = watchOf(async () => {
    probes++;
    if (away) throw new Error('still away');
  });
  let called = 0;
  watch.failed(new Error('disk full'));
  watch.wait(() => called++);
  const noLonger = watch.wait(() => called++);
  noLonger();
  assert.equal(watch.failure?.reason, 'disk full');
  await until('it was probed', () => probes > 0, 20_000);
  assert.equal(watch.failure?.reason, 'still away');
  assert.equal(called, 0);
  away = false;
  await until('it is back', () => watch.failure === undefined, 20_000);
  assert.equal(called, 1);
  assert.deepEqual(told, ['disk full', undefined], 'one word when it goes and one when it is back');
  watch.close();
});

test('any answer calls those who wait at once, in groups, and none after a new failure', async () => {
  const { watch } = watchOf(() => new Promise(() => {}));
  let called = 0;
  watch.failed(new Error('away'));
  for (let index = 0; index < 200; index++) watch.wait(() => called++);
  watch.answered();
  assert.equal(called, 64);
  watch.failed(new Error('away again'));
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.equal(called, 64);
  watch.answered();
  await until('all were called', () => called === 200, 20_000);
  watch.close();
});
