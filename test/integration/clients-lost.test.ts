/**
 * Goal: when nobody who speaks for a device is left at the embedded broker, that is one alarm of the connection, before any device
 * counts as silent by itself, and the alarms of the devices are listed as suppressed behind it.
 * Method: the whole product in this process with its own broker; two real MQTT clients that speak for four devices and are cut off.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { entityId } from '../../runtime/ids.ts';
import { Settings } from '../../runtime/settings.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { freePort } from '../support/mosquitto.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
const DEVICES = ['m1', 'm2', 'm3', 'm4'] as const;
const { dir, remove } = tempDir('clients-lost');
const clients: MqttClient[] = [];
let port: number;
let running: RunningPlant;
let speaking: NodeJS.Timeout | undefined;

before(async () => {
  port = await freePort();
  const parsed = parseTopology(
    `signalbox: 1
organization: { id: acme, name: Acme Water }
sites: [{ id: north, name: North, timeZone: Europe/Berlin }]
connections:
  - { id: own, name: Own broker, driver: mqtt, url: "embedded://127.0.0.1:${port}", topics: [{ topic: "acme/{device}" }] }
devices:
${DEVICES.map((id) => `  - { id: ${id}, name: Meter ${id}, site: north, connection: own, points: [{ name: level }] }`).join('\n')}
`,
    'plant.yaml',
  );
  assert.ok(parsed.ok, JSON.stringify(parsed.ok || parsed.problems));
  const settings = Settings.parse({ DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal' });
  running = await startPlant({ settings, plant: parsed.plant, simulators: false });
});
after(async () => {
  clearInterval(speaking);
  for (const client of clients) client.end(true);
  await running.stop();
  remove();
});

/** Each of two clients speaks for two of the devices, several times a second. */
async function speak(): Promise<void> {
  await until('the broker listens', async () => {
    try {
      for (const clientId of ['one', 'two'])
        clients.push(await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId, reconnectPeriod: 0 }));
      return true;
    } catch {
      return false;
    }
  });
  const [one, two] = clients.slice(-2);
  const say = () => {
    for (const [index, id] of DEVICES.entries())
      (index < 2 ? one : two)?.publish(`acme/${id}`, JSON.stringify({ ts: Date.now(), metrics: { level: 7 } }), {
        qos: 1,
      });
  };
  speaking = setInterval(say, 200);
}

const viewOf = (kind: string, id: string) => running.runtime.live.cell(entityId(kind, id))?.view ?? {};
const connectivity = (id: string) => viewOf('device', id).props?.connectivity;
const alarm = (kind: string, id: string, rule: string) => Object(viewOf(kind, id).alarms?.[rule]);
const lost = () => alarm('connection', 'own', 'connection-lost');
const rows = (kind: string) => running.node.journal.query({ limit: 100, kinds: [kind] });

test('clients that vanish together are one alarm, and what they spoke for is behind it', async () => {
  await speak();
  for (const id of DEVICES) await until(`${id} is online`, () => connectivity(id) === 'online', WITHIN_MS);
  // The clients have to be known as such that stay.
  const sinceMs = performance.now();
  await until('longer than the time between two messages', () => performance.now() - sinceMs > 2000, WITHIN_MS);

  clearInterval(speaking);
  for (const client of clients.splice(0)) client.stream.destroy();
  await until('the alarm of the connection', () => lost().state === 'ACTIVE', WITHIN_MS);
  assert.match(
    lost().message,
    /^No connection to Own broker: no device is connected to the embedded broker\. Without news of 4 devices/,
  );
  for (const id of DEVICES)
    await until(`${id} is behind it`, () => alarm('device', id, 'device-lost').state === 'SUPPRESSED', WITHIN_MS);
  await until('all are offline', () => DEVICES.every((id) => connectivity(id) === 'offline'), WITHIN_MS);
  for (const id of DEVICES) {
    assert.equal(alarm('device', id, 'device-lost').suppressed?.by, 'connection/own:connection-lost', id);
    assert.equal(viewOf('device', id).props?.connectivityReason, 'mqtt_no_clients', id);
  }
  assert.deepEqual(
    (await rows('AlarmRaised')).filter(({ entity }) => entity.startsWith('connection/')).length,
    1,
    'called out once',
  );

  await speak();
  for (const id of DEVICES) await until(`${id} is back`, () => connectivity(id) === 'online', WITHIN_MS);
});
