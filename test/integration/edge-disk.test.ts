/**
 * Goal: an edge whose disk gets full drops the oldest telemetry and nothing else, says how much of it nobody else has, and can
 * take new readings all the time (EDG-04, EDG-05).
 * Method: the log in SQLite with a budget of some megabytes, filled while the guard looks.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { historyDroppable, logDroppable } from '../../cli/disk.ts';
import { DiskGuard, type Overflow } from '../../runtime/edge/disk-guard.ts';
import { entityId } from '../../runtime/ids.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { readAll } from '../contract/log.contract.ts';
import { tempDir } from '../support/temp-dir.ts';

const source = entityId('device', 'meter');
const BUDGET_BYTES = 3_000_000;
const quiet = { warn: () => undefined };
const never = 3_600_000;

async function open(t: TestContext) {
  const { dir, remove } = tempDir('edge-disk');
  const file = path.join(dir, 'telemetry.db');
  const log = await SqlLog.open({ file });
  t.after(async () => {
    await log.close();
    remove();
  });
  let n = 0;
  /** Some hundred kilobytes that do not compress. */
  const fill = async (records: number) => {
    for (let from = 0; from < records; from += 100) {
      await log.append(
        Array.from({ length: 100 }, () => ({
          source,
          observation: { n: ++n, text: `${n}`.repeat(500 / `${n}`.length) },
        })),
      );
    }
  };
  const use = async () => ({
    usedBytes: await log.heldBytes(),
    budgetBytes: BUDGET_BYTES,
    diskBytes: 1e12,
    diskFreeBytes: 9e11,
  });
  return { log, fill, use, written: () => n };
}

test('the oldest goes until less than 85 % is used; what the centre has is not counted as lost', async (t) => {
  const { log, fill, use, written } = await open(t);
  await fill(3000);
  const overflows: Overflow[] = [];
  const forwarded = 400;
  const guard = new DiskGuard({
    use,
    classes: [
      logDroppable(
        log,
        () => Number.MAX_SAFE_INTEGER,
        () => forwarded,
      ),
    ],
    overflowed: (overflow) => overflows.push(overflow),
    logger: quiet,
    lookEveryMs: never,
  });
  t.after(() => guard.stop());
  await guard.look();
  assert.equal(overflows.length, 0, 'there is room');
  const beforeMs = Date.now();
  await fill(3000);
  await guard.look();
  const [overflow, ...more] = overflows;
  assert.ok(overflow && more.length === 0);
  assert.equal(overflow.what, 'telemetry');
  const { usedBytes } = await use();
  assert.ok(usedBytes <= BUDGET_BYTES * 0.86, `${usedBytes}`);
  const begin = await log.begin();
  assert.equal(overflow.lost, begin - 1 - forwarded);
  assert.ok((overflow.oldestMs ?? beforeMs) < beforeMs && (overflow.newestMs ?? 0) >= (overflow.oldestMs ?? 0));
  const kept = await readAll(log, 0, 10_000);
  assert.equal(kept.at(0)?.position, begin, 'a run of the newest');
  assert.equal(kept.length, written() - begin + 1);
  await guard.look();
  assert.equal(overflows.length, 1, 'and then there is room again');
});

test('what the actors here would need after a restart stays, and so does the newest, however full it is', async (t) => {
  const { log, fill, use } = await open(t);
  await fill(6000);
  const guard = new DiskGuard({
    use,
    classes: [
      logDroppable(
        log,
        () => 200,
        () => 0,
      ),
    ],
    overflowed: () => undefined,
    logger: quiet,
    lookEveryMs: never,
  });
  t.after(() => guard.stop());
  await guard.look();
  assert.ok((await log.begin()) <= 201);
  assert.ok(guard.state.share > 0.9, 'and it says that it is full');
  await fill(100);
});

test('of the history here whole days go before the log, and today stays', async () => {
  let days = [1000, 2000, 3000];
  const firstMs = 100 * 86_400_000;
  const trims: number[] = [];
  const historian = {
    statistics: async () => ({
      bytes: days.reduce((sum, bytes) => sum + bytes, 0),
      days: days.length,
      oldestMs: firstMs + (3 - days.length) * 86_400_000 + 5000,
      newestMs: firstMs + 3 * 86_400_000,
    }),
    trim: async (olderThanMs: number) => {
      trims.push(olderThanMs / 86_400_000);
      days = days.slice(1);
    },
  };
  const droppable = historyDroppable(historian);
  assert.equal(await droppable.bytes(), 4000);
  assert.deepEqual(await droppable.drop(500), {
    bytes: 1000,
    segments: 1,
    lost: 0,
    oldestMs: firstMs + 5000,
    newestMs: firstMs + 86_400_000 + 5000,
  });
  assert.equal((await droppable.drop(1e9)).segments, 1);
  assert.deepEqual(days, [3000]);
  assert.deepEqual(trims, [101, 102]);
});
