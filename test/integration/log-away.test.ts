/**
 * Goal: while the telemetry log is away nothing is said against the devices, which answer and send as before: no device is lost, no
 * alarm comes. That the log is away is said, in words and since when; values are marked as of then. When it is back all goes on, and
 * a device that is silent then is lost, and called out.
 * Method: the product put together as `signalbox start` does, on nats-server, a Modbus server and mosquitto of the test's own; the
 * nats-server is killed for longer than any device may be silent.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { entityId } from '../../runtime/ids.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 40_000;
/** Twice as long as a device may be silent. */
const OUTAGE_MS = 6000;

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: PORT } }
  - { id: net, driver: mqtt, url: "BROKER", reconnect: { minMs: 50, maxMs: 500 }, topics: [{ topic: "works/{device}" }] }
devices:
  - id: meter
    name: Meter
    site: works
    connection: bus
    modbus: { unit: 1, pollMs: 200 }
    points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }]
  - id: sensor
    name: Sensor
    site: works
    connection: net
    expectedIntervalMs: 500
    points: [{ name: level }]
assets:
  - { id: tank, name: Tank, site: works, links: [{ device: meter }], metrics: [{ name: level }] }
  - { id: pond, name: Pond, site: works, links: [{ device: sensor }], metrics: [{ name: level }] }
`;

const { dir, remove } = tempDir('log-away');
const registers = new Uint16Array([7]);
const DEVICES = ['meter', 'sensor'] as const;
const closing: (() => unknown)[] = [remove];
let nats: NatsServer;
let field: ModbusServer;
let mqtt: MqttClient;
let sending: NodeJS.Timeout;
let running: RunningPlant;

before(async () => {
  if (noNats !== false) return;
  const [bus, broker] = await Promise.all([NatsServer.start(), Mosquitto.start(dir)]);
  nats = bus;
  closing.push(() => Promise.all([bus.remove(), broker.kill('SIGKILL')]));
  field = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  closing.push(() => field.close());
  mqtt = await connectAsync(broker.url);
  closing.push(() => mqtt.endAsync(true));
  let count = 0;
  sending = setInterval(() => {
    registers[0] = ++count % 1000;
    mqtt.publish('works/sensor', JSON.stringify({ ts: Date.now(), metrics: { level: count } }), { qos: 1 });
  }, 200);
  closing.push(() => clearInterval(sending));
  const topology = parseTopology(
    TOPOLOGY.replace('PORT', String(field.port)).replace('BROKER', broker.url),
    'plant.yaml',
  );
  assert.ok(topology.ok, JSON.stringify(topology));
  const read = readSettings({}, {}, { DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal', NATS_URL: bus.url });
  assert.ok(read.ok, JSON.stringify(read));
  running = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
  closing.push(() => running.stop());
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

const viewOf = (kind: string, id: string) => running.node.live.cell(entityId(kind, id))?.view ?? {};
const connectivity = (id: string) => viewOf('device', id).props?.connectivity;
const logPart = () => running.node.health().parts.find(({ name }) => name === 'log');
const decided = async (...kinds: string[]) =>
  (await running.node.journal.query({ limit: 1000, kinds })).map(({ entity, kind }) => `${entity} ${kind}`);
const AGAINST = ['DeviceOffline', 'DeviceUnknown', 'AlarmRaised', 'LinkLost'];

test('a log that is away is no silence of the devices, and is called by its name', { skip: noNats }, async () => {
  for (const id of DEVICES) await until(`${id} is online`, () => connectivity(id) === 'online', WITHIN_MS);
  const before = await decided(...AGAINST);

  await nats.kill('SIGKILL');
  const killedMs = performance.now();
  await until('the log is said to be away', () => logPart()?.status === 'unhealthy', WITHIN_MS);
  await until('long enough', () => performance.now() - killedMs > OUTAGE_MS, WITHIN_MS);
  for (const id of DEVICES) assert.equal(connectivity(id), 'online', id);
  assert.match(logPart()?.detail ?? '', /no connection to NATS.*readings wait at their sources, values are as of then/);
  for (const id of ['tank', 'pond'])
    await until(`${id} is marked`, () => Object(viewOf('asset', id).marks?.level).reason === 'stale', WITHIN_MS);
  assert.deepEqual(await decided(...AGAINST), before, 'nothing was decided against anybody');

  await nats.restart();
  await until('the log is back', () => logPart()?.status === 'healthy', WITHIN_MS);
  for (const id of ['tank', 'pond'])
    await until(`${id} has new values`, () => viewOf('asset', id).marks?.level === undefined, WITHIN_MS);
  assert.deepEqual(await decided(...AGAINST), before);

  clearInterval(sending);
  await until('one that is silent now is lost', () => connectivity('sensor') === 'offline', WITHIN_MS);
  assert.equal(connectivity('meter'), 'online');
  assert.ok((await decided('AlarmRaised')).includes('device/sensor AlarmRaised'));
});
