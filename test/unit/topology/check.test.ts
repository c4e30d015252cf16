import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProblemCode } from '../../../topology/problem.ts';
import { load, problemsOf, SOUND, spoil, unmark } from './sample.ts';

test('the sound plant has no problem at all', () => {
  assert.deepEqual(problemsOf(load(SOUND)), []);
});

/** What is replaced, by what (the mark ‸ stands where the problem must point), the code, words of message or suggestion. */
type Case = readonly [name: string, original: string, replacement: string, code: ProblemCode, words: RegExp];

const cases: readonly Case[] = [
  ['a text that is not YAML', 'name: Works\n', 'name: ‸Works: yes\n', 'YAML_SYNTAX', /nested/i],
  ['a key that stands twice', 'name: Works\n', 'name: Works\n    ‸name: Work\n', 'DUPLICATE_KEY', /keep one/],
  ['an unknown key', 'timeZone: Europe', '‸timezone: Europe', 'UNKNOWN_KEY', /did you mean "timeZone"/],
  ['an unknown key in a connection', 'port: 1502', '‸prot: 1502', 'UNKNOWN_KEY', /did you mean "port"/],
  ['an unknown condition', '{ above: 80 }', '{ ‸abov: 80 }', 'UNKNOWN_KEY', /did you mean "above"/],
  [
    'a missing key',
    '- id: look\n    name: Have a look',
    '- ‸id: look',
    'MISSING_KEY',
    /"name" is missing.*text|string/,
  ],
  ['a number where a text must be', 'name: Hall', 'name: ‸12', 'INVALID_VALUE', /put it in quotes: "12"/],
  ['a text where a number must be', '{ above: 80 }', '{ above: ‸eighty }', 'INVALID_VALUE', /a number is expected/],
  ['an unknown driver', 'driver: modbus', 'driver: ‸modbuss', 'INVALID_VALUE', /did you mean "modbus"/],
  ['a missing driver', 'driver: modbus\n', 'name: Net\n', 'MISSING_KEY', /one of modbus, opcua, mqtt/],
  ['a misspelt deviceLost', 'when: deviceLost', 'when: ‸devicelost', 'INVALID_VALUE', /did you mean "deviceLost"/],
  ['two conditions in one', '{ above: 80 }', '‸{ above: 80, below: 2 }', 'INVALID_VALUE', /do not go together/],
  ['a bad id', 'id: hall', 'id: ‸ha ll', 'INVALID_VALUE', /letters, digits/],
  [
    'a bad metric name in a link',
    '- device: plc\n',
    '- device: plc\n            metrics: { ‸a-b: flow }\n',
    'INVALID_VALUE',
    /no valid name/,
  ],
  [
    'neither tcp nor serial',
    'tcp: { host: 127.0.0.1, port: 1502 }',
    'timeoutMs: 500',
    'INVALID_VALUE',
    /exactly one of tcp and serial/,
  ],
  [
    'an environment variable without a value',
    'host: 127.0.0.1',
    'host: ‸"${env:PLC_HOST}"',
    'MISSING_ENVIRONMENT',
    /PLC_HOST/,
  ],
  [
    'an environment variable elsewhere',
    'name: Works',
    'name: ‸"${env:NAME:-x}"',
    'ENVIRONMENT_NOT_ALLOWED',
    /within connections/,
  ],

  ['an id given twice', 'id: meter-2', 'id: ‸meter-1', 'DUPLICATE_ID', /already a device "meter-1" at devices\[1\]/],
  [
    'an asset id given twice in the tree',
    '- id: cabinet',
    '- id: ‸pump-1',
    'DUPLICATE_ID',
    /assets\[0\]\.children\[0\]/,
  ],
  ['a metric given twice', '{ name: running }', '{ name: ‸flow }', 'DUPLICATE_ID', /metric "flow"/],
  ['a rule given twice', 'id: lost', 'id: ‸hot', 'DUPLICATE_ID', /rule "hot"/],
  [
    'a point given twice',
    '{ name: temp, unit: °C, modbus',
    '{ name: ‸flow, unit: °C, modbus',
    'DUPLICATE_ID',
    /point "flow"/,
  ],

  [
    'an unknown site of an asset',
    'name: Hall\n    site: works',
    'name: Hall\n    site: ‸work',
    'UNKNOWN_REFERENCE',
    /no site "work"; did you mean "works"/,
  ],
  [
    'an unknown site of a device',
    'name: PLC\n    site: works',
    'name: PLC\n    site: ‸mill',
    'UNKNOWN_REFERENCE',
    /there are works/,
  ],
  ['an unknown asset profile', 'profile: pump', 'profile: ‸pmup', 'UNKNOWN_REFERENCE', /did you mean "pump"/],
  [
    'an unknown device profile',
    'name: Meter 1\n    site: works\n    connection: broker\n    profile: meter',
    'name: Meter 1\n    site: works\n    connection: broker\n    profile: ‸metre',
    'UNKNOWN_REFERENCE',
    /did you mean "meter"/,
  ],
  [
    'an unknown parent',
    'name: Cabinet\n',
    'name: Cabinet\n    parent: ‸hal\n',
    'UNKNOWN_REFERENCE',
    /did you mean "hall"/,
  ],
  [
    'an unknown connection',
    'connection: plc-net',
    'connection: ‸plc_net',
    'UNKNOWN_REFERENCE',
    /did you mean "plc-net"/,
  ],
  [
    'an unknown device in a link',
    'device: meter-1 ',
    'device: ‸meter-9 ',
    'UNKNOWN_REFERENCE',
    /did you mean "meter-1"/,
  ],
  ['an unknown metric in a rule', 'metric: temp\n', 'metric: ‸tmep\n', 'UNKNOWN_REFERENCE', /did you mean "temp"/],
  [
    'an unknown metric in a link',
    '{ device: meter-1 }',
    '{ device: meter-1, metrics: { voltage: voltage, ‸volts: voltage } }',
    'UNKNOWN_REFERENCE',
    /no metric "volts" of asset cabinet/,
  ],
  [
    'an unknown point in a link',
    '{ device: meter-1 }',
    '{ device: meter-1, metrics: { voltage: ‸volatge } }',
    'UNKNOWN_REFERENCE',
    /no point "volatge" of device meter-1; did you mean "voltage"/,
  ],
  [
    'an unknown point in a converting link',
    '{ device: meter-1 }',
    '{ device: meter-1, metrics: { voltage: { point: ‸u, scale: 2 } } }',
    'UNKNOWN_REFERENCE',
    /no point "u"/,
  ],
  ['an unknown metric in a formula', 'temp / flow : 0', 'temp / ‸fow : 0', 'UNKNOWN_REFERENCE', /did you mean "flow"/],
  ['an unknown template', 'workOrder: look', 'workOrder: ‸loook', 'UNKNOWN_REFERENCE', /work-order template "loook"/],
  [
    'a roll-up of nothing',
    'of: flow',
    'of: ‸flaw',
    'UNKNOWN_REFERENCE',
    /no child of hall has a metric "flaw"; did you mean "flow"/,
  ],
  ['a key figure of nothing', 'metric: flow', 'metric: ‸flows', 'UNKNOWN_REFERENCE', /at site works/],

  ['a time zone that is none', 'Europe/Berlin', '‸Europe/Berlln', 'INVALID_TIME_ZONE', /did you mean "Europe\/Berlin"/],
  ['an offset for a time zone', 'Europe/Berlin', '‸+01:00', 'INVALID_TIME_ZONE', /Europe\/Berlin or UTC/],
  [
    'an asset without site and parent',
    'id: cabinet\n    name: Cabinet\n    site: works\n',
    'id: ‸cabinet\n    name: Cabinet\n',
    'SITE_MISSING',
    /names no site/,
  ],
  [
    'another parent than where it stands',
    'name: Pump 1\n',
    'name: Pump 1\n        parent: ‸cabinet\n',
    'PARENT_CONFLICT',
    /children of hall/,
  ],
  [
    'an asset as its own parent',
    'name: Cabinet\n',
    'name: Cabinet\n    parent: ‸cabinet\n',
    'HIERARCHY_CYCLE',
    /cabinet -> cabinet/,
  ],

  ['a formula that cannot be read', 'temp / flow : 0"', 'temp / flow : ‸"', 'FORMULA_SYNTAX', /expression/i],
  ['a formula with an unknown function', '"flow > 0 ?', '"‸fn(flow) > 0 ?', 'FORMULA_SYNTAX', /no function fn/],
  [
    'a plain formula with a fault',
    '"flow > 0 ? temp / flow : 0"',
    'flow ‸temp',
    'FORMULA_SYNTAX',
    /operator is missing/,
  ],
  [
    'a formula that reads itself',
    'formula: "flow > 0 ? temp / flow : 0"',
    'formula: ‸specific + 1',
    'FORMULA_CYCLE',
    /specific -> specific/,
  ],
  ['a formula that reads a text', '"flow > 0 ?', '"‸label > 0 ?', 'FORMULA_TYPE', /label of asset pump-1 is a text/],
  ['a formula and a roll-up', 'rollUp: {', 'formula: "1", ‸rollUp: {', 'METRIC_SOURCES', /a formula and a roll-up/],
  [
    'a computed metric that is linked too',
    '- device: plc\n',
    '- device: plc\n            metrics: { flow: flow, temp: temp, running: running, label: label, ‸specific: temp }\n',
    'METRIC_SOURCES',
    /computed by a formula/,
  ],
  [
    'a metric that nothing feeds',
    '- id: cabinet\n    name: Cabinet\n    site: works\n    metrics:\n',
    '- id: ‸cabinet\n    name: Cabinet\n    site: works\n    metrics:\n      - { name: current, unit: A }\n',
    'METRIC_WITHOUT_SOURCE',
    /nothing feeds current of cabinet/,
  ],
  [
    'a roll-up in another unit',
    'name: total, unit: m³/h',
    'name: total, unit: ‸l/s',
    'UNIT_MISMATCH',
    /flow of pump-1 is in "m³\/h"/,
  ],
  [
    'a key figure in another unit',
    'function: sum, unit: m³/h',
    'function: sum, unit: ‸l/s',
    'UNIT_MISMATCH',
    /"Flow" is shown in "l\/s"/,
  ],
  [
    'a metric in another unit than its point',
    '{ name: voltage, unit: V }\n    links:\n      - { device: meter-1 }',
    '{ name: voltage, unit: kV }\n    links:\n      - { device: ‸meter-1 }',
    'UNIT_MISMATCH',
    /voltage is in "kV"/,
  ],

  [
    'a link that ends before it begins',
    '{ device: meter-1 }',
    '{ device: meter-1, validFrom: "2026-02-01T00:00:00Z", validUntil: ‸"2026-01-01T00:00:00Z" }',
    'LINK_VALIDITY',
    /ends at 2026-01-01/,
  ],
  [
    'two primary links for one metric',
    '{ device: meter-2, role: backup }',
    '{ device: meter-2, metrics: { ‸voltage: voltage } }',
    'LINK_CONFLICT',
    /already fed by meter-1/,
  ],
  [
    'a backup without a primary',
    '- { device: meter-1 }\n      - { device: meter-2, role: backup }',
    '- { device: meter-1, role: backup, metrics: { ‸voltage: voltage } }',
    'BACKUP_WITHOUT_PRIMARY',
    /role: primary/,
  ],
  [
    'a link that feeds nothing',
    '{ device: meter-2, role: backup }',
    '{ device: ‸plc }',
    'LINK_WITHOUT_EFFECT',
    /no point of plc/,
  ],

  [
    'a condition without a metric',
    'metric: temp\n        when: { above: 80 }',
    'when: ‸{ above: 80 }',
    'RULE_METRIC',
    /add "metric"/,
  ],
  [
    'deviceLost with a metric',
    'when: deviceLost',
    'when: deviceLost\n        metric: ‸temp',
    'RULE_METRIC',
    /leave out metric/,
  ],
  [
    'a comparison of a boolean',
    'metric: temp\n        when: { above: 80 }\n        deadband: 2',
    'metric: running\n        when: { ‸above: 0.5 }',
    'RULE_TYPE',
    /equals: true/,
  ],
  [
    'a boolean compared with a text',
    'metric: temp\n        when: { above: 80 }\n        deadband: 2',
    'metric: running\n        when: { ‸equals: "on" }',
    'RULE_TYPE',
    /is a boolean/,
  ],
  [
    'a limit above the range',
    '{ above: 80 }',
    '{ above: ‸120 }',
    'RULE_UNREACHABLE',
    /can never hold: the range of temp is 0 to 120/,
  ],
  ['a limit below the range', '{ above: 80 }', '{ above: ‸-5 }', 'RULE_UNREACHABLE', /always holds/],
  [
    'a limit beyond what the point can be',
    'metric: temp\n        when: { above: 80 }',
    'metric: flow\n        when: { below: ‸0 }',
    'RULE_UNREACHABLE',
    /can never hold/,
  ],
  ['a deadband that reaches below the range', 'deadband: 2\n', 'deadband: ‸90\n', 'RULE_NEVER_CLEARS', /never clear/],
  ['reversed limits', '{ above: 80 }', '{ outside: ‸[80, 20] }', 'RULE_LIMITS_REVERSED', /\[20, 80\]/],
  [
    'a deadband wider than the limits',
    '{ above: 80 }\n        deadband: 2\n',
    '{ outside: [20, 30] }\n        deadband: ‸6\n',
    'RULE_DEADBAND',
    /at most 5/,
  ],
  [
    'a deadband without a limit',
    '{ above: 80 }\n        deadband: 2\n',
    '{ equals: 80 }\n        deadband: ‸2\n',
    'RULE_DEADBAND',
    /no effect/,
  ],
  [
    'a rule that says the same as another',
    '- id: lost\n        name: Lost\n        when: deviceLost',
    '- id: ‸warm\n        name: Warm\n        metric: temp\n        when: { above: 80 }',
    'DUPLICATE_RULE',
    /the same as rule hot/,
  ],

  [
    'settings of another driver at a device',
    'modbus: { unit: 1, pollMs: 1000 }',
    '‸mqtt: { topicName: x }',
    'DRIVER_MISMATCH',
    /plc-net is modbus/,
  ],
  [
    'settings of another driver at a point',
    'unit: °C, modbus: { address: 1 }',
    'unit: °C, ‸opcua: { node: T }',
    'DRIVER_MISMATCH',
    /point temp has settings for opcua/,
  ],
  [
    'a point without an address',
    '{ name: temp, unit: °C, modbus: { address: 1 } }',
    '{ name: ‸temp, unit: °C }',
    'POINT_WITHOUT_ADDRESS',
    /modbus: \{/,
  ],
  [
    'a boolean that may not stand still',
    '{ name: running, type: boolean, modbus',
    '{ name: running, type: boolean, ‸frozen: { afterMs: 60000 }, modbus',
    'FROZEN_WITHOUT_FAULT',
    /a boolean may stand still/,
  ],
  [
    'a setpoint that may not stand still',
    'unit: °C, modbus: { address: 1 }',
    'unit: °C, writable: {}, ‸frozen: { afterMs: 60000 }, modbus: { address: 1 }',
    'FROZEN_WITHOUT_FAULT',
    /until it is written again/,
  ],
  [
    'a point frozen after too few readings',
    'unit: °C, modbus: { address: 1 }',
    'unit: °C, frozen: { afterMs: ‸60000 }, modbus: { address: 1, pollMs: 20000 }',
    'FROZEN_WITHOUT_FAULT',
    /every 20000 ms.*at least 100000/,
  ],
  [
    'a tolerance that no value can leave',
    'range: { min: 0, max: 300 }, modbus',
    'range: { min: 0, max: 300 }, frozen: { afterMs: 60000, tolerance: ‸300 }, modbus',
    'FROZEN_WITHOUT_FAULT',
    /from 0 to 300/,
  ],
  [
    'a permission that is none',
    'unit: °C, modbus: { address: 1 }',
    'unit: °C, writable: { permission: ‸engineer }, modbus: { address: 1 }',
    'INVALID_VALUE',
    /resource:verb/,
  ],
  [
    'a permission that nobody can have',
    'unit: °C, modbus: { address: 1 }',
    'unit: °C, writable: { permission: ‸"internal:write" }, modbus: { address: 1 }',
    'INVALID_VALUE',
    /resource:verb/,
  ],
  [
    'a value beyond the last register',
    'modbus: { address: 1 }',
    'modbus: { address: ‸65535, type: float32 }',
    'INVALID_ADDRESS',
    /65536/,
  ],
  ['a string without a length', 'type: string, length: 4', 'type: ‸string', 'INVALID_ADDRESS', /needs "length"/],
  ['a float in a coil', 'address: 0, type: bool }', 'address: 0, type: ‸float32 }', 'INVALID_ADDRESS', /one bit/],
  [
    'a bit of a float',
    'modbus: { address: 1 }',
    'modbus: { address: 1, type: float32, bit: ‸3 }',
    'INVALID_ADDRESS',
    /16 bits/,
  ],
  [
    'a write to an input',
    'modbus: { address: 1 }',
    'writable: {}, modbus: { address: 1, area: ‸input }',
    'INVALID_ADDRESS',
    /can only be read/,
  ],
  [
    'two devices of one name in the topic',
    'name: Meter 2\n',
    'name: Meter 2\n    mqtt: { topicName: ‸meter-1 }\n',
    'DUPLICATE_TOPIC_NAME',
    /meter-1 is already called/,
  ],
  [
    'a poll slower than expected',
    'pollMs: 1000',
    'pollMs: ‸5000',
    'POLL_SLOWER_THAN_EXPECTED',
    /expectedIntervalMs: 5000/,
  ],

  [
    'a permission that another covers',
    '["alarm:read"]',
    '["alarm:*", ‸"alarm:read"]',
    'ROLE_SHADOWED',
    /covered by "alarm:\*"/,
  ],
  [
    'a role that differs in case only',
    '  crew: ["alarm:read"]',
    '  crew: ["alarm:read"]\n  ‸Crew: ["alarm:read"]',
    'ROLE_SHADOWED',
    /upper and lower case/,
  ],
];

for (const [name, original, replacement, code, words] of cases) {
  test(`${name} is ${code}, at its place`, () => {
    // A missing key has no place of its own: the owner is pointed at.
    const marked = replacement.includes('‸') ? spoil(original, replacement) : null;
    const { text, line, column } = marked ? unmark(marked) : { text: spoil(original, replacement), line: 0, column: 0 };
    const problems = problemsOf(load(text));
    const found = problems.filter((problem) => problem.code === code);
    assert.ok(found.length > 0, `${code} expected, found ${JSON.stringify(problems, null, 1)}`);
    assert.ok(
      found.some((problem) => words.test(`${problem.message}; ${problem.suggestion}`)),
      JSON.stringify(found, null, 1),
    );
    if (marked) {
      const places = found.map((problem) => `${problem.line}:${problem.column}`);
      assert.ok(places.includes(`${line}:${column}`), `expected ${line}:${column}, found ${places.join(', ')}`);
    } else {
      assert.ok(found.every((problem) => problem.line === 10 && problem.column === 5));
    }
  });
}

test('a hierarchy deeper than five levels is HIERARCHY_TOO_DEEP', () => {
  const chain = ['a', 'b', 'c', 'd', 'e', 'f']
    .map(
      (id, index, all) =>
        `  - { id: ${id}, name: ${id}, ${index === 0 ? 'site: works' : `parent: ${all[index - 1]}`} }\n`,
    )
    .join('');
  const problems = problemsOf(load(spoil('assets:\n', `assets:\n${chain}`)));
  assert.deepEqual(
    problems.map(({ code, path }) => ({ code, path })),
    [{ code: 'HIERARCHY_TOO_DEEP', path: 'assets[5].id' }],
  );
});

test('a cycle of parents names every member, and spares what hangs below it', () => {
  const cycle =
    '  - { id: a, name: a, parent: b }\n  - { id: b, name: b, parent: a }\n  - { id: c, name: c, parent: b }\n';
  const problems = problemsOf(load(spoil('assets:\n', `assets:\n${cycle}`)));
  assert.deepEqual(
    problems.map(({ code, path, message }) => ({ code, path, message })),
    [
      { code: 'HIERARCHY_CYCLE', path: 'assets[0].parent', message: 'a is its own ancestor: a -> b -> a' },
      { code: 'HIERARCHY_CYCLE', path: 'assets[1].parent', message: 'b is its own ancestor: b -> a -> b' },
    ],
  );
});

test('a child at another site than its parent is SITE_CONFLICT', () => {
  const text = spoil(
    'sites:\n',
    'sites:\n  - { id: mill, name: Mill, timeZone: UTC }\n',
    spoil('name: Pump 1\n', 'name: Pump 1\n        site: mill\n'),
  );
  assert.deepEqual(
    problemsOf(load(text)).map(({ code, path }) => ({ code, path })),
    [{ code: 'SITE_CONFLICT', path: 'assets[0].children[0].site' }],
  );
});

test('primary links that follow each other in time do not conflict', () => {
  const text = spoil(
    '- { device: meter-1 }\n      - { device: meter-2, role: backup }',
    '- { device: meter-1, validUntil: "2026-01-01T00:00:00Z" }\n      - { device: meter-2, validFrom: "2026-01-01T00:00:00Z" }',
  );
  assert.deepEqual(problemsOf(load(text)), []);
});

test('a scale given on purpose settles a difference of units', () => {
  const text = spoil(
    '{ name: voltage, unit: V }\n    links:\n      - { device: meter-1 }\n      - { device: meter-2, role: backup }',
    '{ name: voltage, unit: kV }\n    links:\n      - { device: meter-1, metrics: { voltage: { point: voltage, scale: 0.001 } } }',
  );
  assert.deepEqual(problemsOf(load(text)), []);
});
