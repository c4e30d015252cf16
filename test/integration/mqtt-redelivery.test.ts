/**
 * Goal: whatever a publisher sends again at QoS 1, however often and however late, across kill -9 of the product and of the
 * broker, the history has every reading once, and no rule decides a second time on what it has decided.
 * Method: the product as a process, a publisher that sends everything again with DUP, in other orders and far more than a
 * device remembers, while product and broker are killed; then the folder is opened and compared with what was sent.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { entityId } from '../../runtime/ids.ts';
import { Random } from '../../simulators/plant/random.ts';
import { writeChaosPlant } from '../chaos/chaos-plant.ts';
import { wholeJournal, wholeLog } from '../chaos/kill-checks.ts';
import { until } from '../support/condition.ts';
import { openStorage } from '../support/engine.ts';
import { freePort, Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

const DEVICE = 'm-1';
/** Frames that a device remembers are 256: most of these come again when it knows them no more. */
const READINGS = 450;
/** Over two midnights, since the history has a file for each day. */
const SPAN_MS = 30 * 3_600_000;
/** So many of them were measured long ago: they go to the history and judge nothing. */
const OLD = 250;
/** Sent only after the kills. */
const FRESH = 5;
/** Each hundredth is over the limit of a rule. */
const EVERY = 100;
const WAIT_MS = 60_000;

interface Reading {
  readonly timeMs: number;
  readonly level: number;
}

describe('readings that are sent again at QoS 1', () => {
  let temp: ReturnType<typeof tempDir>;
  let product: Product | undefined;
  let broker: Mosquitto | undefined;

  beforeEach(() => {
    temp = tempDir('redelivery');
  });
  afterEach(async () => {
    await product?.kill();
    await broker?.kill('SIGKILL');
    temp.remove();
  });

  async function start(url: string): Promise<Product> {
    const { topology } = writeChaosPlant(temp.dir, url, 1);
    const environment = { SIGNALBOX_CHECKPOINT_INTERVAL_MS: '300' };
    product = await Product.start({ dataDir: path.join(temp.dir, 'data'), topology, environment });
    return product;
  }

  async function newest(): Promise<number | undefined> {
    const devices = await product?.list<{ id: string; times: { level?: number } }>('/devices');
    return devices?.find(({ id }) => id === DEVICE)?.times.level;
  }

  /** The plant has taken everything that was published before this reading, since it is the last in the queue. */
  const taken = ({ timeMs }: Reading) =>
    until('the last reading is shown', async () => (await newest()) === timeMs, WAIT_MS);

  /** What was sent, once each, in rows and in aggregates; and every live crossing of the limit raised one alarm. */
  async function check(sent: readonly Reading[]): Promise<void> {
    assert.equal((await product?.stop())?.code, 0);
    const storage = await openStorage(path.join(temp.dir, 'data'));
    try {
      await storage.historian.caughtUp(await storage.log.end());
      const all = { entity: entityId('device', DEVICE), series: 'level', fromMs: 0, toMs: 9e15, limit: 100_000 };
      const samples = await storage.historian.raw(all);
      assert.deepEqual(
        samples.map(({ timeMs, value }) => [timeMs, value]),
        sent.map(({ timeMs, level }) => [timeMs, level]),
      );
      const hours = await storage.historian.windows({ ...all, windowMs: 3_600_000 });
      assert.equal(
        hours.reduce((sum, { count }) => sum + count, 0),
        sent.length,
      );
      // Not those of the device, whose clock seems to be a day behind.
      const ofAsset = (await wholeJournal(storage.journal)).filter(({ entity }) => entity === entityId('asset', 'a-1'));
      const raised = ofAsset.filter(({ kind }) => kind === 'AlarmRaised');
      assert.equal(raised.length, sent.filter((reading, i) => i >= OLD && isHigh(reading)).length);
      const logged = (await wholeLog(storage.log)).filter(({ source }) => source === all.entity);
      assert.ok(logged.length > sent.length, 'nothing came so late that the device had forgotten it: too small a test');
    } finally {
      await storage.close();
    }
  }

  it('through a broker are in the history once, though product and broker are killed meanwhile', async () => {
    broker = await Mosquitto.start(temp.dir, ['max_inflight_messages 100']);
    await start(broker.url);
    const { sent, fresh } = measure();
    let client = await publish(broker.url, sent, false);
    await taken(last(sent));

    // Killed with part of them on the way; the broker gives it again what was not acknowledged, and the publisher everything.
    await Promise.all([resend(client, sent), product?.kill()]);
    await product?.restart();
    await resend(client, [...sent].reverse());
    await client.endAsync(true);

    await broker.kill('SIGKILL');
    await broker.restart();
    client = await publish(broker.url, [...sent, ...fresh.slice(0, -1)], true);
    await product?.kill();
    await product?.restart();
    await resend(client, [...shuffled(sent), ...fresh]);
    await taken(last(fresh));
    await client.endAsync(true);
    await check([...sent, ...fresh]);
  });

  it('to the embedded broker are in the history once, though it dies with the product', async () => {
    const url = `embedded://127.0.0.1:${await freePort()}`;
    const address = url.replace('embedded', 'mqtt');
    await start(url);
    const { sent, fresh } = measure();
    let client = await publish(address, sent, false);
    await taken(last(sent));

    // Nobody answers the publisher any more: what it has no PUBACK for it sends again.
    const cut = new Promise<void>((resolve) => client.once('close', () => resolve()));
    await Promise.all([Promise.race([resend(client, sent), cut]), product?.kill()]);
    await client.endAsync(true);
    await product?.restart();
    client = await publish(address, [...sent].reverse(), true);
    await resend(client, [...shuffled(sent), ...fresh]);
    await taken(last(fresh));
    await client.endAsync(true);
    await check([...sent, ...fresh]);
  });
});

