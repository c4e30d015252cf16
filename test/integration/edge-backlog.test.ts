/**
 * Goal: what an edge says of its backlog is what it has, whatever the blocks of its log, a restart or the disk guard have made of it.
 * Method: a log in SQLite and a lane over it, towards a centre that packs and stores what it is told to.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Forwarder } from '../../runtime/edge/forwarder.ts';
import { RateLimit } from '../../runtime/edge/rate-limit.ts';
import { type CentralLog, TelemetryLane } from '../../runtime/edge/telemetry-lane.ts';
import { entityId } from '../../runtime/ids.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { until } from '../support/condition.ts';
import { tempDir } from '../support/temp-dir.ts';

const source = entityId('device', 'meter');
const records = (count: number) => Array.from({ length: count }, (_, n) => ({ source, observation: { n } }));

async function open(t: TestContext) {
  const { dir, remove } = tempDir('edge-backlog');
  const store = await openJournal(dir);
  let log = await SqlLog.open({ file: path.join(dir, 'telemetry.db') });
  t.after(async () => {
    await Promise.all([log.close(), store.close()]);
    remove();
  });
  const reopened = async () => {
    await log.close();
    log = await SqlLog.open({ file: path.join(dir, 'telemetry.db') });
    return log;
  };
  return { log, memory: store.uplinkMemory, reopened };
}

/** Takes so many records in a message, and stores them when it is let. */
class Centre implements CentralLog {
  stored = 0;
  sequence = 0;
  of = '';
  largest = 1024;
  beforeStore: () => Promise<void> | void = () => undefined;

  async last() {
    const stored = this.sequence === 0 ? undefined : { log: this.of, position: this.stored };
    return { sequence: this.sequence, stored };
  }

  async pack(given: readonly unknown[]) {
    return { message: new Uint8Array(10), count: Math.min(given.length, this.largest) };
  }

  async store(_: Uint8Array, { log, position }: { readonly log: string; readonly position: number }) {
    await this.beforeStore();
    this.of = log;
    this.stored = position;
    return ++this.sequence;
  }
}

const FAST = { limit: new RateLimit(1e9), gatherMs: 0, minPauseMs: 1, maxPauseMs: 2 };
const dropped = () => assert.fail('nothing is too large');

test('a lane that stands within a block of the log is never said to be at its end before it is', async (t) => {
  const { log, memory } = await open(t);
  // Blocks of 1,024 and 976: messages begin and end within them.
  for (let n = 0; n < 6; n++) await log.append(records(2000));
  const centre = new Centre();
  centre.largest = 1000;
  const lane = new TelemetryLane({ log, centre, memory, dropped });
  const forwarder = new Forwarder(lane, FAST);
  const said: number[] = [];
  const look = () => {
    if (centre.stored < 12_000 && forwarder.status.oldestMs === null) said.push(centre.stored);
  };
  const watching = setInterval(look, 0);
  centre.beforeStore = look;
  const stored = centre.store.bind(centre);
  centre.store = async (message, marks) => {
    const sequence = await stored(message, marks);
    setImmediate(look);
    return sequence;
  };
  forwarder.link(true);
  await until('all is there', () => centre.stored === 12_000, 20_000);
  clearInterval(watching);
  await until('and said to be', () => forwarder.status.oldestMs === null && forwarder.status.left === 0);
  await forwarder.stop();
  assert.deepEqual(said, []);
});

test('a batch is as long as a message takes, wherever in a block it begins', async (t) => {
  const { log, memory } = await open(t);
  for (let n = 0; n < 4; n++) await log.append(records(1000));
  const lane = new TelemetryLane({ log, centre: new Centre(), memory, dropped });
  const batch = await lane.read(999);
  assert.ok(batch);
  assert.deepEqual([batch.position, batch.full], [999 + 1024, true]);
  const last = await lane.read(3500);
  assert.ok(last);
  assert.deepEqual([last.position, last.full], [4000, false]);
});

test('after a restart it is known how far the centre was, of the same log and of no other', async (t) => {
  const { log, memory, reopened } = await open(t);
  await log.append(records(100));
  const lane = new TelemetryLane({ log, centre: new Centre(), memory, dropped });
  assert.equal(await lane.recall(), undefined);
  await lane.remember(60);
  const again = await reopened();
  const next = new TelemetryLane({ log: again, centre: new Centre(), memory, dropped });
  assert.equal(await next.recall(), 60);
  const backlog = await next.backlog(60);
  assert.equal(backlog.left, 40);
  assert.ok(backlog.oldestMs !== null && backlog.oldestMs <= Date.now());
  const { log: other } = await open(t);
  await other.append(records(100));
  assert.equal(await new TelemetryLane({ log: other, centre: new Centre(), memory, dropped }).recall(), undefined);
});

test('what the disk guard has dropped does not wait any more, and the oldest that does says since when', async (t) => {
  const { log } = await open(t);
  await log.append(records(1024));
  const firstMs = Date.now();
  await until('time passes', () => Date.now() > firstMs);
  const secondMs = Date.now();
  await log.append(records(1024));
  assert.deepEqual((await log.backlog(10)).left, 2038);
  assert.ok(((await log.backlog(10)).oldestMs ?? secondMs) < secondMs);
  await log.dropOldest({ bytes: 1, beforePosition: Number.MAX_SAFE_INTEGER });
  const { left, oldestMs } = await log.backlog(10);
  assert.equal(left, 1024);
  assert.ok(oldestMs !== null && oldestMs >= secondMs);
  assert.deepEqual(await log.backlog(2048), { left: 0, oldestMs: null });
});
