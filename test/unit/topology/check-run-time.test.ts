import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProblemCode } from '../../../topology/problem.ts';
import { load, problemsOf, SOUND, spoil, unmark } from './sample.ts';

/** What is replaced, by what (the mark ‸ stands where the problem must point), the code, words of message or suggestion. */
type Case = readonly [name: string, original: string, replacement: string, code: ProblemCode, words: RegExp];

const BROKER = '    url: mqtt://127.0.0.1:1883\n';
const TOPIC = '{ topic: "t/{device}" }';
const VOLTAGE = '- { name: voltage, unit: V }\ndevices';
const FLOW = 'range: { min: 0, max: 300 }, modbus: { address: 0 } }';
const TCP = 'tcp: { host: 127.0.0.1, port: 1502 }';
const OPC = (more: string) =>
  `${TCP}\n  - id: server\n    driver: opcua\n    endpoint: opc.tcp://127.0.0.1:4840\n    ${more}`;

/** Mistakes that were first seen once the plant ran. */
const cases: readonly Case[] = [
  [
    'a placeholder that does not exist',
    TOPIC,
    '{ topic: "v1/‸{devise}" }',
    'INVALID_TOPIC',
    /did you mean "\{device\}"/,
  ],
  ['a topic that mixes text and name', TOPIC, '{ topic: "t/x{device}" }', 'INVALID_TOPIC', /a whole level/],
  ['a topic that names a level twice', TOPIC, '{ topic: "t/{device}/{device}" }', 'INVALID_TOPIC', /twice/],
  ['a # in the middle', TOPIC, '{ topic: "t/#/{device}" }', 'INVALID_TOPIC', /last level/],
  ['a topic of no device', TOPIC, '{ topic: ‸"t/data" }', 'INVALID_TOPIC', /which of the 2 devices.*put \{device\}/],
  [
    'a value of no point',
    `${TOPIC}\ndeviceProfiles:\n  - id: meter\n    expectedIntervalMs: 2000\n    points:\n      - { name: voltage, unit: V }`,
    `{ topic: ‸"t/{device}", payload: value }\ndeviceProfiles:\n  - id: meter\n    expectedIntervalMs: 2000\n    points:\n      - { name: voltage, unit: V }\n      - { name: current, unit: A }`,
    'INVALID_TOPIC',
    /which of the 2 points.*put \{tag\}/,
  ],
  ['two templates of one form', TOPIC, `${TOPIC}\n      - { topic: ‸"t/{asset}" }`, 'INVALID_TOPIC', /comes first/],
  ['a status of no device', BROKER, `${BROKER}    statusTopic: ‸status/{asset}\n`, 'INVALID_TOPIC', /put \{device\}/],
  [
    'a status topic with a misspelt name',
    BROKER,
    `${BROKER}    statusTopic: "s/{devce}"\n`,
    'INVALID_TOPIC',
    /"\{device\}"/,
  ],
  [
    'a status in the place of readings',
    BROKER,
    `${BROKER}    statusTopic: ‸t/{device}\n`,
    'INVALID_TOPIC',
    /no reading/,
  ],
  [
    'a broker that all can reach',
    BROKER,
    '    url: ‸embedded://0.0.0.0:1883\n',
    'INVALID_URL',
    /set user and password/,
  ],
  [
    'half an open broker',
    BROKER,
    '    url: ‸embedded://[::]:1883\n    user: x\n',
    'INVALID_URL',
    /set user and password/,
  ],
  ['a broker nowhere', BROKER, '    url: ‸embedded:port\n', 'INVALID_URL', /embedded:<port>/],
  ['a password in the address', BROKER, '    url: ‸mqtt://u:p@127.0.0.1\n', 'INVALID_URL', /keys user and password/],
  ['an MQTT port that is none', BROKER, '    url: ‸mqtt://host:99999\n', 'INVALID_URL', /mqtt:\/\/host:1883/],
  [
    'a password without a user',
    BROKER,
    `${BROKER}    ‸password: "\${secret:x}"\n`,
    'CREDENTIALS_INCOMPLETE',
    /add user/,
  ],
  [
    'a certificate without its key',
    BROKER,
    '    url: mqtts://h\n    ‸certificate: c.pem\n',
    'CREDENTIALS_INCOMPLETE',
    /without the key/,
  ],
  ['an authority without encryption', BROKER, `${BROKER}    ‸ca: ca.pem\n`, 'SETTING_WITHOUT_EFFECT', /mqtts:/],
  [
    'two brokers on one port',
    BROKER,
    '    url: embedded:1884\n    topics: [{ topic: "s/{device}" }]\n  - id: other\n    driver: mqtt\n    url: ‸embedded://127.0.0.1:1884\n',
    'CONNECTION_CONFLICT',
    /broker has port 1884/,
  ],
  [
    'a first pause above the longest',
    BROKER,
    `${BROKER}    reconnect: { minMs: ‸60000, maxMs: 100 }\n`,
    'INVALID_VALUE',
    /minMs is above maxMs/,
  ],
  [
    'a first pause above the default',
    TCP,
    `${TCP}\n    reconnect: { minMs: ‸60000 }`,
    'INVALID_VALUE',
    /minMs is above/,
  ],
  ['a port within a host', 'host: 127.0.0.1', 'host: ‸"10.0.0.1:502"', 'INVALID_URL', /host: 10\.0\.0\.1, port: 502/],
  ['a channel half secured', TCP, OPC('security: ‸{ policy: None }'), 'SECURITY_CONFLICT', /do not go together/],
  [
    'a server nowhere',
    TCP,
    OPC('name: x').replace('opc.tcp://127.0.0.1:4840', '‸opc.tcp://:4840'),
    'INVALID_URL',
    /no host/,
  ],
  ['a lifetime too short', TCP, OPC('lifetimeCount: ‸10'), 'SETTING_WITHOUT_EFFECT', /at least 30/],

  [
    'an MQTT point to be written',
    VOLTAGE,
    '- { name: voltage, unit: V, ‸writable: {} }\ndevices',
    'NOT_WRITABLE',
    /read-only/,
  ],
  [
    'two points on one field',
    VOLTAGE,
    '- { name: voltage, unit: V }\n      - { name: u, mqtt: { field: ‸voltage } }\ndevices',
    'DUPLICATE_ADDRESS',
    /u is read from the same place as voltage of meter-1/,
  ],
  ['two points on one register', '{ address: 1 }', '{ address: ‸0 }', 'DUPLICATE_ADDRESS', /same place as flow of plc/],
  ['values that overlap', '{ address: 1 }', '{ address: 9, type: uint32 }', 'DUPLICATE_ADDRESS', /label is read.*temp/],
  [
    'write limits the wrong way',
    FLOW,
    `writable: { min: ‸10, max: 5 }, ${FLOW}`,
    'INVALID_VALUE',
    /min must not be above/,
  ],
  [
    'a range the wrong way',
    FLOW,
    'range: ‸{ min: 10, max: 5 }, modbus: { address: 0 } }',
    'INVALID_VALUE',
    /below max/,
  ],
  [
    'a clamp the wrong way',
    FLOW,
    'modbus: { address: 0, clamp: ‸{ min: 10, max: 5 } } }',
    'INVALID_VALUE',
    /below max/,
  ],
  ['a write beyond the range', FLOW, `writable: { max: ‸400 }, ${FLOW}`, 'WRITE_LIMITS', /max: 300/],
  [
    'limits of a boolean',
    '{ name: running, type: boolean,',
    '{ name: running, type: boolean, writable: { ‸min: 0 },',
    'SETTING_WITHOUT_EFFECT',
    /no limits/,
  ],
  [
    'a range of a text',
    '{ name: label, type: string,',
    '{ name: label, type: string, ‸range: { min: 0, max: 1 },',
    'SETTING_WITHOUT_EFFECT',
    /no range/,
  ],
  ['a scale of nothing', FLOW, 'modbus: { address: 0, scale: ‸0 } }', 'INVALID_VALUE', /scale of 0/],
  [
    'registers of another type',
    FLOW,
    'modbus: { address: 0, type: ‸string, length: 1 } }',
    'POINT_TYPE',
    /hold a string/,
  ],
  ['a length of a number', FLOW, 'modbus: { address: 0, ‸length: 1 } }', 'SETTING_WITHOUT_EFFECT', /is known/],
  ['a deadband of nothing', FLOW, 'modbus: { address: 0, ‸deadband: {} } }', 'SETTING_WITHOUT_EFFECT', /neither/],
  ['a stale time below the interval', FLOW, `staleAfterMs: ‸800, ${FLOW}`, 'STALE_BETWEEN_READINGS', /above 1000/],
  [
    'a value longer than a request',
    'pollMs: 1000 }\n    points:',
    'pollMs: 1000, limits: { registers: 2 } }\n    points:',
    'INVALID_ADDRESS',
    /4 registers.*takes 2/,
  ],
  [
    'a device offline between readings',
    'name: Meter 1\n',
    'name: Meter 1\n    offlineAfterMs: ‸1500\n',
    'STALE_BETWEEN_READINGS',
    /above 2000/,
  ],

  ['a text compared by number', 'metric: temp\n', 'metric: label\n', 'RULE_TYPE', /"above" compares numbers/],
  ['a boolean compared by number', 'metric: temp\n', 'metric: running\n', 'RULE_TYPE', /use equals: true/],
  [
    'a placeholder in a message',
    'deadband: 2\n',
    'deadband: 2\n        message: "at ‸{valeu} {unit}"\n',
    'RULE_MESSAGE',
    /"\{value\}"/,
  ],
  [
    'a loss of no device',
    '- device: plc\n',
    '- { device: plc, role: backup }\n',
    'RULE_UNREACHABLE',
    /no primary device/,
  ],
  [
    'a webhook that is no address',
    'deadband: 2\n',
    'deadband: 2\n        webhook: ‸ftp://host/x\n',
    'INVALID_VALUE',
    /http/,
  ],
  ['a text summed up', '{ of: flow, function: sum }', '{ of: ‸label, function: sum }', 'FORMULA_TYPE', /is a text/],
  ['a text as key figure', 'title: Flow, metric: flow,', 'title: Flow, metric: ‸label,', 'FORMULA_TYPE', /is a text/],
  [
    'a link to a point that is not there',
    '- device: plc\n',
    '- device: plc\n            metrics: { flow: ‸flwo }\n',
    'UNKNOWN_REFERENCE',
    /no point "flwo" of device plc; did you mean "flow"/,
  ],
  [
    'health colours that do not rise',
    '  - id: pump\n',
    '  - id: pump\n    healthThresholds: ‸{ critical: 90 }\n',
    'INVALID_VALUE',
    /must rise/,
  ],
  [
    'a permission that nothing asks for',
    '["alarm:read"]',
    '[‸"alarm:raed"]',
    'UNKNOWN_PERMISSION',
    /did you mean "alarm:read"/,
  ],
  ['verbs of nothing', '["alarm:read"]', '[‸"alarms:*"]', 'UNKNOWN_PERMISSION', /did you mean "alarm:\*"/],
  ['what no person may have', '["alarm:read"]', '[‸"internal:*"]', 'UNKNOWN_PERMISSION', /of the product alone/],
  [
    'a point that nobody may write',
    FLOW,
    `writable: { permission: ‸"device:wirte" }, ${FLOW}`,
    'UNKNOWN_PERMISSION',
    /no role has.*"device:write"/,
  ],
  [
    'an order for nobody',
    'name: Have a look\n',
    'name: Have a look\n    assignRole: ‸technican\n',
    'UNKNOWN_ROLE',
    /"technician"/,
  ],
  [
    'a plausible number the wrong way',
    'name: Have a look\n',
    'name: Have a look\n    checklist: [{ item: Oil, kind: number, min: ‸9, max: 5 }]\n',
    'INVALID_VALUE',
    /min must not be above/,
  ],
  [
    'limits of a check mark',
    'name: Have a look\n',
    'name: Have a look\n    checklist: [{ item: Oil, ‸max: 5 }]\n',
    'SETTING_WITHOUT_EFFECT',
    /kind: number/,
  ],
];

