/**
 * Goal: a broker that is lost is called out once for each site behind it; the alarms of its devices and of their assets are listed as
 * suppressed and name it, and who stays silent when it is back is called out by itself.
 * Method: the whole product in this process, six devices at two sites on a real mosquitto that is killed and started again.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { Settings } from '../../runtime/settings.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { Mosquitto, mosquittoPub } from '../support/mosquitto.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
const NORTH = ['n1', 'n2', 'n3', 'n4'];
const SOUTH = ['s1', 's2'];
const { dir, remove } = tempDir('connection-lost');
const broker = tempDir('connection-lost-broker');
let mosquitto: Mosquitto;
let running: RunningPlant;

before(async () => {
  mosquitto = await Mosquitto.start(broker.dir);
  const device = (id: string, site: string) =>
    `  - { id: ${id}, name: Meter ${id}, site: ${site}, connection: broker, offlineAfterMs: 4000, points: [{ name: level }] }`;
  const parsed = parseTopology(
    `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: north, name: North, timeZone: Europe/Berlin }
  - { id: south, name: South, timeZone: Europe/Berlin }
connections:
  - { id: broker, name: Plant broker, driver: mqtt, url: "${mosquitto.url}", topics: [{ topic: "acme/{device}/data", payload: metrics }], reconnect: { minMs: 100, maxMs: 500 } }
assets:
  - id: tank
    name: Tank
    site: north
    links: [{ device: n1 }]
    rules: [{ id: silent, name: Tank is silent, when: deviceLost, severity: CRITICAL }]
devices:
${[...NORTH.map((id) => device(id, 'north')), ...SOUTH.map((id) => device(id, 'south'))].join('\n')}
`,
    'plant.yaml',
  );
  assert.ok(parsed.ok, JSON.stringify(parsed.ok || parsed.problems));
  const settings = Settings.parse({ DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal' });
  running = await startPlant({ settings, plant: parsed.plant, simulators: false });
});
after(async () => {
  await running.stop();
  await mosquitto.kill();
  remove();
  broker.remove();
});

async function get(address: string): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${running.key}` };
  const answer = await fetch(new URL(`api/v1${address}`, running.url), { headers });
  return await answer.json();
}

interface Shown {
  readonly id: string;
  readonly site: string;
  readonly state: string;
  readonly detail: string;
  readonly message: string;
  readonly severity: string;
  readonly suppressed: { readonly cause: string; readonly by: string | null } | null;
}

async function alarms(): Promise<Shown[]> {
  const { items } = await get('/alarms');
  assert.ok(Array.isArray(items));
  return items;
}
const calledOut = async () => (await alarms()).filter(({ state }) => state !== 'SUPPRESSED');
const behindBroker = async () => (await alarms()).filter(({ state }) => state === 'SUPPRESSED');
const detailOf = async (id: string) => (await alarms()).find((alarm) => alarm.id === id)?.detail;

/** Again and again: what was sent before the subscription stood is lost. */
async function speak(devices: readonly string[]): Promise<void> {
  await until(
    `${devices.length} devices online`,
    async () => {
      for (const id of devices)
        await mosquittoPub(
          mosquitto.port,
          `acme/${id}/data`,
          JSON.stringify({ ts: Date.now(), metrics: { level: 7 } }),
        );
      const views = await Promise.all(devices.map((id) => get(`/devices/${id}`)));
      return views.every(({ props }) => JSON.stringify(props).includes('"connectivity":"online"'));
    },
    WITHIN_MS,
  );
}

test('a lost broker is one alarm for each site, and a device that stays silent afterwards has its own', async () => {
  await speak([...NORTH, ...SOUTH]);
  assert.deepEqual(await alarms(), []);

  await mosquitto.kill('SIGKILL');
  await until('both alarms', async () => (await calledOut()).length === 2, WITHIN_MS);
  await until(
    'every device is without news',
    async () => {
      const views = await Promise.all([...NORTH, ...SOUTH].map((id) => get(`/devices/${id}`)));
      return views.every(({ props }) => JSON.stringify(props).includes('"connectivity":"offline"'));
    },
    WITHIN_MS,
  );
  await until('all that it stands for', async () => (await behindBroker()).length === 6, WITHIN_MS);
  const standing = await calledOut();
  assert.deepEqual(standing.map(({ id, site, detail, severity }) => [id, site, detail, severity]).sort(), [
    ['connection/broker.south:connection-lost', 'south', 'ACTIVE_UNACK', 'HIGH'],
    ['connection/broker:connection-lost', 'north', 'ACTIVE_UNACK', 'CRITICAL'],
  ]);
  assert.deepEqual((await behindBroker()).map(({ id, suppressed }) => [id, suppressed?.cause, suppressed?.by]).sort(), [
    ['asset/tank:silent', 'connection_lost', 'connection/broker:connection-lost'],
    ...['n2', 'n3', 'n4'].map((id) => [
      `device/${id}:device-lost`,
      'connection_lost',
      'connection/broker:connection-lost',
    ]),
    ...SOUTH.map((id) => [`device/${id}:device-lost`, 'connection_lost', 'connection/broker.south:connection-lost']),
  ]);
  const north = standing.find(({ site }) => site === 'north');
  assert.match(
    north?.message ?? '',
    /^No connection to Plant broker: the connection (broke|is refused)\. Without news of 4 devices/,
  );

  await mosquitto.restart();
  const speaking = NORTH.filter((id) => id !== 'n1' && id !== 'n2');
  await speak([...speaking, ...SOUTH]);
  await until(
    'the silent device and the silent asset are called out by themselves',
    async () => {
      await speak([...speaking, ...SOUTH]);
      const own = (await calledOut()).filter(({ detail }) => detail === 'ACTIVE_UNACK').map(({ id }) => id);
      return own.includes('device/n2:device-lost') && own.includes('asset/tank:silent');
    },
    WITHIN_MS,
  );
  await until(
    'the connection has stayed',
    async () => {
      await speak([...speaking, ...SOUTH]);
      return (await detailOf('connection/broker:connection-lost')) === 'RTN_UNACK';
    },
    WITHIN_MS,
  );
  const others = (await alarms()).filter(({ id }) => !id.startsWith('connection/'));
  assert.deepEqual(others.map(({ id }) => id).sort(), ['asset/tank:silent', 'device/n2:device-lost']);
});
