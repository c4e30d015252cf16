/**
 * Goal: the demo plant works from the simulated register to the API, and a kill in the middle changes nothing of what it knows.
 * Method: the product as a process with its simulators on free ports, once without faults and once with faults of our own.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { until } from '../support/condition.ts';
import { freePort } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

/** One device of each protocol. */
const DEVICES = ['plc-1', 'wt-1-controller', 'cabinet-01-controller'];
const FIELD_WITHIN_MS = 40_000;
const QUIET_MS = 20_000;
const FAULTS = `scenario: 1
cycleSeconds: 3600
events:
  - { at: 1, for: 3000, kind: disturb, asset: pump-1, by: vibration, amount: 7, why: Cavitation }
  - { at: 1, for: 3000, kind: disturb, asset: cabinet-05, by: doorOpen, amount: 1, why: Somebody works at the cabinet }
  - { at: 1, for: 3000, kind: disturb, asset: wt-5, by: overspeed, amount: 21, why: The pitch is stuck in a gust }
`;

interface Latest {
  readonly items: readonly { readonly metricKey: string; readonly quality: string; readonly timeMs: number }[];
}
interface Alarm {
  readonly id: string;
  readonly detail: string;
  readonly comments: readonly unknown[];
  readonly [field: string]: unknown;
}
interface Item {
  readonly id: string;
  readonly props: { readonly children?: readonly string[] };
  readonly times: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<string, unknown>>;
}

const temp = tempDir('plant');
const products: Product[] = [];
after(async () => {
  for (const product of products) await product.kill();
  temp.remove();
});

async function startDemo(name: string, scenario: string): Promise<Product> {
  const environment = {
    SIMULATOR_MODBUS_PORT: String(await freePort()),
    SIMULATOR_OPCUA_PORT: String(await freePort()),
    SIMULATOR_MQTT_PORT: String(await freePort()),
    SIMULATOR_SCENARIO: scenario,
  };
  const product = await Product.start({ dataDir: path.join(temp.dir, name), environment });
  products.push(product);
  return product;
}

/** Every point of one device of each protocol is there, good, and newer than an instant. */
async function fieldArrives(product: Product, sinceMs: number): Promise<void> {
  for (const device of DEVICES) {
    let missing = '';
    await until(
      `all values of ${device} are good`,
      async () => {
        const { items } = await product.get<Latest>(`/telemetry/latest?device=${device}`);
        missing = items
          .filter(({ quality, timeMs }) => quality !== 'GOOD' || timeMs < sinceMs)
          .map(({ metricKey }) => metricKey)
          .join();
        return items.length > 0 && missing === '';
      },
      FIELD_WITHIN_MS,
    ).catch((error: Error) => assert.fail(`${error.message}: ${missing}; ${product.stderr}`));
  }
}

function raised(product: Product): Promise<Alarm[]> {
  return product.list<Alarm>('/alarms/history?kind=AlarmRaised');
}

test('without faults the field arrives over three protocols, is in the history, raises no alarm, and comes back after a kill', async () => {
  const product = await startDemo('calm', 'none');
  const fromMs = Date.now();
  await fieldArrives(product, 0);
  const quietUntilMs = Date.now() + QUIET_MS;
  await until(
    'the plant was quiet for a while',
    async () => {
      assert.deepEqual(await raised(product), []);
      return Date.now() > quietUntilMs;
    },
    2 * QUIET_MS,
  );
  for (const device of DEVICES) {
    const { items } = await product.get<Latest>(`/telemetry/latest?device=${device}`);
    const metricKey = items[0]?.metricKey;
    const start = fromMs - 60_000;
    const samples = await product.list(`/telemetry?device=${device}&metricKey=${metricKey}&start=${start}`);
    assert.ok(samples.length > 5, `${device} ${metricKey}: ${samples.length} samples`);
  }
  const letters = await product.list('/dead-letters');
  assert.deepEqual(letters, [], 'nothing was refused');

  await product.kill();
  const killedMs = Date.now();
  await product.restart();
  await fieldArrives(product, killedMs);
});

test('with faults alarms rise and one opens a work order; all of it is there after a kill', async () => {
  const scenario = path.join(temp.dir, 'faults.yaml');
  fs.writeFileSync(scenario, FAULTS);
  const product = await startDemo('faulty', scenario);
  await until(
    'three assets have alarms',
    async () => new Set((await product.list<Alarm>('/alarms')).map(({ entity }) => entity)).size >= 3,
    FIELD_WITHIN_MS,
  );
  await until('a work order is open', async () => (await product.list('/workorders')).length > 0, FIELD_WITHIN_MS);
  const alarm = (await product.list<Alarm>('/alarms')).find(({ detail }) => detail === 'ACTIVE_UNACK');
  assert.ok(alarm);
  const route = `/alarms/${encodeURIComponent(alarm.id)}`;
  assert.equal((await product.request('POST', `${route}/acknowledge`, { body: { comment: 'seen' } })).status, 200);
  assert.equal((await product.request('POST', `${route}/comment`, { body: { text: 'going there' } })).status, 200);

  await until('both are shown', async () => {
    const { alarms } = await picture(product);
    return alarms.get(alarm.id)?.comments.length === 2;
  });
  const before = await picture(product);
  await product.kill();
  // The field is left out, so that what is shown comes from the folder alone.
  await product.restart('--no-simulators');
  const now = await picture(product);
  for (const [id, was] of before.alarms) assert.deepEqual(now.alarms.get(id), was, id);
  for (const [id, was] of before.orders) assert.deepEqual(now.orders.get(id), was, id);
  assert.deepEqual(olderValues(before.values, now.values), []);
  assert.equal(now.alarms.get(alarm.id)?.acknowledgedBy, 'first-key');
});

/** What stays when the field is gone: an alarm whose device is lost is held back, and its condition no longer seen. */
async function picture(product: Product) {
  const alarms = (await product.list<Alarm>('/alarms')).map(
    ({ id, raisedAtMs, acknowledgedAtMs, acknowledgedBy, occurrences, comments, workOrder, value }) =>
      [id, { raisedAtMs, acknowledgedAtMs, acknowledgedBy, occurrences, comments, workOrder, value }] as const,
  );
  const orders = await product.list<Item>('/workorders');
  // What rolls up its children shows only those whose devices are there.
  const assets = (await product.list<Item>('/assets?limit=1000')).filter(({ props }) => props.children?.length === 0);
  const devices = await product.list<Item>('/devices?limit=1000');
  return {
    alarms: new Map(alarms),
    orders: new Map(orders.map((order) => [order.id, order])),
    values: new Map([...assets, ...devices].map((item) => [item.id, item])),
  };
}

function olderValues(before: ReadonlyMap<string, Item>, now: ReadonlyMap<string, Item>): string[] {
  return [...before].flatMap(([id, was]) =>
    Object.entries(was.times)
      .filter(([name, timeMs]) => {
        const is = now.get(id);
        const nowMs = is?.times[name] ?? 0;
        return nowMs < timeMs || (nowMs === timeMs && is?.values[name] !== was.values[name]);
      })
      .map(
        ([name, timeMs]) =>
          `${id}.${name} ${was.values[name]}@${timeMs} → ${now.get(id)?.values[name]}@${now.get(id)?.times[name]}`,
      ),
  );
}
