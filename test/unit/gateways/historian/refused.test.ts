import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeWithoutRefused } from '../../../../gateways/historian/refused.ts';
import { ErrorWithCode } from '../../../../runtime/errors.ts';

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

/** A server that takes a part only when nothing in it is wrong, as a transaction does. */
function server(isWrong: (n: number) => boolean) {
  const taken: number[] = [];
  let writes = 0;
  const write = async (parts: readonly number[]) => {
    writes += 1;
    if (parts.some(isWrong)) throw new ErrorWithCode('STORE_REFUSED', 'no', { retryable: false });
    taken.push(...parts);
  };
  return { taken, write, writes: () => writes };
}

test('without anything wrong it is one write, and none without anything to write', async () => {
  const { taken, write, writes } = server(() => false);
  assert.equal(await writeWithoutRefused(upTo(10), write), 0);
  assert.equal(await writeWithoutRefused([], write), 0);
  assert.deepEqual([taken, writes()], [upTo(10), 1]);
});

test('the wrong ones are passed over, all others are written once and in order', async () => {
  const wrong = new Set([0, 41, 42, 99]);
  const { taken, write } = server((n) => wrong.has(n));
  assert.equal(await writeWithoutRefused(upTo(100), write), 4);
  assert.deepEqual(
    taken,
    upTo(100).filter((n) => !wrong.has(n)),
  );
});

test('with nothing right, or too much wrong, it fails instead of passing everything over', async () => {
  await assert.rejects(writeWithoutRefused(upTo(8), server(() => true).write), { code: 'STORE_REFUSED' });
  await assert.rejects(writeWithoutRefused(upTo(1000), server((n) => n % 3 === 0).write), { code: 'STORE_REFUSED' });
});

test('a server that is away refuses nothing', async () => {
  const away = async () => {
    throw new ErrorWithCode('STORE_LOST', 'away');
  };
  await assert.rejects(writeWithoutRefused(upTo(3), away), { code: 'STORE_LOST' });
});
