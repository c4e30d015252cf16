import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import type { LogRecord } from '../../runtime/log.ts';
import { SqlLog, type SqlLogOptions } from '../../runtime/sql/sql-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { logContract, records } from './log.contract.ts';

async function openLog(t: TestContext, options: Omit<SqlLogOptions, 'file'> = {}) {
  const { dir, remove } = tempDir('log');
  const file = path.join(dir, 'telemetry.db');
  let log = await SqlLog.open({ file, ...options });
  t.after(async () => {
    await log.close();
    remove();
  });
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await SqlLog.open({ file, ...options });
      return log;
    },
  };
}

logContract('the SQLite log', (t) => openLog(t));

test('positions of the SQLite log count its records: 1, 2, 3 …', async (t) => {
  const { log } = await openLog(t);
  assert.equal(await log.append(records(1, 3)), 1);
  assert.equal(await log.append(records(4, 2000)), 4);
  assert.equal(await log.end(), 2003);
  const read = await log.read(0, 3000);
  assert.ok(read.every(({ position }, index) => position === index + 1));
});

test('a read is bounded by what it takes in memory, and goes on behind a gap', async (t) => {
  const { log } = await openLog(t);
  const large = (count: number): LogRecord[] =>
    Array.from({ length: count }, () => ({ source: entityId('device', 'plc-1'), observation: 'x'.repeat(50_000) }));
  for (const count of [4, 4, 4, 20, 1]) await log.append(large(count));
  const positions = async (after: number, limit: number) =>
    (await log.read(after, limit)).map(({ position }) => position);
  const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
  assert.deepEqual(await positions(0, 4096), count(1, 8), 'two blocks of 200 KB');
  assert.deepEqual(await positions(2, 4096), count(3, 8), 'of the first one its end');
  assert.deepEqual(await positions(8, 4096), count(9, 12), 'the next one with the one of 1 MB would be too much');
  assert.deepEqual(await positions(12, 4096), count(13, 32), 'one that is larger than the bound comes alone');
  await log.skipTo(1_000_000);
  await log.append(large(1));
  assert.deepEqual(await positions(32, 4096), [33, 1_000_001]);
  assert.deepEqual(await positions(33, 1), [1_000_001]);
});

test('appends that come while a commit is under way share the next one', async (t) => {
  const { log } = await openLog(t);
  const commits: number[] = [];
  log.onAppended((end) => commits.push(end));
  await Promise.all(Array.from({ length: 500 }, (_, index) => log.append(records(index + 1, 1))));
  assert.deepEqual(commits, [500], 'all of one turn of the event loop go together');
});

test('records that wait are bounded, and what was refused is not in the log', async (t) => {
  const { log } = await openLog(t, { maxWaiting: 10 });
  const accepted = log.append(records(1, 8));
  await assert.rejects(log.append(records(9, 3)), { code: 'LOG_FULL' });
  assert.equal(await accepted, 1);
  assert.equal(await log.append(records(9, 10)), 9, 'there is room again');
});

test('a full disk rejects appends, keeps what was acknowledged, and appends work again after a trim', async (t) => {
  const { log } = await openLog(t, { maxBytes: 1_000_000 });
  const bulk = (): LogRecord[] => [
    { source: entityId('device', 'plc-1'), observation: Buffer.alloc(60_000, 7).toString('latin1') },
  ];
  let acknowledged = 0;
  await assert.rejects(
    async () => {
      while (acknowledged < 100) acknowledged = await log.append(bulk());
    },
    { code: 'LOG_DISK_FULL' },
  );
  assert.ok(acknowledged > 3);
  assert.equal(await log.end(), acknowledged);
  await assert.rejects(log.append(bulk()), { code: 'LOG_DISK_FULL' });
  await log.trim({ beforePosition: acknowledged, olderThanMs: Date.now() + 1000 });
  assert.equal(await log.append(bulk()), acknowledged + 1);
});

test('an append that cannot be encoded rejects, and the next one works', async (t) => {
  const { log } = await openLog(t);
  const observation = {
    get broken() {
      throw new RangeError('no value');
    },
  };
  await assert.rejects(log.append([{ source: entityId('device', 'plc-1'), observation }]), RangeError);
  assert.equal(await log.append(records(1, 1)), 1);
});

test('what was appended before closing is in the log, and after it nothing is taken', async (t) => {
  const opened = await openLog(t);
  const appends = Promise.all([opened.log.append(records(1, 5)), opened.log.append(records(6, 5))]);
  const log = await opened.reopen();
  assert.deepEqual(await appends, [1, 6]);
  assert.equal(await log.end(), 10);
  await assert.rejects(opened.log.append(records(11, 1)), { code: 'STORE_CLOSED' });
});
