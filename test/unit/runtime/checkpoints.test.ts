import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkpoints } from '../../../runtime/checkpoints.ts';

/** A journal that is slow: what it is to save waits until it is let go. */
async function slowJournal() {
  const saving: (() => void)[] = [];
  let saved = 0;
  let position = 1;
  const checkpoints = new Checkpoints({
    entities: {
      all: () => [].values(),
      ofShard: () => [],
      snapshots: async () => ({ snapshots: [], behind: [] }),
      saved: () => {},
    },
    journal: {
      restore: async () => new Map(),
      saveSnapshots: () => {
        saved++;
        return new Promise<void>((resolve) => saving.push(resolve));
      },
    },
    delivered: () => ++position,
    epochOf: () => 1,
  });
  await checkpoints.begin(1);
  checkpoints.follow(1);
  const letGo = () => saving.splice(0).forEach((resolve) => void resolve());
  return { checkpoints, letGo, saved: () => saved };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a round that takes longer than the time between two is not joined by those that were due meanwhile', async () => {
  const { checkpoints, letGo, saved } = await slowJournal();
  const first = checkpoints.take(1000);
  const due = [checkpoints.take(1000), checkpoints.take(1000), checkpoints.take(1000)];
  await turn();
  letGo();
  await Promise.all([first, ...due]);
  assert.equal(saved(), 1);
  const next = checkpoints.take(1000);
  await turn();
  letGo();
  await next;
  assert.equal(saved(), 2, 'the next that is due begins');
});

test('what is saved at the end waits for the running round and then takes its own', async () => {
  const { checkpoints, letGo, saved } = await slowJournal();
  const running = checkpoints.take(1000);
  let ended = false;
  const last = checkpoints.take().then(() => {
    ended = true;
  });
  await turn();
  letGo();
  await running;
  await turn();
  assert.deepEqual([saved(), ended], [2, false]);
  letGo();
  await last;
});
