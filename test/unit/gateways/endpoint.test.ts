import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf } from '../../../gateways/endpoint.ts';
import { Connection } from '../../../topology/schema/device.ts';

const of = (settings: object) => endpointOf({ settings: Connection.parse({ id: 'line', ...settings }) });

test('the address of a Modbus link is its host and port, with the one that is tried else, or its serial line', () => {
  assert.equal(of({ driver: 'modbus', tcp: { host: '10.0.0.7' } }), '10.0.0.7:502');
  const tcp = { host: 'fe80::7', port: 1502, backup: { host: 'plc-b' } };
  assert.equal(of({ driver: 'modbus', tcp }), '[fe80::7]:1502, else plc-b:502');
  assert.equal(of({ driver: 'modbus', serial: { path: '/dev/ttyUSB0' } }), '/dev/ttyUSB0, 9600 bit/s');
});

test('the address of a server or broker is its URL', () => {
  assert.equal(of({ driver: 'opcua', endpoint: 'opc.tcp://scada:4840/server' }), 'opc.tcp://scada:4840/server');
  const topics = [{ topic: 'v1/{device}' }];
  assert.equal(of({ driver: 'mqtt', url: 'mqtts://broker:8883', topics }), 'mqtts://broker:8883');
});

test('a user, a password or a key in a URL is not shown', () => {
  const topics = [{ topic: 'v1/{device}' }];
  assert.equal(of({ driver: 'mqtt', url: 'mqtt://ann:s3:cr@t@broker:1883', topics }), 'mqtt://broker:1883');
  assert.equal(of({ driver: 'mqtt', url: 'wss://broker/mqtt?token=s3cret', topics }), 'wss://broker/mqtt');
});
