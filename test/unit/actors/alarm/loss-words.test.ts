import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossInWords } from '../../../../actors/alarm/loss-words.ts';
import { LINK_CODES } from '../../../../gateways/driver-codes.ts';
import { MQTT_CODES } from '../../../../gateways/mqtt/codes.ts';

/** No loss, or one of readings and never of a device. */
const NOT_LOST = new Set([
  'connected',
  'connecting',
  'link_back',
  'stopped',
  'server_certificate_expires',
  'own_certificate_expires',
  'not_stored',
  'queue_full',
  'mqtt_unknown_topic',
  'mqtt_device_not_in_topic',
]);

test('whatever a link can be lost for has words of its own', () => {
  const codes = [...Object.keys(LINK_CODES), ...Object.keys(MQTT_CODES)].filter((code) => !NOT_LOST.has(code));
  assert.ok(codes.length > 20);
  const spelled = codes.filter((code) => lossInWords(code).endsWith(code.replace(/^mqtt_/, '').replaceAll('_', ' ')));
  assert.deepEqual(spelled, []);
});

test('a code that nobody listed is spelled out, with its protocol', () => {
  assert.equal(lossInWords('opcua_BadSensorFailure'), 'OPC UA: BadSensorFailure');
  assert.equal(lossInWords('modbus_exception_0B'), 'Modbus: exception 0B');
  assert.equal(lossInWords('strange_case'), 'strange case');
});
