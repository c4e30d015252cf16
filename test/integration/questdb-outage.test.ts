/**
 * Goal: a QuestDB that is killed, deaf, slow to come or refuses a row harms nothing but the history's freshness, and the
 * history is complete and single afterwards. Method: a real server, killed with -9 and stopped in the middle, under a stream
 * of readings; counts and values are compared with what went into the log.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Frame, PointValue } from '../../actors/frame.ts';
import { openServerHistorian } from '../../gateways/historian/open-server.ts';
import type { Historian } from '../../runtime/historian.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { until } from '../support/condition.ts';
import { MemoryLog } from '../support/memory-log.ts';
import { freePort } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { tempDir } from '../support/temp-dir.ts';

const skip = withoutQuestDb();
const START_MS = Date.UTC(2026, 2, 1, 12);
const PLC = entityId('device', 'plc-1');
const EVER = { fromMs: 0, toMs: 4e12, limit: 100_000 };
const QUICK = { pollIntervalMs: 50, writeIntervalMs: 20, firstRetryMs: 20, maxRetryMs: 200 };
const shared = tempDir('questdb-outage');
let server: QuestDb | undefined;
let opened = 0;

before(async () => {
  if (!skip) server = await QuestDb.start(shared.dir);
});
after(async () => {
  await server?.kill();
  shared.remove();
});

function running(): QuestDb {
  if (server === undefined) throw new Error('there is no server');
  return server;
}

function record(n: number, value: PointValue = n, source: EntityId = PLC) {
  const timeMs = START_MS + n * 100;
  const observation: Frame = {
    deviceTimeMs: timeMs,
    gatewayTimeMs: timeMs + 7,
    points: ['a', 'b'],
    values: [value, 1000 - n],
    quality: null,
    reasons: null,
    times: null,
  };
  return { source, observation };
}

interface Given {
  readonly url?: string;
  readonly writeTimeoutMs?: number;
  readonly queryTimeoutMs?: number;
  /** In a thread of its own, as in the product; the others go through the log's port, since starting one takes a second. */
  readonly inThread?: boolean;
}

async function plant(t: TestContext, { inThread, ...given }: Given = {}) {
  const { dir, remove } = tempDir('questdb-log');
  const logFile = path.join(dir, 'telemetry.db');
  const log = await SqlLog.open({ file: logFile });
  const prefix = `plant${++opened}`;
  const store = { kind: 'questdb', url: running().url, prefix, ...given } as const;
  const open = () => openServerHistorian({ store, log, carrier: QUICK, ...(inThread && { logFile }) });
  const historians: Historian[] = [await open()];
  t.after(async () => {
    for (const historian of historians) await historian.close();
    await log.close();
    remove();
  });
  const add = async (from: number, to: number) => {
    const records = Array.from({ length: to - from }, (_, index) => record(from + index));
    return (await log.append(records)) + records.length - 1;
  };
  const [historian] = historians;
  if (historian === undefined) throw new Error('unreachable');
  const reopened = async () => {
    const again = await open();
    historians.push(again);
    return again;
  };
  return { log, historian, reopened, add, prefix };
}

async function values(historian: Historian, series: string): Promise<unknown[]> {
  return (await historian.raw({ ...EVER, entity: PLC, series })).map((sample) => sample.value);
}

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

