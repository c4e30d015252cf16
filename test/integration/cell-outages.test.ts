/**
 * Goal: with every store on a server of its own, the loss of one of them harms what needs that one, and nothing else; the wall
 * and health say what is wrong, and everything comes back by itself and complete. Method: one node with a seat, put together as
 * `signalbox start` does, on real servers that are killed with -9 in turn; a Modbus device whose value moves all the time.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { noRedis, RedisServer } from '../support/servers/redis.ts';
import { TANK_ON_MODBUS } from '../support/tank-on-modbus.ts';
import { tempDir } from '../support/temp-dir.ts';

const skip = NO_POSTGRES || noNats || noRedis || withoutQuestDb();
const WITHIN_MS = 40_000;
/** What a refusal of a command may take. */
const REFUSED_WITHIN_MS = 2000;
const HIGH = 900;
const NORMAL = 7;
const LOW = 3;
/** Three leases of a node, and some. */
const OUTAGE_MS = 3.2 * TIMING.leaseTtlMs;

interface Servers {
  readonly database: PostgresServer;
  readonly bus: NatsServer;
  readonly cache: RedisServer;
  readonly history: QuestDb;
}

const { dir, remove } = tempDir('cell-outages');
const registers = new Uint16Array([7, 0]);
let field: ModbusServer;
let servers: Servers;
let running: RunningPlant;
const closing: (() => unknown)[] = [remove];

before(async () => {
  if (skip) return;
  const [database, bus, cache, history] = await Promise.all([
    PostgresServer.start(),
    NatsServer.start(),
    RedisServer.start(),
    QuestDb.start(dir),
  ]);
  servers = { database, bus, cache, history };
  closing.push(() => Promise.all([database.remove(), bus.remove(), cache.remove(), history.kill()]));
  field = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  closing.push(() => field.close());
  const counting = setInterval(() => (registers[1] = (registers[1] ?? 0) + 1), 50);
  closing.push(() => clearInterval(counting));
  const topology = parseTopology(TANK_ON_MODBUS.replace('PORT', String(field.port)), 'plant.yaml');
  assert.ok(topology.ok, JSON.stringify(topology));
  const read = readSettings(
    {},
    {},
    {
      DATA_DIR: dir,
      PORT: 0,
      LOG_LEVEL: 'fatal',
      DATABASE_URL: await database.newDatabase(),
      NATS_URL: bus.url,
      REDIS_URL: cache.url,
      QUESTDB_URL: history.url,
    },
  );
  assert.ok(read.ok, JSON.stringify(read));
  running = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
  closing.push(() => running.stop());
});

after(async () => {
  for (const close of closing.reverse()) await close();
});

/** What of the answers is looked at here; their whole shape is held to the published schema elsewhere. */
interface Body {
  readonly status: string;
  readonly parts: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly error: { readonly code: string; readonly message: string };
  readonly notRecorded?: { readonly sinceMs: number };
  readonly values: Readonly<Record<string, number>>;
  readonly items: readonly {
    readonly timeMs: number;
    readonly metricKey: string;
    readonly value: number;
    readonly quality: string;
    readonly rule: string;
    readonly detail: string;
    readonly raisedAtMs: number;
    readonly notRecorded?: boolean;
    readonly event: { readonly rule: string; readonly atMs: number };
  }[];
}

interface Answer {
  readonly status: number;
  readonly tookMs: number;
  readonly body: Body;
}

