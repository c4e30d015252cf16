/**
 * Goal: the history on PostgreSQL is complete and single whatever becomes of the server. Method: a real server, killed with
 * -9 under a stream of readings; counts, values and the versions of rows are compared with what went into the log.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Frame, PointValue } from '../../actors/frame.ts';
import { openServerHistorian } from '../../gateways/historian/open-server.ts';
import type { Historian } from '../../runtime/historian.ts';
import { entityId } from '../../runtime/ids.ts';
import { until } from '../support/condition.ts';
import { MemoryLog } from '../support/memory-log.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';

const shared = new SharedPostgres();
const { skip } = shared;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 2, 1, 12);
const PLC = entityId('device', 'plc-1');
const QUICK = { pollIntervalMs: 50, writeIntervalMs: 20, firstRetryMs: 20, maxRetryMs: 200 };

function record(n: number, value: PointValue = n, timeMs = START_MS + n * 100) {
  const observation: Frame = {
    deviceTimeMs: timeMs,
    gatewayTimeMs: timeMs + 7,
    points: ['a', 'b'],
    values: [value, n % 2 === 0],
    quality: null,
    reasons: null,
    times: null,
  };
  return { source: PLC, observation };
}

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

async function plant(t: TestContext) {
  const url = await shared.database();
  const log = new MemoryLog();
  const open = () => openServerHistorian({ store: { kind: 'postgresql', url }, log, carrier: QUICK });
  const historian = await open();
  t.after(() => historian.close());
  return { url, log, historian, open, server: await shared.server() };
}

async function values(historian: Historian, series: string): Promise<unknown[]> {
  const question = { entity: PLC, series, fromMs: 0, toMs: 4e12, limit: 100_000 };
  return (await historian.raw(question)).map((sample) => sample.value);
}

test('killed in the middle of a stream and started again, it has every reading once', { skip }, async (t) => {
  const { log, historian, server } = await plant(t);
  let sent = 0;
  let streaming = true;
  const stream = (async () => {
    while (streaming) {
      await log.append(Array.from({ length: 20 }, (_, index) => record(sent + index)));
      sent += 20;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await until('some of the stream is stored', async () => (await historian.position()) > 200);
  await server.kill('SIGKILL');
  await until('the problem is told', async () => typeof (await historian.statistics()).problem === 'string');
  await assert.rejects(values(historian, 'a'), { code: 'STORE_LOST' });
  const behind = await historian.position();
  await server.restart();
  await until('it catches up by itself', async () => (await historian.position()) > behind, 20_000);
  streaming = false;
  await stream;
  await historian.caughtUp(await log.end());
  assert.deepEqual(await values(historian, 'a'), upTo(sent));
  assert.deepEqual(
    await values(historian, 'b'),
    upTo(sent).map((n) => n % 2 === 0),
  );
});

test('what is replayed writes nothing, and what was corrected is written again', { skip }, async (t) => {
  const { url, log, historian, open, server } = await plant(t);
  await log.append(upTo(50).map((n) => record(n)));
  await historian.caughtUp(50);
  await historian.close();
  const versions = () =>
    server.query('select xmin::text, ctid::text from history_sample order by series, time', [], url);
  const before = await versions();
  assert.equal(before.length, 100);
  // As after a crash between a batch and its position.
  await server.query('update history_position set position = 0', [], url);
  const again = await open();
  t.after(() => again.close());
  await again.caughtUp(await log.end());
  assert.equal((await again.statistics()).readings, 100);
  assert.deepEqual(await versions(), before);
  await log.append([record(7, 7.5)]);
  await again.caughtUp(await log.end());
  assert.equal((await values(again, 'a'))[7], 7.5);
  assert.equal((await versions()).length, 100);
});

test('a log that was restored from a backup loses nothing to positions that it gives out again', {
  skip,
}, async (t) => {
  const { url, log, historian } = await plant(t);
  await log.append(upTo(100).map((n) => record(n)));
  await historian.caughtUp(100);
  await historian.close();
  const restored = new MemoryLog();
  await restored.append(upTo(50).map((n) => record(n)));
  await restored.append([record(200), record(201)]);
  const again = await openServerHistorian({ store: { kind: 'postgresql', url }, log: restored, carrier: QUICK });
  t.after(() => again.close());
  await again.caughtUp(await restored.end());
  assert.deepEqual(await values(again, 'a'), [...upTo(100), 200, 201]);
  assert.equal(await again.position(), 52);
});

test('a day is a partition, and a day that is over goes whole', { skip }, async (t) => {
  const { url, log, historian, server } = await plant(t);
  await log.append([0, 1, 2].map((day) => record(day, day, START_MS + day * DAY_MS)));
  await historian.caughtUp(3);
  const days = () =>
    server.query(
      `select relname from pg_class where relkind = 'r' and relname like 'history_sample_%' order by 1`,
      [],
      url,
    );
  assert.deepEqual(
    (await days()).map(({ relname }) => relname),
    ['history_sample_20260301', 'history_sample_20260302', 'history_sample_20260303'],
  );
  await historian.trim(START_MS + 2 * DAY_MS);
  assert.deepEqual(
    (await days()).map(({ relname }) => relname),
    ['history_sample_20260303'],
  );
  // A reading of a day that was dropped makes it again.
  await log.append([record(3, 3, START_MS)]);
  await historian.caughtUp(4);
  assert.deepEqual(await values(historian, 'a'), [3, 2]);
});

test('people read it in their own words', { skip }, async (t) => {
  const { url, log, historian, server } = await plant(t);
  const { source, observation } = record(0, 'a\0b');
  await log.append([{ source, observation: { ...observation, quality: ['UNCERTAIN', 'GOOD'] } }]);
  await historian.caughtUp(1);
  const rows = await server.query(
    'select entity, series, value, flag, text, quality from history order by series',
    [],
    url,
  );
  assert.deepEqual(rows, [
    // PostgreSQL keeps every character but NUL.
    { entity: PLC, series: 'a', value: null, flag: null, text: 'a\uFFFDb', quality: 'UNCERTAIN' },
    { entity: PLC, series: 'b', value: null, flag: true, text: null, quality: 'GOOD' },
  ]);
});

test('a number that is none stands in no window', { skip }, async (t) => {
  const { log, historian } = await plant(t);
  await log.append([Number.NaN, 2, Number.POSITIVE_INFINITY, 4].map((value, n) => record(n, value)));
  await historian.caughtUp(4);
  const question = { entity: PLC, series: 'a', fromMs: 0, toMs: 4e12, limit: 10 };
  assert.deepEqual(await values(historian, 'a'), [Number.NaN, 2, Number.POSITIVE_INFINITY, 4]);
  const [row] = await historian.windows({ ...question, windowMs: 60_000 });
  assert.deepEqual([row?.count, row?.min, row?.max, row?.sum], [2, 2, 4, 6]);
});
