/**
 * Goal: a journal whose disk is full harms what a journal that is away harms, and nothing else: values, rules and alarms go on, marked
 * as not recorded; commands are refused in words that say what there is to do; and when somebody makes room, everything comes back by
 * itself, each decision on record once and with the time that it had. What was acknowledged before is there.
 * Method: one node put together as `signalbox start` does, its journal on a file system of a few megabytes that somebody else's file
 * fills up to the last page; once SQLite, once a tablespace of PostgreSQL. A Modbus device whose value moves all the time.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { entityId } from '../../runtime/ids.ts';
import type { Append } from '../../runtime/journal.ts';
import { probeJournal } from '../../runtime/journal-probe.ts';
import { shardIn } from '../../runtime/population.ts';
import { openSqlite } from '../../runtime/sql/open.ts';
import { until } from '../support/condition.ts';
import { HIGH, NORMAL, plantOn, type TankPlant } from '../support/plant-on-small-disk.ts';
import { NO_POSTGRES, PostgresServer, serverIdentity } from '../support/servers/postgres.ts';
import { noSmallDisk, SmallDisk } from '../support/small-disk.ts';

const WITHIN_MS = 30_000;
/** So little is left that the first orders still find room and others do not. */
const NEARLY_NOTHING_BYTES = 64 * 1024;

async function goesOnWithAFullJournal({ disk, registers, request }: TankPlant): Promise<void> {
  const get = async (address: string) => (await request('GET', address)).body;
  const alarm = async (wanted: string) => (await get('alarms')).items.find(({ rule }) => rule === wanted);
  const part = async (wanted: string) => (await get('health')).parts.find(({ name }) => name === wanted);
  const recorded = async (kind: string, rule: string) =>
    (await get(`audit?entity=asset/tank&kind=${kind}`)).items.flatMap(({ event }) =>
      event.rule === rule ? event.atMs : [],
    );
  const order = () => request('POST', 'workorders', { title: 'look at it', asset: 'tank', dueInHours: 24 });
  const isWhole = async () => (await get('health')).status === 'healthy';

  await until('an alarm stands', async () => (await alarm('low'))?.detail === 'ACTIVE_UNACK', WITHIN_MS);
  await until('everything is well', isWhole, WITHIN_MS);
  disk.fill(NEARLY_NOTHING_BYTES);
  const acknowledged: string[] = [];
  await until(
    'the disk is full',
    async () => {
      const { status, body } = await order();
      if (status === 200) acknowledged.push(body.result.number);
      disk.fill();
      return status !== 200;
    },
    WITHIN_MS,
  );
  await until('health says so', async () => (await part('journal'))?.status === 'unhealthy', WITHIN_MS);
  const words =
    /^takes nothing since .*: the disk of the database is full; values and alarms go on and are not recorded yet, commands are refused$/;
  assert.match((await part('journal'))?.detail ?? '', words);
  const refused = await order();
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'UNAVAILABLE']);
  assert.match(
    refused.body.error.message,
    /^nothing can be recorded now: the journal takes nothing more: the disk of the database is full; repeat/,
  );

  registers[0] = HIGH;
  await until('one alarm comes', async () => (await alarm('high'))?.notRecorded === true, WITHIN_MS);
  await until('another goes', async () => (await alarm('low'))?.detail === 'RTN_UNACK', WITHIN_MS);
  const raisedAtMs = (await alarm('high'))?.raisedAtMs ?? 0;
  assert.ok(((await get('assets/tank')).notRecorded?.sinceMs ?? 0) > 0);
  const count = (await get('assets/tank')).values.count ?? 0;
  await until('values go on', async () => ((await get('assets/tank')).values.count ?? 0) > count + 20, WITHIN_MS);
  // Probes find pages that are there already; what they say has to hold for the next decision.
  for (let looks = 0; looks < 30; looks++) {
    assert.match((await part('journal'))?.detail ?? '', words);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const acknowledge = await request('POST', `alarms/${encodeURIComponent('asset/tank:high')}/acknowledge`, {});
  assert.equal(acknowledge.status, 503);
  assert.match(acknowledge.body.error.message, /nothing can be recorded now: .*the disk of the database is full/);

  disk.makeRoom();
  await until('everything is well again', isWhole, WITHIN_MS);
  await until('the mark is gone', async () => (await get('assets/tank')).notRecorded === undefined, WITHIN_MS);
  assert.deepEqual(await recorded('AlarmRaised', 'high'), [raisedAtMs]);
  assert.deepEqual((await recorded('AlarmCleared', 'low')).length, 1);
  registers[0] = NORMAL;
  await until('it clears', async () => (await recorded('AlarmCleared', 'high')).length === 1, WITHIN_MS);
  const after = await order();
  assert.equal(after.status, 200);
  const orders = [...acknowledged, after.body.result.number].toSorted();
  let found: readonly string[] = [];
  await until(
    'every order is there',
    async () => {
      found = (await get('workorders?limit=500')).items.map(({ id }) => id.replace('work-order/', ''));
      return found.length >= orders.length;
    },
    WITHIN_MS,
  );
  assert.deepEqual(found.toSorted(), orders);
}

