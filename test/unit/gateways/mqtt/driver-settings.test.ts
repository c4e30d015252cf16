import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mqttDriver } from '../../../../gateways/mqtt/driver.ts';
import { until } from '../../../support/condition.ts';
import { mqttConnection, mqttDevice, RecordingHost } from '../../../support/mqtt-plant.ts';

const DEVICES = [mqttDevice('plc-1', [{ name: 'temp' }])];

describe('an MQTT connection with settings that cannot be used', () => {
  it('says so instead of stopping the others, and runs once it is given better ones', async () => {
    const host = new RecordingHost();
    const driver = mqttDriver(mqttConnection({ url: 'embedded:0', topics: [{ topic: 'a/{thing}' }] }, DEVICES), host);
    driver.start();
    assert.equal(host.newestReport?.state, 'failed');
    assert.match(host.newestReport?.detail ?? '', /topic a\/\{thing\}/);
    await driver.reconfigure(mqttConnection({ url: 'embedded:0' }, DEVICES));
    await until('it listens', () => host.newestReport?.state === 'connected');
    await driver.stop();
    assert.equal(host.newestReport?.state, 'stopped');
  });

  it('does not open a broker without a password to others', async () => {
    for (const [url, reason] of [
      ['embedded://0.0.0.0:18830', /set user and password/],
      ['embedded:port', /is not embedded:<port>/],
      ['embedded:70000', /is not embedded:<port>/],
    ] as const) {
      const host = new RecordingHost();
      const driver = mqttDriver(mqttConnection({ url }, DEVICES), host);
      driver.start();
      assert.equal(host.newestReport?.state, 'waiting');
      assert.match(host.newestReport?.lastError?.message ?? '', reason);
      assert.equal(host.stateOf('plc-1'), 'unknown bad_settings');
      await driver.stop();
    }
  });

  it('does not start without a secret that it needs', async () => {
    const host = new RecordingHost();
    const settings = { url: 'embedded:0', user: 'field', password: '${secret:missing}' };
    const driver = mqttDriver(mqttConnection(settings, DEVICES), host);
    driver.start();
    assert.match(host.newestReport?.lastError?.message ?? '', /missing/);
    assert.equal(host.stateOf('plc-1'), 'unknown secret_missing');
    await driver.stop();
  });
});

describe('the address of the embedded broker', () => {
  it('may be left out, or be given in full', async () => {
    for (const url of ['embedded:0', 'embedded://127.0.0.1:0', 'embedded://[::1]:0', 'embedded://localhost:0']) {
      const host = new RecordingHost();
      const driver = mqttDriver(mqttConnection({ url }, DEVICES), host);
      driver.start();
      await until(`${url} listens`, () => host.newestReport?.state === 'connected');
      assert.ok(Number(host.newestReport?.facts?.port) > 0);
      await driver.stop();
    }
  });
});