/** Sent again by one who does not know what has arrived: with the flag that says so. Resolves when all are acknowledged. */
async function resend(client: MqttClient, readings: readonly Reading[], dup = true): Promise<void> {
  await Promise.all(
    readings.map(({ timeMs, level }) =>
      client.publishAsync(`plant/${DEVICE}`, JSON.stringify({ ts: timeMs, metrics: { level } }), { qos: 1, dup }),
    ),
  );
}

async function publish(url: string, readings: readonly Reading[], dup: boolean): Promise<MqttClient> {
  const client = await connected(url);
  await resend(client, readings, dup);
  return client;
}

/** The embedded broker listens a moment after the product says that it is live. */
async function connected(url: string): Promise<MqttClient> {
  let client: MqttClient | undefined;
  await until(`${url} takes the publisher`, async () => {
    client = await connectAsync(url, { reconnectPeriod: 0 }).catch(() => undefined);
    return client !== undefined;
  });
  assert.ok(client !== undefined);
  client.on('error', () => undefined);
  return client;
}

/** In the order of their time; no value comes twice, so a reading that was mixed up is seen. */
function measure(): { readonly sent: readonly Reading[]; readonly fresh: readonly Reading[] } {
  const endMs = Date.now();
  const liveFromMs = endMs - (READINGS + FRESH - OLD) * 1000;
  const stepMs = Math.floor(SPAN_MS / OLD);
  const all = Array.from({ length: READINGS + FRESH }, (_, i) => ({
    timeMs: i < OLD ? liveFromMs - (OLD - i) * stepMs : liveFromMs + (i - OLD) * 1000,
    level: (i % EVERY === EVERY - 1 && i < READINGS - 1 ? 80 : 50) + i / 10_000,
  }));
  return { sent: all.slice(0, READINGS), fresh: all.slice(READINGS) };
}

function isHigh({ level }: Reading): boolean {
  return level > 70;
}

function last(readings: readonly Reading[]): Reading {
  const reading = readings.at(-1);
  assert.ok(reading !== undefined);
  return reading;
}

/** The same order in every run. */
function shuffled(readings: readonly Reading[]): Reading[] {
  const random = new Random(7);
  return readings
    .map((reading) => ({ reading, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ reading }) => reading);
}
