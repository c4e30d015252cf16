/**
 * Goal: the product with NATS_URL keeps its telemetry there. A server that is killed under load costs no message of MQTT
 * QoS 1, not in the log and not in the history, and none is there twice; the wall's health says what is wrong. A server that is
 * not there at the start is waited for and then named.
 * Method: the product put together as `signalbox start` does, mosquitto and nats-server as processes of their own; a reading
 * for every number, each looked for in the end.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { connect, nanos } from 'nats';
import { startPlant } from '../../cli/plant.ts';
import { readPlant } from '../../cli/topology.ts';
import { entityId } from '../../runtime/ids.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { readSettings } from '../../runtime/settings.ts';
import { writeChaosPlant } from '../chaos/chaos-plant.ts';
import { readAll } from '../contract/log.contract.ts';
import { until } from '../support/condition.ts';
import { freePort, Mosquitto } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';

const DEVICE = entityId('device', 'm-1');
const READINGS = 300;
const KILLS = [60, 160];

let server: NatsServer;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

async function open(t: TestContext, more: Record<string, unknown>) {
  const temp = tempDir('nats-plant');
  t.after(() => temp.remove());
  const broker = await Mosquitto.start(temp.dir);
  t.after(() => broker.kill('SIGKILL'));
  const { topology } = writeChaosPlant(temp.dir, broker.url, 1);
  const read = readSettings({}, {}, { DATA_DIR: path.join(temp.dir, 'data'), PORT: 0, LOG_LEVEL: 'fatal', ...more });
  assert.ok(read.ok);
  return {
    broker,
    start: async () => startPlant({ settings: read.settings, plant: await readPlant(topology), simulators: false }),
  };
}

const place = (prefix: string) => ({
  url: server.url,
  name: 'test',
  startTimeoutMs: 10_000,
  prefix,
  replicas: 1,
  maxAgeMs: 30 * 86_400_000,
});

test('through kill -9 of nats-server every reading at QoS 1 is in the log and in the history once', {
  skip: noNats,
}, async (t) => {
  const { broker, start } = await open(t, { NATS_URL: server.url, NATS_STREAM_PREFIX: 'cell-a' });
  const running = await start();
  const { node } = running;
  const log = await openNatsLog(place('cell-a'));
  const client = await connectAsync(broker.url);
  try {
    await until(
      'the device is listened to',
      async () => {
        await client.publishAsync('plant/m-1', JSON.stringify({ ts: Date.now(), metrics: { level: 1 } }), { qos: 1 });
        return (await log.end()) > 0;
      },
      30_000,
    );
    const beginMs = Date.now() + 1000;
    for (let n = 0; n < READINGS; n++) {
      await client.publishAsync('plant/m-1', JSON.stringify({ ts: beginMs + n, metrics: { level: 40 + n / 100 } }), {
        qos: 1,
      });
      if (!KILLS.includes(n)) continue;
      await server.kill('SIGKILL');
      const part = () => node.health().parts.find(({ name }) => name === 'log');
      await until('health says so', () => part()?.status === 'unhealthy', 20_000);
      assert.match(part()?.detail ?? '', /no connection to NATS/);
      await server.restart();
    }
    const sent = Array.from({ length: READINGS }, (_, n) => [beginMs + n, 40 + n / 100]);
    const logged = async () =>
      (await readAll(log, 0, 1000))
        .filter(({ source }) => source === DEVICE)
        .map(({ observation }) => [
          Reflect.get(Object(observation), 'deviceTimeMs'),
          Reflect.get(Object(Reflect.get(Object(observation), 'values')), 0),
        ])
        .filter(([timeMs]) => Number(timeMs) >= beginMs);
    // The test's own connection comes back at its own time.
    const count = () =>
      logged().then(
        (found) => found.length,
        () => 0,
      );
    await until('all are in the log', async () => (await count()) >= READINGS, 40_000);
    assert.deepEqual(await logged(), sent);
    await node.historian.caughtUp(await log.end());
    const samples = await node.historian.raw({
      entity: DEVICE,
      series: 'level',
      fromMs: beginMs,
      toMs: 9e15,
      limit: 10_000,
    });
    assert.deepEqual(
      samples.map(({ timeMs, value }) => [timeMs, value]),
      sent,
    );
    await until(
      'health is whole again',
      () => node.health().parts.every(({ name, status }) => name !== 'log' || status === 'healthy'),
      20_000,
    );
  } finally {
    await client.endAsync(true);
    await log.close();
    await running.stop();
  }
});

test('what the plant decides is published by class, for other programs, from its first row on', {
  skip: noNats,
}, async (t) => {
  const { start } = await open(t, {
    NATS_URL: server.url,
    NATS_STREAM_PREFIX: 'classes',
    NATS_ALARMS_RETENTION_DAYS: 9,
  });
  const { node, stop } = await start();
  const connection = await connect({ servers: server.url });
  try {
    const manager = await connection.jetstreamManager();
    const infoOf = (name: string) => manager.streams.info(`classes-${name}`);
    const published = async () =>
      (await Promise.all(['alarms', 'events'].map(infoOf))).reduce((sum, { state }) => sum + state.messages, 0);
    await until('all rows are published', async () => {
      const end = await node.journal.end();
      return end > 0 && (await published()) === end;
    });
    const first = await manager.streams.getMessage('classes-events', { seq: 1 });
    const [row] = await node.journal.query({ limit: 1 });
    assert.ok(row);
    const event = first.json<{ entity: string; seq: number; kind: string; token: string }>();
    assert.deepEqual([event.entity, event.seq, event.kind], [row.entity, row.seq, row.kind]);
    assert.equal(first.subject, `classes.events.${row.entity.replace('/', '.')}`);
    assert.equal((await infoOf('alarms')).config.max_age, nanos(9 * 86_400_000));
    node.deadLetter({ timeMs: 1, stream: 'messages', source: 'test', code: 'test', reason: 'a test', body: null });
    const letters = () =>
      infoOf('dead-letters').then(
        ({ state }) => state.messages,
        () => 0,
      );
    await until('a dead letter is published', async () => (await letters()) === 1);
    assert.equal((await node.deadLetters.query({ limit: 1 }))[0]?.code, 'test');
    assert.equal(node.health().parts.find(({ name }) => name === 'streams')?.status, 'healthy');
  } finally {
    await connection.close();
    await stop();
  }
});

test('a plant that is started again goes on from the stream', { skip: noNats }, async (t) => {
  const { start } = await open(t, { NATS_URL: server.url, NATS_STREAM_PREFIX: 'cell-b' });
  const first = await start();
  const frame = (n: number) => ({
    deviceTimeMs: Date.now(),
    gatewayTimeMs: Date.now(),
    points: ['level'],
    values: [n],
    quality: null,
    reasons: null,
    times: null,
  });
  await first.node.ingest(DEVICE, frame(10));
  await first.stop();
  const log = await openNatsLog(place('cell-b'));
  await log.append([{ source: DEVICE, observation: frame(11) }]);
  const second = await start();
  try {
    await until(
      'what came meanwhile is shown',
      () => {
        second.node.live.flush();
        return second.node.live.cell(DEVICE)?.view.values?.level === 11;
      },
      20_000,
    );
  } finally {
    await log.close();
    await second.stop();
  }
});

test('a server that is not there is waited for, and then named without its password', { skip: noNats }, async (t) => {
  const port = await freePort();
  const url = `nats://plant:hidden@127.0.0.1:${port}`;
  const { start } = await open(t, { NATS_URL: url, NATS_START_TIMEOUT_MS: 1500 });
  const startedMs = performance.now();
  await assert.rejects(start(), (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.equal(Reflect.get(error, 'code'), 'NATS_UNREACHABLE');
    assert.match(error.message, new RegExp(`NATS at 127\\.0\\.0\\.1:${port} does not answer`));
    assert.doesNotMatch(`${error.message} ${error.stack}`, /hidden/);
    return true;
  });
  assert.ok(performance.now() - startedMs > 500, 'it was tried more than once');
});

test('a wrong password is refused at once, and one that is right lets the plant start', { skip: noNats }, async (t) => {
  const guarded = await NatsServer.start({
    config: 'authorization { user: plant, password: "s3cret" }',
    credentials: { user: 'plant', pass: 's3cret' },
  });
  t.after(() => guarded.remove());
  const at = (password: string) => `nats://plant:${password}@127.0.0.1:${guarded.port}`;
  const wrong = await open(t, { NATS_URL: at('wrong'), NATS_START_TIMEOUT_MS: 60_000 });
  await assert.rejects(wrong.start(), { code: 'NATS_REFUSED' });
  const right = await open(t, { NATS_URL: at('s3cret') });
  await (await right.start()).stop();
});
