/**
 * Goal: the driver speaks TLS with a certificate of its own, and trusts nobody whom its authority has not signed.
 * Method: an authority made by openssl for the test, and a mosquitto that demands client certificates.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Driver } from '../../gateways/driver.ts';
import { mqttDriver } from '../../gateways/mqtt/driver.ts';
import { until } from '../support/condition.ts';
import { Mosquitto, mosquittoPub } from '../support/mosquitto.ts';
import { mqttConnection, mqttDevice, RecordingHost } from '../support/mqtt-plant.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('the MQTT driver over TLS', () => {
  const temp = tempDir('mqtt-tls');
  const file = (name: string) => path.join(temp.dir, name);
  let broker: Mosquitto;
  const drivers: Driver[] = [];

  before(async () => {
    makeAuthority('ca');
    makeAuthority('stranger');
    makeCertificate('server', 'ca');
    makeCertificate('client', 'ca');
    broker = await Mosquitto.start(temp.dir, [
      `cafile ${file('ca.crt')}`,
      `certfile ${file('server.crt')}`,
      `keyfile ${file('server.key')}`,
      'require_certificate true',
    ]);
  });
  after(async () => {
    await Promise.all(drivers.map((driver) => driver.stop()));
    await broker.kill();
    temp.remove();
  });

  function start(settings: object): RecordingHost {
    const host = new RecordingHost(temp.dir);
    const url = `mqtts://localhost:${broker.port}`;
    const reconnect = { minMs: 20, maxMs: 100 };
    const driver = mqttDriver(
      mqttConnection({ url, reconnect, ...settings }, [mqttDevice('plc-1', [{ name: 'temp' }])]),
      host,
    );
    drivers.push(driver);
    driver.start();
    return host;
  }

  it('takes messages with a certificate that the broker demands', async () => {
    const host = start({
      ca: file('ca.crt'),
      certificate: file('client.crt'),
      key: file('client.key'),
      clientId: 'one',
    });
    await until('connected', () => host.newestReport?.state === 'connected');
    const own = ['--cafile', file('ca.crt'), '--cert', file('client.crt'), '--key', file('client.key'), '--insecure'];
    await mosquittoPub(broker.port, 'sensors/plc-1/data', '{"metrics":{"temp":21}}', own);
    await until('the value', () => host.values('temp')[0] === 21);
  });

  it('does not connect to a broker that its authority has not signed', async () => {
    const host = start({
      ca: file('stranger.crt'),
      certificate: file('client.crt'),
      key: file('client.key'),
      clientId: 'two',
    });
    await until('it was tried', () => (host.newestReport?.errors.certificate_rejected ?? 0) >= 2);
    assert.equal(host.stateOf('plc-1'), 'unknown certificate_rejected');
  });

  it('is not let in without a certificate', async () => {
    const host = start({ ca: file('ca.crt'), clientId: 'three' });
    await until(
      'it was tried',
      () => (host.newestReport?.facts?.sessions ?? 0) === 0 && host.newestReport?.lastError !== undefined,
    );
    assert.notEqual(host.newestReport?.state, 'connected');
  });

  it('waits for a certificate that is not there yet', async () => {
    const host = start({
      ca: file('later.crt'),
      certificate: file('client.crt'),
      key: file('client.key'),
      clientId: 'four',
    });
    await until('it was tried', () => (host.newestReport?.errors.bad_settings ?? 0) >= 1);
    assert.match(host.newestReport?.lastError?.message ?? '', /later\.crt/);
    fs.copyFileSync(file('ca.crt'), file('later.crt'));
    await until('connected', () => host.newestReport?.state === 'connected');
  });

  function openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: temp.dir, stdio: 'ignore' });
  }

  function makeAuthority(name: string): void {
    const subject = ['-subj', `/CN=${name}`, '-days', '1', '-nodes'];
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      ...subject,
    );
  }

  function makeCertificate(name: string, authority: string): void {
    fs.writeFileSync(file(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${authority}.crt`,
      '-CAkey',
      `${authority}.key`,
      '-CAcreateserial',
      '-days',
      '1',
      '-out',
      `${name}.crt`,
      '-extfile',
      `${name}.ext`,
    );
  }
});
