/**
 * Goal: with the built-in broker too, a device has its PUBACK only once the log has its message, and keeps the message else.
 * Method: devices are real MQTT clients on the loopback interface; the host decides when the log has a frame.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import type { Driver } from '../../gateways/driver.ts';
import { mqttDriver } from '../../gateways/mqtt/driver.ts';
import { until } from '../support/condition.ts';
import { freePort, mosquittoPub } from '../support/mosquitto.ts';
import { mqttConnection, mqttDevice, RecordingHost } from '../support/mqtt-plant.ts';

const payload = (temp: number) => JSON.stringify({ metrics: { temp } });
const SETTINGS = { url: 'embedded:0', reconnect: { minMs: 20, maxMs: 100 } };

describe('the embedded broker', () => {
  const drivers: Driver[] = [];
  const clients: MqttClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await Promise.all(drivers.splice(0).map((driver) => driver.stop()));
  });

  async function start(settings: object = {}, host = new RecordingHost()) {
    const devices = [mqttDevice('plc-1', [{ name: 'temp' }]), mqttDevice('plc-2', [{ name: 'temp' }])];
    const driver = mqttDriver(mqttConnection({ ...SETTINGS, ...settings }, devices), host);
    drivers.push(driver);
    driver.start();
    await until('it listens', () => host.newestReport?.state === 'connected');
    const port = Number(host.newestReport?.facts?.port);
    return { host, driver, port, url: `mqtt://127.0.0.1:${port}` };
  }

  async function client(url: string, options: IClientOptions = {}): Promise<MqttClient> {
    const connected = await connectAsync(url, { reconnectPeriod: 50, ...options });
    clients.push(connected);
    return connected;
  }

  it('says of a device whose client has left that it has, and of all when nobody is left', async () => {
    const { host, url } = await start();
    const [one, two] = [await client(url, { clientId: 'one' }), await client(url, { clientId: 'two' })];
    const monitor = await client(url, { clientId: 'monitor' });
    await monitor.subscribeAsync('sensors/#');
    const speak = (device: MqttClient, id: string) => device.publishAsync(`sensors/${id}/data`, payload(1), { qos: 1 });
    // Longer than the time between two messages: clients that stay.
    for (let n = 0; n < 6; n++) {
      await Promise.all([speak(one, 'plc-1'), speak(two, 'plc-2')]);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    one.end(true);
    await until('the one is gone', () => host.stateOf('plc-1') === 'offline mqtt_client_gone', 8000);
    assert.equal(host.stateOf('plc-2'), 'online connected');
    assert.equal(host.newestReport?.state, 'connected');

    await two.endAsync();
    await until('all are', () => host.stateOf('plc-2') === 'unknown mqtt_no_clients', 8000);
    assert.equal(host.stateOf('plc-1'), 'unknown mqtt_no_clients');
    assert.ok(host.connectivities.at(-1)?.connectivity.ofLink, 'one loss, of the link');
    await until('the link is lost', () => host.newestReport?.state === 'waiting');
    assert.equal(host.newestReport?.lastError?.code, 'mqtt_no_clients');

    const back = await client(url, { clientId: 'two' });
    await speak(back, 'plc-2');
    await until('it is back', () => host.stateOf('plc-2') === 'online connected');
    await until('the link too', () => host.newestReport?.state === 'connected');
  });

  it('acknowledges a publication only after the log has it', async () => {
    const { host, url } = await start();
    const stored: (() => void)[] = [];
    host.store = () => new Promise((resolve) => stored.push(resolve));
    const device = await client(url);
    let acknowledged = false;
    const published = device.publishAsync('sensors/plc-1/data', payload(1), { qos: 1 }).then(() => {
      acknowledged = true;
    });
    await until('it is on its way to the log', () => stored.length === 1);
    // A ping goes there and back on the same socket: a PUBACK sent early would have come before its answer.
    await new Promise<void>((resolve) => {
      device.once('packetreceive', () => resolve());
      device.sendPing();
    });
    assert.equal(acknowledged, false);
    stored[0]?.();
    await published;
    assert.deepEqual(host.values('temp'), [1]);
    assert.equal(host.stateOf('plc-1'), 'online connected');
  });

  it('sends no PUBACK for what the log refused: the device publishes again', async () => {
    const { host, url } = await start();
    let refusals = 2;
    host.store = async () => {
      if (refusals-- > 0) throw new Error('the log is full');
    };
    const device = await client(url, { clean: false, clientId: 'plc-1' });
    await device.publishAsync('sensors/plc-1/data', payload(5), { qos: 1 });
    assert.deepEqual(host.values('temp'), [5, 5, 5]);
    assert.equal(refusals, -1);
  });

  it('takes many publications at once, in order', async () => {
    const { host, url } = await start({ maxInFlight: 50 });
    const waiting: (() => void)[] = [];
    let most = 0;
    host.store = () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
      });
    const storing = setInterval(() => {
      for (const store of waiting.splice(0)) store();
    }, 2);
    const device = await client(url);
    await Promise.all(
      Array.from({ length: 500 }, (_, i) => device.publishAsync('sensors/plc-1/data', payload(i), { qos: 1 })),
    );
    clearInterval(storing);
    assert.deepEqual(
      host.values('temp'),
      Array.from({ length: 500 }, (_, i) => i),
    );
    assert.ok(most > 10 && most <= 50, `${most} at once`);
  });

  it('acknowledges bad data, which goes to the dead letters', async () => {
    const { host, port } = await start();
    await mosquittoPub(port, 'sensors/nobody/data', payload(1));
    await mosquittoPub(port, 'sensors/plc-1/data', 'no json');
    await mosquittoPub(port, 'sensors/plc-1/data', payload(2));
    assert.deepEqual(
      host.letters.map((letter) => letter.code),
      ['unknown_device', 'bad_json'],
    );
    assert.deepEqual(host.values('temp'), [2]);
  });

  it('hears the last will of a device that is cut off', async () => {
    const { host, url } = await start({ statusTopic: 'sensors/{device}/status' });
    const will = { topic: 'sensors/plc-2/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true };
    const device = await client(url, { will, reconnectPeriod: 0 });
    await device.publishAsync('sensors/plc-2/data', payload(1), { qos: 1 });
    assert.equal(host.stateOf('plc-2'), 'online connected');
    device.stream.destroy();
    await until('offline', () => host.stateOf('plc-2') === 'offline mqtt_last_will');
  });

  it('passes messages on to others who subscribe', async () => {
    const { url } = await start();
    const subscriber = await client(url);
    const seen: string[] = [];
    subscriber.on('message', (_topic, message) => seen.push(message.toString()));
    await subscriber.subscribeAsync('sensors/#', { qos: 1 });
    const device = await client(url);
    await device.publishAsync('sensors/plc-1/data', payload(8), { qos: 1 });
    await until('it has come', () => seen.length === 1);
  });

  it('lets in only who knows the password, when there is one', async () => {
    const host = new RecordingHost('/nonexistent', { '${secret:mqtt}': 'right' });
    const { url } = await start({ user: 'field', password: '${secret:mqtt}' }, host);
    await client(url, { username: 'field', password: 'right' });
    await assert.rejects(
      connectAsync(url, { username: 'field', password: 'wrong', reconnectPeriod: 0 }),
      /Not authorized/i,
    );
    await assert.rejects(connectAsync(url, { reconnectPeriod: 0 }), /Not authorized/i);
  });

  it('frees its port when it is stopped, and says when another has it', async () => {
    const port = await freePort();
    const first = await start({ url: `embedded:${port}` });
    const host = new RecordingHost();
    const second = mqttDriver(
      mqttConnection({ ...SETTINGS, url: `embedded:${port}` }, [mqttDevice('plc-1', [])]),
      host,
    );
    drivers.push(second);
    second.start();
    await until('it was tried', () => (host.newestReport?.errors.mqtt_port_in_use ?? 0) >= 1);
    await first.driver.stop();
    await until('it has the port', () => host.newestReport?.state === 'connected');
  });

  it('closes with clients connected', async () => {
    const { driver, url } = await start();
    const device = connect(url, { reconnectPeriod: 0 });
    clients.push(device);
    await new Promise<void>((resolve) => device.once('connect', () => resolve()));
    const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
    await driver.stop();
    await closed;
  });

  it('refuses a message that is too long before it is read, and goes on with the others', async () => {
    const { host, url } = await start({ maxPayloadBytes: 1000 });
    const good = await client(url);
    const flood = await client(url, { reconnectPeriod: 0 });
    const closed = new Promise<void>((resolve) => flood.once('close', () => resolve()));
    flood.publish('sensors/plc-1/data', Buffer.alloc(60_000_000, 0x20), { qos: 1 });
    await closed;
    await good.publishAsync('sensors/plc-2/data', payload(2), { qos: 1 });
    assert.deepEqual(host.values('temp'), [2]);
    assert.deepEqual(
      host.letters.map(({ source, code, body }) => [source, code, body]),
      [['broker:sensors/plc-1/data', 'payload_too_large', '']],
    );
    assert.match(host.letters[0]?.reason ?? '', /^600000\d\d bytes from .*, and 1000 are allowed/);
  });

  it('takes no longer payload by a shorter topic, and tells of a topic once a minute', async () => {
    const { host, url } = await start({ maxPayloadBytes: 1000 });
    const device = await client(url);
    for (let n = 0; n < 3; n++) await device.publishAsync('sensors/plc-1/data', Buffer.alloc(1001, 0x20), { qos: 1 });
    await device.publishAsync('sensors/plc-1/data', `${payload(1)}${' '.repeat(900)}`, { qos: 1 });
    assert.deepEqual(host.values('temp'), [1]);
    assert.deepEqual(
      host.letters.map(({ code }) => code),
      ['payload_too_large'],
    );
    await until('all are counted', () => host.newestReport?.errors.payload_too_large === 3);
  });

  it('refuses a decommissioned device once by name, counts the rest, and takes it again', async () => {
    const { host, driver, url } = await start({ statusTopic: 'sensors/{device}/status' });
    const definition = (decommissioned: boolean) =>
      mqttConnection({ ...SETTINGS, statusTopic: 'sensors/{device}/status' }, [
        mqttDevice('plc-1', [{ name: 'temp' }], { decommissioned }),
        mqttDevice('plc-2', [{ name: 'temp' }]),
      ]);
    const device = await client(url);
    await driver.reconfigure(definition(true));
    const before = host.connectivities.length;
    for (let n = 0; n < 3; n++) await device.publishAsync('sensors/plc-1/data', payload(n), { qos: 1 });
    await device.publishAsync('sensors/plc-1/status', 'online', { qos: 1 });
    assert.equal(host.connectivities.length, before, 'nothing is said of it');
    await device.publishAsync('sensors/plc-2/data', payload(2), { qos: 1 });
    assert.deepEqual(host.values('temp'), [2]);
    assert.deepEqual(
      host.letters.map(({ code, body }) => [code, body]),
      [['decommissioned', '']],
    );
    await until('all are counted', () => host.newestReport?.errors.decommissioned === 4);
    await driver.reconfigure(definition(false));
    await device.publishAsync('sensors/plc-1/data', payload(7), { qos: 1 });
    assert.deepEqual(host.values('temp'), [2, 7]);
    assert.equal(host.stateOf('plc-1'), 'online connected');
    assert.equal(device.connected, true, 'the session went on');
  });
});
