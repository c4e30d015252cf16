/**
 * Goal: through a real broker, every acknowledged message is in the log, whatever happens to the broker, the log or the data.
 * Method: a private mosquitto, mosquitto_pub as the device, and a host that says when the log has a frame.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Driver } from '../../gateways/driver.ts';
import { mqttDriver } from '../../gateways/mqtt/driver.ts';
import { until } from '../support/condition.ts';
import { Mosquitto, mosquittoPub } from '../support/mosquitto.ts';
import { mqttConnection, mqttDevice, RecordingHost } from '../support/mqtt-plant.ts';
import { tempDir } from '../support/temp-dir.ts';
import { writeOrder } from '../support/write-order.ts';

const POINTS = [{ name: 'temp' }, { name: 'pressure' }];
const RECONNECT = { reconnect: { minMs: 20, maxMs: 100 } };
const payload = (temp: unknown, ts: unknown = 1_700_000_000) => JSON.stringify({ ts, metrics: { temp } });

describe('the MQTT driver at a real broker', () => {
  let broker: Mosquitto;
  let temp: ReturnType<typeof tempDir>;
  const drivers: Driver[] = [];
  const clients: MqttClient[] = [];

  beforeEach(async () => {
    temp = tempDir('mqtt');
    broker = await Mosquitto.start(temp.dir);
  });
  afterEach(async () => {
    await Promise.all(drivers.splice(0).map((driver) => driver.stop()));
    for (const client of clients.splice(0)) client.end(true);
    await broker.kill();
    temp.remove();
  });

  async function start(settings: object = {}, devices = [mqttDevice('plc-1', POINTS), mqttDevice('plc-2', POINTS)]) {
    const host = new RecordingHost(temp.dir);
    const driver = mqttDriver(mqttConnection({ url: broker.url, ...RECONNECT, ...settings }, devices), host);
    drivers.push(driver);
    driver.start();
    await until('the driver is connected', () => host.newestReport?.state === 'connected');
    return { host, driver };
  }

  async function publisher(): Promise<MqttClient> {
    const client = await connectAsync(broker.url);
    clients.push(client);
    return client;
  }

  it('turns messages into frames, and the first one brings a device online', async () => {
    const { host } = await start();
    assert.equal(host.stateOf('plc-1'), undefined);
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(25.5));
    await until('the frame is there', () => host.frames.length === 1);
    const [first] = host.frames;
    assert.equal(first?.device, 'plc-1');
    assert.deepEqual(first?.frame.points, ['temp']);
    assert.deepEqual(first?.frame.values, [25.5]);
    assert.equal(first?.frame.deviceTimeMs, 1_700_000_000_000);
    assert.equal(host.stateOf('plc-1'), 'online connected');
    assert.equal(host.stateOf('plc-2'), undefined);
  });

  it('refuses what is too long by name, and what is far too long never leaves the broker', async () => {
    const { host } = await start({ maxPayloadBytes: 1000 });
    const device = await publisher();
    await device.publishAsync('sensors/plc-1/data', Buffer.alloc(1001, 0x20), { qos: 1 });
    await device.publishAsync('sensors/plc-1/data', Buffer.alloc(1_000_000, 0x20), { qos: 1 });
    await device.publishAsync('sensors/plc-1/data', payload(1), { qos: 1 });
    await until('the good one is there', () => host.values('temp').length === 1);
    assert.deepEqual(
      host.letters.map(({ code, reason, body }) => [code, reason, body]),
      [['payload_too_large', '1001 bytes, and 1000 are allowed', '']],
    );
    await until('it is counted', () => host.newestReport?.errors.payload_too_large === 1);
    assert.equal(host.newestReport?.state, 'connected');
  });

  it('takes what a broker that was killed and came back had kept for it', async () => {
    const { host } = await start();
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(1));
    await until('the first value', () => host.values('temp').length === 1);
    await broker.kill('SIGTERM');
    await until('the loss is known', () => host.stateOf('plc-1')?.startsWith('unknown') === true);
    assert.equal(host.newestReport?.state === 'connected', false);
    await broker.restart();
    await until('it is back', () => host.newestReport?.state === 'connected');
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(2));
    await until('the second value', () => host.values('temp').length === 2);
    assert.deepEqual(host.values('temp'), [1, 2]);
    assert.equal(host.stateOf('plc-1'), 'online connected');
  });

  it('gets the messages of the time when it was away, even from a broker that was restarted, since its session stays', async () => {
    const { driver } = await start();
    await driver.stop();
    for (const value of [1, 2, 3]) await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(value));
    await broker.kill();
    await broker.restart();
    const { host } = await start();
    await until('all three', () => host.frames.length === 3);
    assert.deepEqual(host.values('temp'), [1, 2, 3]);
  });

  it('does not acknowledge what the log refused: the broker sends it again', async () => {
    const { host } = await start();
    let refusals = 3;
    const stored: unknown[] = [];
    host.store = async (_device, frame) => {
      if (frame.values[0] === 2 && refusals-- > 0) throw new Error('the log is full');
      stored.push(frame.values[0]);
    };
    const client = await publisher();
    await Promise.all([1, 2, 3].map((value) => client.publishAsync('sensors/plc-1/data', payload(value), { qos: 1 })));
    await until('all are stored', () => new Set(stored).size === 3);
    await until('it is connected again', () => host.newestReport?.state === 'connected');
    assert.ok(host.values('temp').filter((value) => value === 2).length === 4);
    assert.equal(host.newestReport?.errors.not_stored, 3);
    const lost = host.connectivities.filter(({ connectivity }) => connectivity.reason === 'not_stored');
    assert.deepEqual(lost, [], 'neither broker nor device is lost by it');
    const seen = host.frames.length;
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(9));
    await until('the next one comes alone', () => stored.includes(9));
    assert.equal(host.frames.length, seen + 1);
  });

  it('leaves with the broker what the log did not have when it was stopped', async () => {
    const { host, driver } = await start();
    host.store = () => new Promise(() => {});
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(7));
    await until('it is in flight', () => host.frames.length === 1);
    await driver.stop();
    const { host: next } = await start();
    await until('it is sent again', () => next.values('temp')[0] === 7);
  });

  it('holds no more messages than it may, and takes the others when there is room', async () => {
    const { host } = await start({ maxInFlight: 10 });
    await assertBounded(host, await publisher());
  });

  it('speaks MQTT 3.1.1 to a broker that knows no other, and stops reading when it may hold no more', async (test) => {
    const aedes = await Aedes.createBroker();
    const server = net.createServer(aedes.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    test.after(() => {
      server.close();
      aedes.close();
    });
    const address = server.address();
    const url = `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const { host } = await start({ url, maxInFlight: 10 });
    assert.equal(host.newestReport?.facts?.protocol, 'MQTT 3.1.1');
    assert.equal(host.newestReport?.errors.mqtt_unsupported_version, 1);
    const client = await connectAsync(url);
    clients.push(client);
    await assertBounded(host, client);
  });

  it('sends bad data to the dead letters, acknowledges it and goes on', async () => {
    const { host } = await start();
    const bad: readonly [string, string, string][] = [
      ['sensors/nobody/data', payload(1), 'unknown_device'],
      ['sensors/plc-1/data', '{"ts":', 'bad_json'],
      ['sensors/plc-1/data', '[]', 'bad_payload'],
      ['sensors/plc-1/data', payload('hot'), 'wrong_type'],
      ['sensors/plc-1/data', payload(1, 'yesterday'), 'bad_time'],
      ['sensors/plc-1/data', '{"metrics":{"other":1}}', 'no_known_field'],
    ];
    for (const [topic, body] of bad) await mosquittoPub(broker.port, topic, body);
    await mosquittoPub(broker.port, 'sensors/plc-1/data', payload(42));
    await until('the good one', () => host.frames.length === 1);
    assert.deepEqual(
      host.letters.map((letter) => letter.code),
      bad.map(([, , code]) => code),
    );
    assert.equal(host.letters[0]?.source, 'broker:sensors/nobody/data');
    assert.equal(host.letters[1]?.body, '{"ts":');
    assert.deepEqual(host.values('temp'), [42]);
    await until('nothing waits for its acknowledgement', () => host.newestReport?.queueDepth === 0);
  });

  it('shares the load with another driver of its group, each with a session of its own', async () => {
    const other = tempDir('mqtt-other');
    const settings = { sharedGroup: 'bridge' };
    const { host: first } = await start(settings);
    const second = new RecordingHost(other.dir);
    const devices = [mqttDevice('plc-1', POINTS), mqttDevice('plc-2', POINTS)];
    const driver = mqttDriver(mqttConnection({ url: broker.url, ...RECONNECT, ...settings }, devices), second);
    drivers.push(driver);
    driver.start();
    await until('both are connected', () => second.newestReport?.state === 'connected');
    const client = await publisher();
    for (let i = 0; i < 100; i++) await client.publishAsync('sensors/plc-1/data', payload(i), { qos: 1 });
    await until('all hundred', () => first.frames.length + second.frames.length === 100);
    assert.ok(
      first.frames.length >= 20 && second.frames.length >= 20,
      `${first.frames.length} and ${second.frames.length}`,
    );
    const all = [...first.values('temp'), ...second.values('temp')];
    assert.equal(new Set(all).size, 100);
    other.remove();
  });

  it('believes a status topic, a last will included', async () => {
    const { host } = await start({ statusTopic: 'sensors/{device}/status' });
    const device = await connectAsync(broker.url, {
      will: { topic: 'sensors/plc-2/status', payload: Buffer.from('offline'), qos: 1, retain: true },
    });
    clients.push(device);
    await device.publishAsync('sensors/plc-2/status', 'online', { qos: 1, retain: true });
    await until('online', () => host.stateOf('plc-2') === 'online connected');
    device.stream.destroy();
    await until('offline', () => host.stateOf('plc-2') === 'offline mqtt_last_will');
  });

  it('says that it does not know how old a retained value without a time is, and takes it for no sign of life', async () => {
    await mosquittoPub(broker.port, 'sensors/plc-1/data', JSON.stringify({ metrics: { temp: 5 } }), ['-r']);
    const { host } = await start();
    await until('the retained one', () => host.frames.length === 1);
    assert.deepEqual(host.frames[0]?.frame.quality, ['UNCERTAIN']);
    assert.deepEqual(host.frames[0]?.frame.reasons, ['retained']);
    assert.equal(host.stateOf('plc-1'), undefined);
  });

  it('takes changed devices without leaving the broker', async () => {
    const { host, driver } = await start();
    const sessions = host.newestReport?.facts?.sessions;
    await driver.reconfigure(
      mqttConnection({ url: broker.url, ...RECONNECT }, [mqttDevice('plc-1', POINTS), mqttDevice('plc-9', POINTS)]),
    );
    await mosquittoPub(broker.port, 'sensors/plc-9/data', payload(3));
    await until('the new device', () => host.frames.some((each) => each.device === 'plc-9'));
    assert.equal(host.newestReport?.facts?.sessions, sessions);
  });

  it('changes to other topics when they are reconfigured', async () => {
    const { host, driver } = await start();
    const changed = { url: broker.url, ...RECONNECT, topics: [{ topic: 'v1/{org}/{device}', payload: 'flat' }] };
    await driver.reconfigure(mqttConnection(changed, [mqttDevice('plc-1', POINTS)]));
    await until('connected again', () => host.newestReport?.state === 'connected');
    await mosquittoPub(broker.port, 'v1/acme/plc-1', JSON.stringify({ ts: 1_700_000_000_000, temp: 4 }));
    await until('the value', () => host.frames.length === 1);
    assert.equal(host.frames[0]?.frame.deviceTimeMs, 1_700_000_000_000);
  });

  it('waits longer and longer for a broker that is not there, and says why', async () => {
    await broker.kill();
    const host = new RecordingHost(temp.dir);
    const driver = mqttDriver(mqttConnection({ url: broker.url, ...RECONNECT }, [mqttDevice('plc-1', POINTS)]), host);
    drivers.push(driver);
    driver.start();
    await until('several attempts', () => (host.newestReport?.errors.connection_refused ?? 0) >= 4);
    assert.equal(host.stateOf('plc-1'), 'unknown connection_refused');
    assert.equal(host.newestReport?.lastError?.code, 'connection_refused');
    await broker.restart();
    await until('it is connected', () => host.newestReport?.state === 'connected');
  });

  it('refuses writes, since points are read-only', async () => {
    const { driver } = await start();
    const outcome = await driver.write(writeOrder({ writeId: 'w1', device: 'plc-1', point: 'temp', value: 1 }));
    assert.deepEqual([outcome.state, outcome.code], ['failed', 'not_writable']);
  });
});

/** A hundred messages at once, of which only ten may be on their way to the log at a time. */
async function assertBounded(host: RecordingHost, client: MqttClient): Promise<void> {
  const waiting: (() => void)[] = [];
  host.store = () => new Promise((resolve) => waiting.push(resolve));
  const published = Array.from({ length: 100 }, (_, i) =>
    client.publishAsync('sensors/plc-1/data', payload(i), { qos: 1 }),
  );
  await Promise.all(published);
  await until('the bound is reached', () => waiting.length === 10);
  for (let stored = 0; stored < 100; stored++) {
    await until('there is one more', () => waiting.length > 0);
    assert.ok(waiting.length <= 10);
    waiting.shift()?.();
  }
  await until('all are there', () => host.frames.length === 100);
  assert.deepEqual(
    host.values('temp'),
    Array.from({ length: 100 }, (_, i) => i),
  );
}
