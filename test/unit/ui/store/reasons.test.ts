import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossInWords } from '../../../../actors/alarm/loss-words.ts';
import { LINK_CODES, READING_CODES, WRITE_CODES } from '../../../../gateways/driver-codes.ts';
import { MODBUS_CODES } from '../../../../gateways/modbus/codes.ts';
import { MQTT_CODES } from '../../../../gateways/mqtt/codes.ts';
import { OPCUA_CODES } from '../../../../gateways/opcua/codes.ts';
import { words } from '../../../../ui/store/format.ts';
import { reasonWords } from '../../../../ui/store/reasons.ts';

/** These are words as they are. */
const PLAIN = new Set(['connected']);

test('every code of a driver is read as words, and none as a code', () => {
  const codes = Object.keys({
    ...LINK_CODES,
    ...READING_CODES,
    ...WRITE_CODES,
    ...MODBUS_CODES,
    ...MQTT_CODES,
    ...OPCUA_CODES,
  }).filter((code) => !PLAIN.has(code));
  assert.ok(codes.length > 90);
  assert.deepEqual(
    codes.filter((code) => reasonWords(code) === words(code) || /_|`|BAD|UNCERTAIN|SUSPECT/.test(reasonWords(code))),
    [],
  );
});

test('what a device is lost for reads the same in its row and in its alarm', () => {
  const both = Object.keys({ ...MODBUS_CODES, ...MQTT_CODES, connection_refused: '', timeout: '' });
  const known = both.filter((code) => !lossInWords(code).endsWith(code.replace(/^[a-z]+_/, '').replaceAll('_', ' ')));
  assert.ok(known.length > 12);
  for (const code of known) assert.equal(reasonWords(code), lossInWords(code), code);
});

test('a status that a server made up is spelled out', () => {
  assert.equal(reasonWords('opcua_BadSensorFailure'), 'OPC UA: bad sensor failure');
  assert.equal(reasonWords('modbus_exception_7F'), 'Modbus exception 7F');
  assert.equal(reasonWords('strange_case'), 'strange case');
});