let server: PostgresServer | undefined;
after(() => server?.remove());

test('a journal in SQLite whose disk is full stops nobody, says so, and goes on when there is room', {
  skip: noSmallDisk,
}, async (t) => {
  const scene = await plantOn(t, async (disk, dataDir) => {
    fs.symlinkSync(path.join(disk.dir, 'journal.db'), path.join(dataDir, 'journal.db'));
    return {};
  });
  await goesOnWithAFullJournal(scene);
});

test('a PostgreSQL whose disk is full stops nobody, says so, and goes on when there is room', {
  skip: noSmallDisk || NO_POSTGRES,
}, async (t) => {
  server = await PostgresServer.start({ settings: { autovacuum_naptime: '1s' } });
  const database = server;
  const scene = await plantOn(t, async (disk) => {
    const folder = path.join(disk.dir, 'tablespace');
    fs.mkdirSync(folder);
    const { uid, gid } = serverIdentity();
    if (uid !== undefined && gid !== undefined) fs.chownSync(folder, uid, gid);
    await database.query(`create tablespace small location '${folder}'`);
    await database.query('create database on_small tablespace small');
    t.after(async () => {
      await database.query('drop database on_small with (force)');
      await database.query('drop tablespace small');
    });
    return { DATABASE_URL: database.url('on_small') };
  });
  await goesOnWithAFullJournal(scene);
});

test('a journal is said to have room again only where it can take a batch, not already where a row fits into a page that is there', {
  skip: noSmallDisk,
}, async (t) => {
  const disk = new SmallDisk(8);
  t.after(() => disk.remove());
  const { journal, epoch, close } = await openSqlite(disk.dir);
  t.after(close);
  const entity = entityId('tally', 'a');
  const batch: Append[] = Array.from({ length: 200 }, (_, nth) => ({
    entity,
    firstSeq: nth + 1,
    shard: shardIn({}, entity),
    epoch,
    commandId: null,
    commandHash: null,
    answer: null,
    timeMs: 1,
    by: { user: 'system', via: 'log' },
    logPosition: 0,
    events: [{ kind: 'Grew', event: { text: 'x'.repeat(1000) }, before: null, after: null }],
    effects: [],
  }));
  disk.fill(100_000);
  const full = { code: 'STORE_FULL', message: 'the disk of the database is full', retryable: true };
  await assert.rejects(journal.append(batch), full);
  await probeJournal(journal, false);
  for (let times = 0; times < 5; times++) await assert.rejects(probeJournal(journal, true), full);
  await assert.rejects(journal.append(batch), full);
  disk.makeRoom();
  await probeJournal(journal, true);
  assert.equal(
    (await journal.append(batch)).every(({ kind }) => kind === 'committed'),
    true,
  );
});
