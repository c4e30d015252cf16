import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REASONS } from '../../../actors/quality/judge.ts';
import { LINK_CODES, READING_CODES, WRITE_CODES } from '../../../gateways/driver-codes.ts';
import { HTTP_ERRORS } from '../../../gateways/http/errors.ts';
import { MODBUS_CODES } from '../../../gateways/modbus/codes.ts';
import { MQTT_CODES } from '../../../gateways/mqtt/codes.ts';
import { OPCUA_CODES } from '../../../gateways/opcua/codes.ts';
import { errorsReference } from '../../../scripts/reference/errors.ts';
import { ROOT } from '../../support/places.ts';

const PAGE = readFileSync(join(ROOT, 'docs/reference/errors.md'), 'utf8');

/** Words of the same form that are no codes. */
const NO_CODES = new Set(
  [
    // States of alarms, and of writes and rules in events.
    'ACTIVE_UNACK ACTIVE_ACK RTN_UNACK LATCHED_UNACK LATCHED_ACK condition_gone rule_inactive rule_removed',
    // Of SQLite, turned into ours.
    'SQLITE_FULL SQLITE_BUSY',
    // Names of values and streams.
    // Between the planner of Modbus reads and its scans.
    'illegal_range',
    'clock_skew_ms invalid_telemetry invalid_events device_failure no_communication',
  ].flatMap((line) => line.split(' ')),
);

/** Of what is done, without the lists of codes: a code that is only listed is not used. */
function sources(...folders: string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(ROOT, folder, file)),
    )
    .filter((file) => file.endsWith('.ts') && !/codes\.ts$/.test(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

function codesIn(text: string, pattern: RegExp): string[] {
  const codes = new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''));
  return [...codes].filter((code) => code !== '' && !NO_CODES.has(code)).sort();
}

const listed = new Set(
  PAGE.split('\n').flatMap((line) => (line.startsWith('|') ? codesIn(line.split('|')[1] ?? '', /`(\w+)`/g) : [])),
);
const DRIVER_CODES = Object.keys({
  ...LINK_CODES,
  ...READING_CODES,
  ...WRITE_CODES,
  ...MODBUS_CODES,
  ...OPCUA_CODES,
  ...MQTT_CODES,
});
const everything = sources('runtime', 'actors', 'gateways', 'cli');
const ofTheField = sources('gateways/modbus', 'gateways/mqtt', 'gateways/opcua', 'actors/device', 'actors/quality');

test('every code that the sources know is on the page', () => {
  const known = [
    ...Object.keys(HTTP_ERRORS),
    ...Object.keys(REASONS),
    ...DRIVER_CODES,
    ...codesIn(everything, /'([A-Z]+(?:_[A-Z]+)+)'/g),
    ...codesIn(everything, /(?:reject|ErrorWithCode|HttpError)\(\s*'(\w+)'/g),
    ...codesIn(everything, /\bcode: '(\w+)'/g).filter((code) => code !== 'ETIMEDOUT' && code !== 'custom'),
    ...codesIn(ofTheField, /\breason: '(\w+)'/g).filter((code) => code !== 'stale'),
    ...codesIn(ofTheField, /'([a-z]+(?:_[a-z]+)+)'/g),
  ];
  assert.ok(known.length > 150);
  assert.deepEqual([...new Set(known)].filter((code) => !listed.has(code)).sort(), []);
});

test('the page lists no code that the sources do not know', () => {
  const text = everything + sources('topology');
  const gone = [...listed].filter(
    (code) => !code.startsWith('modbus_exception_') && !new RegExp(`\\b${code}\\b`).test(text),
  );
  assert.deepEqual(gone, []);
});

test('the tables of the page are those of the code', async () => {
  assert.equal(PAGE, await errorsReference());
});

test('what only one protocol knows begins with its name, and nothing else does', () => {
  for (const [prefix, codes] of [
    ['modbus_', MODBUS_CODES],
    ['opcua_', OPCUA_CODES],
    ['mqtt_', MQTT_CODES],
  ] as const)
    assert.ok(Object.keys(codes).every((code) => code.startsWith(prefix)));
  const shared = Object.keys({ ...LINK_CODES, ...READING_CODES, ...WRITE_CODES });
  assert.deepEqual(
    shared.filter((code) => /^(modbus|opcua|mqtt)_/.test(code)),
    [],
  );
});

test('the page gives the status that the server answers with', () => {
  for (const [code, status] of Object.entries(HTTP_ERRORS)) {
    if (status === 422) continue;
    assert.match(PAGE, new RegExp(`\\| \`${code}\` \\| ${status} \\|`));
  }
});
