import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SensorFaults } from '../../../../simulators/plant/field.ts';
import type { Readings } from '../../../../simulators/plant/readings.ts';
import { faultsAt, parseScenario, type Scenario, type ScenarioEvent } from '../../../../simulators/plant/scenario.ts';
import { loadTopology } from '../../../../topology/load.ts';
import type { Plant } from '../../../../topology/plant.ts';

const TOPOLOGY = new URL('../../../../topology/', import.meta.url);

async function demoPlant(): Promise<Plant> {
  const result = await loadTopology(fileURLToPath(new URL('demo.yaml', TOPOLOGY)));
  assert.ok(result.ok);
  return result.plant;
}

async function demoScenario(): Promise<Scenario> {
  const text = await readFile(new URL('demo-scenario.yaml', TOPOLOGY), 'utf8');
  const result = parseScenario(text, 'demo-scenario.yaml', await demoPlant());
  assert.ok(result.ok, JSON.stringify(result));
  return result.scenario;
}

test('the demo scenario names only what is in the demo plant, and ends with a quiet minute', async () => {
  const { events, cycleSeconds } = await demoScenario();
  assert.ok(Math.max(...events.map((event) => event.at + event.for)) <= cycleSeconds - 60);
});

test('never more than a handful of faults at one time', async () => {
  const scenario = await demoScenario();
  for (let second = 0; second < scenario.cycleSeconds; second++) {
    assert.ok(faultsAt(scenario, second).events.length <= 5, `at ${second} s`);
  }
});

test('a fault begins, lasts and comes again with the next cycle', async () => {
  const scenario = await demoScenario();
  const at = (second: number): number | undefined => faultsAt(scenario, second).disturbances['wt-5']?.overspeed;
  assert.deepEqual([at(15.9), at(16), at(29.9), at(30)], [undefined, 21, 21, undefined]);
  assert.equal(at(scenario.cycleSeconds + 20), 21);
});

const refused: readonly [what: string, event: string, place: string, words: RegExp][] = [
  [
    'an unknown asset',
    '{ at: 1, for: 2, kind: disturb, asset: pump-9, by: vibration, amount: 1 }',
    '4:44',
    /no asset "pump-9"/,
  ],
  ['an unknown device', '{ at: 1, for: 2, kind: hang, device: plc-9 }', '4:42', /no device "plc-9"/],
  ['an unknown point', '{ at: 1, for: 2, kind: freeze, device: plc-1, point: p9 }', '4:58', /no point "p9"/],
  ['an unknown connection', '{ at: 1, for: 2, kind: cut, connection: net }', '4:45', /no connection "net"/],
  [
    'a fault of another protocol',
    '{ at: 1, for: 2, kind: silence, device: plc-1 }',
    '4:28',
    /for mqtt, not for modbus/,
  ],
  ['a fault that outlasts the cycle', '{ at: 50, for: 20, kind: hang, device: plc-1 }', '4:20', /beyond the end/],
  ['an unknown kind', '{ at: 1, for: 2, kind: explode }', '4:28', /kind/],
];
for (const [what, event, place, words] of refused) {
  test(`${what} in a scenario is told with its place`, async () => {
    const text = `scenario: 1\ncycleSeconds: 60\nevents:\n  - ${event}\n`;
    const result = parseScenario(text, 's.yaml', await demoPlant());
    assert.ok(!result.ok);
    assert.equal(result.problems.length, 1);
    assert.match(result.problems[0] ?? '', words);
    assert.ok(result.problems[0]?.startsWith(`s.yaml:${place} `), result.problems[0]);
  });
}

test('a sensor freezes at the value it had, spikes to the given one, or leaves its value out', () => {
  const faults = new SensorFaults();
  const timed = { at: 0, for: 1, device: 'd' };
  const freeze: ScenarioEvent = { ...timed, kind: 'freeze', point: 'a' };
  const apply = (value: number, events: readonly ScenarioEvent[]): unknown => {
    const readings: Readings = new Map([['d', { a: value, b: 0 }]]);
    faults.apply(readings, events);
    return readings.get('d');
  };
  assert.deepEqual(apply(1, []), { a: 1, b: 0 });
  assert.deepEqual(apply(2, [freeze]), { a: 2, b: 0 });
  assert.deepEqual(apply(3, [freeze]), { a: 2, b: 0 });
  assert.deepEqual(apply(4, []), { a: 4, b: 0 });
  assert.deepEqual(apply(5, [freeze]), { a: 5, b: 0 });
  assert.deepEqual(apply(6, [{ ...timed, kind: 'spike', point: 'a', value: 999 }]), { a: 999, b: 0 });
  assert.deepEqual(apply(7, [{ ...timed, kind: 'omit', point: 'a' }]), { b: 0 });
});
