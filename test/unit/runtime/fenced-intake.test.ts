import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorWithCode } from '../../../runtime/errors.ts';
import { FencedIntake } from '../../../runtime/fenced-intake.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { LogRecord } from '../../../runtime/log.ts';
import { StoreFailure } from '../../../runtime/store-failure.ts';

const record: LogRecord = { source: entityId('device', 'meter'), observation: { n: 1 } };
const FENCED = new StoreFailure('telemetry log', new ErrorWithCode('LOG_FENCED', 'another owner writes it'));

/** A node with shard 3 in memory under an epoch, on a log that answers as it is told to. */
function node(held: number | undefined, answer: () => Promise<void>, claims = true) {
  const appended: LogRecord[] = [];
  const fenced: number[] = [];
  const claimed: unknown[] = [];
  let refused = 0;
  const intake = new FencedIntake({
    log: claims
      ? {
          claim: async ({ shard, epoch, journal }) => {
            claimed.push({ shard, epoch, journal });
          },
        }
      : {},
    journal: { identity: async () => 'j', end: async () => 7, includes: async () => true },
    ownership: () => ({ heldUnder: () => held, fenced: (shard) => fenced.push(shard) }),
    shardOf: () => 3,
    append: (one) => {
      appended.push(one);
      return answer();
    },
    refused: () => refused++,
  });
  return { intake, appended, fenced, claimed, refused: () => refused };
}

test('a record goes to the log under the claim of its shard, with the place in the journal whose epochs these are', async () => {
  const { intake, appended, claimed, refused } = node(5, async () => {});
  await intake.claim(3, 5);
  assert.deepEqual(claimed, [{ shard: 3, epoch: 5, journal: { identity: 'j', position: 7 } }]);
  await intake.append(record, 5);
  assert.deepEqual(appended, [{ ...record, under: { shard: 3, epoch: 5 } }]);
  assert.equal(refused(), 0);
});

test('a log that is written from here alone is told of no claim', async () => {
  const { intake, appended } = node(5, async () => {}, false);
  await intake.claim(3, 5);
  await intake.append(record, 5);
  assert.deepEqual(appended, [record]);
});

test('what the log refuses for another owner is counted, and the shard is given up', async () => {
  const { intake, fenced, refused } = node(5, () => Promise.reject(FENCED));
  await assert.rejects(intake.append(record, 5), FENCED);
  assert.deepEqual([fenced, refused()], [[3], 1]);
});

test('a shard that is back under a newer epoch is not given up for a record of the older one', async () => {
  const { intake, fenced, refused } = node(6, () => Promise.reject(FENCED));
  await assert.rejects(intake.append(record, 5), FENCED);
  assert.deepEqual([fenced, refused()], [[], 1]);
});

test('another failure of the log is none of the ownership', async () => {
  const failure = new StoreFailure('telemetry log', new ErrorWithCode('LOG_TIMEOUT', 'no answer'));
  const { intake, fenced, refused } = node(5, () => Promise.reject(failure));
  await assert.rejects(intake.append(record, 5), failure);
  assert.deepEqual([fenced, refused()], [[], 0]);
});