for (const [name, original, replacement, code, words] of cases) {
  test(`${name} is ${code}, at its place`, () => {
    const marked = replacement.includes('‸') ? unmark(spoil(original, replacement)) : null;
    const problems = problemsOf(load(marked?.text ?? spoil(original, replacement)));
    const found = problems.filter((problem) => problem.code === code);
    assert.ok(
      found.some((problem) => words.test(`${problem.message}; ${problem.suggestion}`)),
      JSON.stringify(problems, null, 1),
    );
    if (marked === null) return;
    const places = found.map((problem) => `${problem.line}:${problem.column}`);
    assert.ok(
      places.includes(`${marked.line}:${marked.column}`),
      `at ${places.join()}, not ${marked.line}:${marked.column}`,
    );
  });
}

test('an embedded broker with user and password may be reached by others', () => {
  const text = spoil(BROKER, '    url: embedded://0.0.0.0\n    user: u\n    password: "${secret:p}"\n');
  assert.deepEqual(problemsOf(load(text)), []);
});

test('bits of a register beside the register as a whole are no mistake', () => {
  const text = spoil(
    '{ name: temp, unit: °C, modbus: { address: 1 } }',
    `{ name: temp, unit: °C, modbus: { address: 1 } }
      - { name: a, type: boolean, modbus: { address: 1, bit: 0 } }
      - { name: b, type: boolean, modbus: { address: 1, bit: 1 } }`,
  );
  assert.deepEqual(problemsOf(load(text)), []);
});

test('a permission that a point asks for can be given to a role', () => {
  const asked = spoil(FLOW, `writable: { permission: "setpoint:write" }, ${FLOW}`);
  assert.deepEqual(problemsOf(load(spoil('["alarm:read"]', '["alarm:read", "setpoint:write"]', asked))), []);
});

test('the unit of a serial line is 1 to 247', () => {
  const serial = spoil(TCP, 'serial: { path: /dev/ttyUSB0 }');
  const problems = problemsOf(load(spoil('modbus: { unit: 1,', 'modbus: { unit: 0,', serial)));
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['INVALID_ADDRESS'],
  );
});

test('the sound plant stays sound', () => {
  assert.deepEqual(problemsOf(load(SOUND)), []);
});