test('killed in the middle of a stream and started again, it has every reading once', { skip }, async (t) => {
  const { log, historian, add } = await plant(t, { inThread: true });
  await historian.caughtUp(await add(0, 500));
  let sent = 500;
  let streaming = true;
  const stream = (async () => {
    while (streaming) {
      // The log goes on taking readings, whatever becomes of the history.
      await add(sent, sent + 20);
      sent += 20;
      // So slowly that a server which takes a minute to come up is not behind by more than one answer holds.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await until('some of the stream is stored', async () => (await historian.position()) > 600);
  await running().kill('SIGKILL');
  await until('the problem is told', async () => typeof (await historian.statistics()).problem === 'string');
  await assert.rejects(historian.raw({ ...EVER, entity: PLC, series: 'a' }), { code: 'STORE_LOST' });
  const behind = await historian.position();
  const sentThen = sent;
  await until('the log has grown meanwhile', () => sent > sentThen + 100);
  assert.equal(await historian.position(), behind);
  await running().restart();
  await until('it catches up by itself', async () => (await historian.position()) > behind, 20_000);
  streaming = false;
  await stream;
  await historian.caughtUp(await log.end());
  assert.deepEqual(await values(historian, 'a'), upTo(sent));
  assert.deepEqual(
    await values(historian, 'b'),
    upTo(sent).map((n) => 1000 - n),
  );
  assert.equal((await historian.statistics()).problem, null);
});

test('a server that takes connections and says nothing is given up after the time-out', { skip }, async (t) => {
  const { historian, add } = await plant(t, { writeTimeoutMs: 300, queryTimeoutMs: 300 });
  await historian.caughtUp(await add(0, 10));
  running().pause();
  t.after(() => running().resume());
  const end = await add(10, 20);
  await until('the problem is told', async () => typeof (await historian.statistics()).problem === 'string');
  assert.equal(await historian.position(), 10);
  running().resume();
  await historian.caughtUp(end);
  assert.deepEqual(await values(historian, 'a'), upTo(20));
});

test('opened before the server is there, it waits for it, and nothing may be trimmed until then', {
  skip,
}, async (t) => {
  const port = await freePort();
  const { historian, add } = await plant(t, { url: `http://127.0.0.1:${port}` });
  const end = await add(0, 10);
  await until('the problem is told', async () => typeof (await historian.statistics()).problem === 'string');
  assert.equal(await historian.position(), 0);
  // A plain relay stands for a server that comes up late: starting a second one takes seconds.
  const relay = await relayTo(running(), { port });
  t.after(() => relay.close());
  await historian.caughtUp(end);
  assert.deepEqual(await values(historian, 'a'), upTo(10));
});

test('a crash between a batch and its position makes the batch be sent again and stored once', { skip }, async (t) => {
  const relay = await relayTo(running(), { refuse: (body) => body.includes('_positions,') });
  t.after(() => relay.close());
  const { historian, reopened, add, prefix } = await plant(t, { url: relay.url });
  const end = await add(0, 100);
  const count = async () => Number((await running().query(`select count() from ${prefix}_samples`))[0]?.[0]);
  await until('the batch is stored', async () => (await count().catch(() => 0)) === 200);
  assert.equal(await historian.position(), 0);
  await historian.close();
  relay.letThrough();
  const again = await reopened();
  await again.caughtUp(end);
  assert.equal(await again.position(), end);
  assert.equal(await count(), 200);
  assert.deepEqual(await values(again, 'a'), upTo(100));
});

test('it goes on from its own position and does not read again what it has', { skip }, async (t) => {
  const { historian, reopened, add, prefix } = await plant(t);
  const end = await add(0, 50);
  await historian.caughtUp(end);
  // What QuestDB has acknowledged can be read a moment later.
  const known = async () => Number((await running().query(`select max(position) from ${prefix}_positions`))[0]?.[0]);
  await until('its position can be read', async () => (await known()) === end);
  await historian.close();
  const again = await reopened();
  await again.caughtUp(await add(50, 60));
  // Two points a record.
  assert.equal((await again.statistics()).readings, 20);
  assert.deepEqual(await values(again, 'a'), upTo(60));
});

test('a log that was restored from a backup loses nothing to positions that it gives out again', {
  skip,
}, async (t) => {
  const store = { kind: 'questdb', url: running().url, prefix: `plant${++opened}` } as const;
  for (const [kept, added] of [
    [100, 0],
    [50, 2],
  ] as const) {
    const log = new MemoryLog();
    await log.append(upTo(kept).map((n) => record(n)));
    await log.append(upTo(added).map((n) => record(200 + n)));
    const historian = await openServerHistorian({ store, log, carrier: QUICK });
    t.after(() => historian.close());
    await historian.caughtUp(kept + added);
    assert.equal(await historian.position(), kept + added);
    assert.equal((await values(historian, 'a')).length, 100 + added);
    await historian.close();
  }
});

test('a row that the server refuses is passed over and counted, and holds up nothing', { skip }, async (t) => {
  const relay = await relayTo(running(), { badRequest: (body) => body.includes('text="poison"') });
  t.after(() => relay.close());
  const { log, historian } = await plant(t, { url: relay.url });
  const records = upTo(30).map((n) => record(n, n === 17 ? 'poison' : n));
  await historian.caughtUp((await log.append(records)) + 29);
  assert.deepEqual(
    await values(historian, 'a'),
    upTo(30).filter((n) => n !== 17),
  );
  assert.equal((await historian.statistics()).refused, 1);
});

test('while every row is refused nothing is passed over', { skip }, async (t) => {
  const relay = await relayTo(running(), { badRequest: (body) => body.includes('_samples,') });
  t.after(() => relay.close());
  const { historian, add } = await plant(t, { url: relay.url });
  const end = await add(0, 30);
  await until('the problem is told', async () => String((await historian.statistics()).problem).includes('400'));
  assert.equal(await historian.position(), 0);
  relay.letThrough();
  await historian.caughtUp(end);
  assert.deepEqual(await values(historian, 'a'), upTo(30));
});

test('a password goes along and is in no message', { skip }, async (t) => {
  const seen = new Set<string>();
  const relay = await relayTo(running(), { seen });
  t.after(() => relay.close());
  const { historian, add } = await plant(t, { url: relay.url.replace('//', '//historian:s3cret%21@') });
  await historian.caughtUp(await add(0, 1));
  assert.deepEqual([...seen], [`Basic ${Buffer.from('historian:s3cret!').toString('base64')}`]);
  relay.close();
  await add(1, 2);
  await until('the problem is told', async () => typeof (await historian.statistics()).problem === 'string');
  assert.doesNotMatch(String((await historian.statistics()).problem), /s3cret/);
});

test('the four times of a reading are kept', { skip }, async (t) => {
  const { historian, add, prefix } = await plant(t, { inThread: true });
  const beforeMs = Date.now();
  await historian.caughtUp(await add(3, 4));
  const rows = await running().query(`select cast(time as long), cast(gateway_time as long), cast(log_time as long),
    cast(stored_time as long), quality from ${prefix}_samples where series = 'a'`);
  const [time, gateway, logged, stored, quality] = rows[0] ?? [];
  assert.deepEqual([time, gateway, quality], [(START_MS + 300) * 1000, (START_MS + 307) * 1000, 'GOOD']);
  assert.ok(Number(logged) >= beforeMs * 1000 && Number(stored) >= Number(logged), `${logged} ${stored}`);
});

test('the log on NATS is read in a thread of its own', { skip: skip || noNats }, async (t) => {
  const bus = await NatsServer.start();
  t.after(() => bus.remove());
  const nats = {
    url: bus.url,
    name: 'test',
    startTimeoutMs: 10_000,
    prefix: 'history',
    replicas: 1,
    maxAgeMs: 86_400_000,
  };
  const log = await openNatsLog(nats);
  t.after(() => log.close());
  const store = { kind: 'questdb', url: running().url, prefix: `plant${++opened}` } as const;
  const first = await openServerHistorian({ store, log, nats, carrier: QUICK });
  await log.append(upTo(100).map((n) => record(n)));
  await first.caughtUp(await log.end());
  assert.deepEqual(await values(first, 'a'), upTo(100));
  await first.close();
  await log.append(upTo(20).map((n) => record(100 + n)));
  const again = await openServerHistorian({ store, log, nats, carrier: QUICK });
  t.after(() => again.close());
  await again.caughtUp(await log.end());
  assert.deepEqual(await values(again, 'a'), upTo(120));
  // It went on from its own position.
  assert.equal((await again.statistics()).readings, 40);
});

/** A relay in front of the server that may fail requests by their body. */
async function relayTo(
  target: QuestDb,
  options: {
    readonly port?: number;
    /** Answered with 500. */
    readonly refuse?: (body: string) => boolean;
    /** Answered with 400, as a row that is wrong. */
    readonly badRequest?: (body: string) => boolean;
    readonly seen?: Set<string>;
  },
) {
  let { refuse, badRequest } = options;
  const relay = http.createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString('utf8');
      options.seen?.add(request.headers.authorization ?? 'none');
      if (refuse?.(body)) return void response.writeHead(500).end('{"message":"out of order"}');
      if (badRequest?.(body)) return void response.writeHead(400).end('{"message":"cannot be cast"}');
      const answer = await fetch(`${target.url}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        ...(request.method === 'POST' ? { body } : {}),
      });
      response.writeHead(answer.status).end(await answer.text());
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = relay.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    letThrough: () => {
      refuse = undefined;
      badRequest = undefined;
    },
    close: () => {
      relay.closeAllConnections();
      relay.close();
    },
  };
}