async function request(method: string, address: string, body?: object): Promise<Answer> {
  const sentMs = performance.now();
  const response = await fetch(new URL(address, running.url), {
    method,
    headers: { authorization: `Bearer ${running.key}`, ...(body && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  return { status: response.status, body: await response.json(), tookMs: performance.now() - sentMs };
}
const get = (address: string) => request('GET', address);
const isReady = async () => (await fetch(new URL('ready', running.url))).status === 200;

let orders = 0;
const order = () => request('POST', 'api/v1/workorders', { title: `order ${++orders}`, asset: 'tank', dueInHours: 24 });

async function part(name: string): Promise<Body['parts'][number]> {
  const found = (await get('api/v1/health')).body.parts.find((each) => each.name === name);
  assert.ok(found, `health has no part ${name}`);
  return found;
}

async function latest(): Promise<Body['items'][number]> {
  const { body } = await get('api/v1/telemetry/latest?device=meter');
  const found = body.items.find(({ metricKey }) => metricKey === 'count');
  assert.ok(found);
  return found;
}

async function alarm(wanted: string): Promise<Body['items'][number] | undefined> {
  return (await get('api/v1/alarms')).body.items.find(({ rule }) => rule === wanted);
}

/** When a rule did this, by the journal. */
async function recorded(kind: string, wanted: string): Promise<readonly number[]> {
  const { body } = await get(`api/v1/audit?entity=asset/tank&kind=${kind}`);
  return body.items.flatMap(({ event: { rule, atMs } }) => (rule === wanted ? atMs : []));
}

async function isWhole(): Promise<boolean> {
  const { status, body } = await get('api/v1/health');
  return status === 200 && body.status === 'healthy' && (await isReady());
}

/** A store is killed for a while and started again. */
async function outage(store: { kill(): Promise<void>; restart(): Promise<void> }, meanwhile: () => Promise<void>) {
  await until('everything is well before', isWhole, WITHIN_MS);
  await store.kill();
  try {
    await meanwhile();
  } finally {
    await store.restart();
  }
  await until('everything is well again', isWhole, WITHIN_MS);
}

async function valuesGoOn(): Promise<void> {
  const before = await latest();
  await until('values go on', async () => (await latest()).value > before.value + 5, WITHIN_MS);
  assert.equal((await latest()).quality, 'GOOD');
}

test('without QuestDB history is not answered for, and is complete afterwards', { skip }, async () => {
  const { history } = servers;
  const fromMs = Date.now();
  await outage({ kill: () => history.kill('SIGKILL'), restart: () => history.restart() }, async () => {
    await until('health says so', async () => (await part('historian')).status === 'degraded', WITHIN_MS);
    assert.equal(await isReady(), true);
    const refused = await get('api/v1/telemetry?device=meter&metricKey=count');
    assert.deepEqual([refused.status, refused.body.error.code], [503, 'UNAVAILABLE']);
    assert.equal((await order()).status, 200);
    await valuesGoOn();
  });
  const untilMs = (await latest()).timeMs;
  const items = async () => {
    const { body } = await get(`api/v1/telemetry?device=meter&metricKey=count&start=${fromMs}&limit=5000`);
    return body.items;
  };
  await until('it has all', async () => (await items()).some(({ timeMs }) => timeMs >= untilMs), WITHIN_MS);
  const stored = (await items()).filter(({ timeMs }) => timeMs <= untilMs);
  // Polled ten times a second, the outage included: no hole of a second in it.
  for (const [index, { timeMs }] of stored.entries()) {
    const gapMs = timeMs - (stored[index - 1]?.timeMs ?? timeMs);
    assert.ok(gapMs > 0 || index === 0);
    assert.ok(gapMs < 3000, `nothing for ${gapMs} ms`);
  }
});

test('without Redis nothing changes but health', { skip }, async () => {
  await outage(servers.cache, async () => {
    await until('health says so', async () => (await part('live cache')).status === 'degraded', WITHIN_MS);
    assert.equal(await isReady(), true);
    assert.equal((await order()).status, 200);
    await valuesGoOn();
  });
});

test('without the database values and alarms go on with a mark, commands are refused soon, and each decision is recorded once', {
  skip,
}, async () => {
  const { database } = servers;
  assert.equal((await order()).status, 200);
  registers[0] = LOW;
  await until('an alarm stands', async () => (await alarm('low'))?.detail === 'ACTIVE_UNACK', WITHIN_MS);
  let raisedAtMs = 0;
  let clearedAtMs = 0;
  await outage({ kill: () => database.kill('SIGKILL'), restart: () => database.restart() }, async () => {
    const outsetMs = Date.now();
    await until('health says so', async () => (await part('journal')).status === 'unhealthy', WITHIN_MS);
    assert.match((await part('journal')).detail, /^away since .*; values and alarms go on and are not recorded yet/);
    assert.equal(await isReady(), false);
    await until('the lease has run out', async () => (await part('cell')).status === 'unhealthy', WITHIN_MS);
    assert.match((await part('cell')).detail, /the database has not confirmed the lease of this node for \d+ s/);
    await until('so do the events', async () => (await part('events')).status === 'degraded', WITHIN_MS);
    for (let times = 0; times < 3; times++) {
      const refused = await order();
      assert.deepEqual([refused.status, refused.body.error.code], [503, 'UNAVAILABLE']);
      assert.ok(refused.tookMs < REFUSED_WITHIN_MS, `${refused.tookMs} ms`);
    }
    await valuesGoOn();
    assert.equal((await get('api/v1/assets/tank')).body.notRecorded, undefined);

    registers[0] = HIGH;
    await until('one alarm comes', async () => (await alarm('high'))?.detail === 'ACTIVE_UNACK', WITHIN_MS);
    assert.equal((await alarm('high'))?.notRecorded, true);
    raisedAtMs = (await alarm('high'))?.raisedAtMs ?? 0;
    assert.ok(raisedAtMs > outsetMs);
    await until('another goes', async () => (await alarm('low'))?.detail === 'RTN_UNACK', WITHIN_MS);
    assert.equal((await alarm('low'))?.notRecorded, true);
    clearedAtMs = raisedAtMs;
    const { body: tank } = await get('api/v1/assets/tank');
    assert.ok((tank.notRecorded?.sinceMs ?? 0) > outsetMs);
    assert.equal(tank.values.level, HIGH);
    const refused = await request('POST', `api/v1/alarms/${encodeURIComponent('asset/tank:high')}/acknowledge`, {});
    assert.deepEqual([refused.status, refused.body.error.code], [503, 'UNAVAILABLE']);
    assert.match(refused.body.error.message, /nothing can be recorded now/);
    assert.match((await part('entities')).detail, /go on without the journal, what they show is not recorded yet/);
    await until('three leases are over', () => Date.now() - outsetMs > OUTAGE_MS, WITHIN_MS);
    const count = (await get('api/v1/assets/tank')).body.values.count ?? 0;
    await until(
      'its values go on',
      async () => ((await get('api/v1/assets/tank')).body.values.count ?? 0) > count,
      WITHIN_MS,
    );
    assert.equal((await alarm('high'))?.raisedAtMs, raisedAtMs);
  });
  await until('the alarm is on record', async () => (await recorded('AlarmRaised', 'high')).length > 0, WITHIN_MS);
  await until(
    'the mark is gone',
    async () => (await get('api/v1/assets/tank')).body.notRecorded === undefined,
    WITHIN_MS,
  );
  assert.deepEqual(await recorded('AlarmRaised', 'high'), [raisedAtMs]);
  assert.deepEqual(await recorded('AlarmCleared', 'low'), [clearedAtMs]);
  assert.deepEqual([(await alarm('high'))?.notRecorded, (await alarm('high'))?.raisedAtMs], [undefined, raisedAtMs]);
  registers[0] = NORMAL;
  await until('it clears', async () => (await recorded('AlarmCleared', 'high')).length === 1, WITHIN_MS);
  assert.deepEqual(await recorded('AlarmRaised', 'high'), [raisedAtMs]);
  assert.equal((await order()).status, 200);
});

test('without NATS values stand, the wall says so, and what the field says afterwards is taken', { skip }, async () => {
  await outage(servers.bus, async () => {
    await until('health says so', async () => (await part('log')).status === 'unhealthy', WITHIN_MS);
    assert.equal(await isReady(), false);
    const stood = await latest();
    await until('the value is marked', async () => (await latest()).quality !== 'GOOD', WITHIN_MS);
    assert.equal((await latest()).value, stood.value);
    assert.equal((await order()).status, 200);
  });
  await valuesGoOn();
});
