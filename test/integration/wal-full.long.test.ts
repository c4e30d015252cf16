/**
 * Goal: a PostgreSQL whose write-ahead log has no room left is a database that is away. It ends by itself in the middle of a commit
 * and does not start again until there is room; meanwhile values and alarms go on, marked as not recorded, and commands are refused
 * in words. Once it runs again nobody has to do anything: everything is on record once, and what had no answer is done once when it
 * is sent again.
 * Method: one node put together as `signalbox start` does, and a server whose `pg_wal` is on a file system of a few megabytes that
 * somebody else's file fills up. People order work one after the other, and a session of somebody else writes into the log as well,
 * until the server dies; once it is started in vain, as what looks after it would.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { until } from '../support/condition.ts';
import { HIGH, plantOn } from '../support/plant-on-small-disk.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { noSmallDisk } from '../support/small-disk.ts';

const WITHIN_MS = 60_000;
/** Of the session of somebody else, beside each order. */
const WRITTEN_BYTES = 100_000;
/** So few segments that they are used up soon, and are not used again where the disk is full. */
const FEW_SEGMENTS = { min_wal_size: '2MB', max_wal_size: '64MB', checkpoint_timeout: '1h' };
const NOT_RECORDED = '; values and alarms go on and are not recorded yet, commands are refused';

test('a PostgreSQL that ends because its write-ahead log has no room is away, and everything goes on when it runs again', {
  skip: noSmallDisk || NO_POSTGRES,
}, async (t) => {
  let started: PostgresServer | undefined;
  const { disk, registers, request } = await plantOn(t, async ({ dir }) => {
    const walDir = path.join(dir, 'wal');
    fs.mkdirSync(walDir);
    started = await PostgresServer.start({ walDir, settings: FEW_SEGMENTS });
    return { DATABASE_URL: started.url() };
  });
  assert.ok(started);
  const server = started;
  t.after(() => server.remove());
  const get = async (address: string) => (await request('GET', address)).body;
  const alarm = async (wanted: string) => (await get('alarms')).items.find(({ rule }) => rule === wanted);
  const journal = async () => (await get('health')).parts.find(({ name }) => name === 'journal')?.detail ?? '';
  const isWhole = async () => (await get('health')).status === 'healthy';
  const raised = async () =>
    (await get('audit?entity=asset/tank&kind=AlarmRaised')).items.flatMap(({ event }) =>
      event.rule === 'high' ? event.atMs : [],
    );
  const order = (title: string) =>
    request('POST', 'workorders', { title, asset: 'tank', dueInHours: 24 }, `command-${title}`);
  await until('everything is well', isWhole, WITHIN_MS);

  disk.fill();
  const titles: string[] = [];
  const refused: string[] = [];
  await until(
    'the server has ended, and somebody was told',
    async () => {
      const title = `order-${titles.length}`;
      titles.push(title);
      const write = server.query(`select pg_logical_emit_message(true, 'somebody', repeat('x', ${WRITTEN_BYTES}))`);
      const [answer] = await Promise.all([order(title), write.catch(() => undefined)]);
      if (answer.status !== 200) {
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'UNAVAILABLE']);
        assert.match(answer.body.error.message, /^nothing can be recorded now: .*; repeat with the same command id$/);
        refused.push(title);
      }
      return server.hasEnded && refused.length > 0;
    },
    WITHIN_MS,
  );
  assert.match(server.log, /PANIC: .*pg_wal.*No space left on device/);
  assert.ok(refused.length < titles.length, `${refused.length} of ${titles.length}`);

  await until('health names it', async () => /: the database is away: /.test(await journal()), WITHIN_MS);
  assert.ok((await journal()).endsWith(NOT_RECORDED), await journal());
  registers[0] = HIGH;
  await until('an alarm comes', async () => (await alarm('high'))?.notRecorded === true, WITHIN_MS);
  const raisedAtMs = (await alarm('high'))?.raisedAtMs ?? 0;
  await assert.rejects(server.restart(), /No space left on device/, 'not before there is room');
  const count = (await get('assets/tank')).values.count ?? 0;
  await until('values go on', async () => ((await get('assets/tank')).values.count ?? 0) > count + 20, WITHIN_MS);
  assert.deepEqual([(await order('late')).status, (await alarm('high'))?.notRecorded], [503, true]);

  disk.makeRoom();
  await server.restart();
  await until('everything is well again', isWhole, WITHIN_MS);
  await until('the mark is gone', async () => (await get('assets/tank')).notRecorded === undefined, WITHIN_MS);
  assert.deepEqual(await raised(), [raisedAtMs]);
  for (const title of [...refused, 'late']) assert.equal((await order(title)).status, 200, title);
  const shown = async () => (await get('workorders?limit=500')).items.map(({ props }) => props.title).toSorted();
  const expected = [...titles, 'late'].toSorted();
  await until('every order is there', async () => (await shown()).length >= expected.length, WITHIN_MS);
  assert.deepEqual(await shown(), expected, 'each of them once');
});
