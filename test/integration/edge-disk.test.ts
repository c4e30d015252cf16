/**
 * Goal: an edge whose disk gets full drops the oldest telemetry and nothing else, says how much of it nobody else has, and can
 * take new readings all the time (EDG-04, EDG-05).
 * Method: the log in SQLite with a budget of some megabytes, filled while the guard looks.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { deadLettersDroppable, historyDroppable, logDroppable, sizeOfLog } from '../../cli/disk.ts';
import { DiskGuard, type Overflow } from '../../runtime/edge/disk-guard.ts';
import { entityId } from '../../runtime/ids.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { readAll } from '../contract/log.contract.ts';
import { turn } from '../contract/storage-support.ts';
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
  return { log, file, fill, use, written: () => n };
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
  const { dropped, ...told } = guard.report();
  assert.deepEqual(
    dropped.map(({ atMs: _, ...one }) => one),
    [{ what: 'telemetry', lost: overflow.lost, oldestMs: overflow.oldestMs, newestMs: overflow.newestMs }],
  );
  const { usedBytes: nowBytes } = await use();
  assert.deepEqual(told, {
    share: nowBytes / BUDGET_BYTES,
    usedBytes: nowBytes,
    budgetBytes: BUDGET_BYTES,
    problem: null,
  });
});

test('what was dropped is free on the disk, too, and not only within the file', async (t) => {
  const { log, file, fill } = await open(t);
  await fill(20_000);
  const before = await sizeOfLog(file);
  await log.dropOldest({ bytes: (await log.heldBytes()) * 0.8, beforePosition: Number.MAX_SAFE_INTEGER });
  const after = await sizeOfLog(file);
  assert.ok(after < before * 0.3, `${after} of ${before} bytes`);
  assert.ok(after - (await log.heldBytes()) < 100_000, 'beside what it holds there is next to nothing');
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

test('dead letters go before telemetry, the oldest first; what the journal has decided stays', async (t) => {
  const { dir, remove } = tempDir('edge-disk-order');
  const store = await openJournal(dir);
  const log = await SqlLog.open({ file: path.join(dir, 'telemetry.db') });
  t.after(async () => {
    await Promise.all([log.close(), store.close()]);
    remove();
  });
  const epoch = await store.claims.claimAllShards('edge');
  await store.journal.append([turn(entityId('asset', 'pump'), 1, { epoch })]);
  const letter = (n: number) => ({
    timeMs: n,
    stream: 'invalid_telemetry' as const,
    source,
    code: 'UNKNOWN_POINT',
    reason: 'no such point',
    body: { n, text: 'x'.repeat(400) },
  });
  await store.deadLetters.append(Array.from({ length: 3000 }, (_, n) => letter(n)));
  for (let n = 0; n < 30; n++)
    await log.append(
      Array.from({ length: 100 }, (_, of) => ({ source, observation: { of, text: `${n}`.repeat(500) } })),
    );
  const letters = await store.space?.deadLetterBytes();
  assert.ok(letters !== undefined && letters > 3000 * 400);
  const held = await log.heldBytes();
  // All of the dead letters, and as much again of the log, have to go.
  const full = { usedBytes: held + letters, budgetBytes: held / 2 / 0.85, diskBytes: 1e12, diskFreeBytes: 9e11 };
  const overflows: Overflow[] = [];
  assert.ok(store.space);
  const guard = new DiskGuard({
    use: async () => full,
    classes: [
      deadLettersDroppable(store.space),
      logDroppable(
        log,
        () => Number.MAX_SAFE_INTEGER,
        () => 0,
      ),
    ],
    overflowed: (overflow) => overflows.push(overflow),
    logger: quiet,
    lookEveryMs: never,
  });
  t.after(() => guard.stop());
  await guard.look();
  const [first, second, ...more] = overflows;
  assert.deepEqual([first?.what, second?.what, more.length], ['dead letters', 'telemetry', 0]);
  assert.deepEqual([first?.segments, first?.lost, first?.oldestMs, first?.newestMs], [3000, 3000, 0, 2999]);
  assert.deepEqual(await store.deadLetters.counts(), {});
  assert.ok((await store.space.freeBytes()) > letters / 2, 'what they had is room for what comes');
  assert.equal(await store.journal.end(), 1);

  await store.deadLetters.append(Array.from({ length: 100 }, (_, n) => letter(5000 + n)));
  const some = await store.space.dropDeadLetters(10_000);
  assert.ok(some.segments > 10 && some.segments < 50, `${some.segments}`);
  const [newest] = await store.deadLetters.query({ limit: 1 });
  assert.equal(newest?.timeMs, 5099, 'the newest stay');
});
