import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deviceKind } from '../../../actors/device/device.ts';
import { compileFormula } from '../../../actors/formula.ts';
import { entityId } from '../../../runtime/ids.ts';
import { SensorFaults } from '../../../simulators/plant/field.ts';
import { type Readings, readingsOf } from '../../../simulators/plant/readings.ts';
import { faultsAt, parseScenario, type Scenario } from '../../../simulators/plant/scenario.ts';
import { initialWorld, stepWorld } from '../../../simulators/plant/world.ts';
import { loadTopology } from '../../../topology/load.ts';
import type { AssetDefinition, Plant } from '../../../topology/plant.ts';
import type { Rule } from '../../../topology/schema/rule.ts';

const DEMO = fileURLToPath(new URL('../../../topology/demo.yaml', import.meta.url));

const SCENARIO = new URL('../../../topology/demo-scenario.yaml', import.meta.url);
const SCENARIO_ALARMS = [
  'cabinet-05:door-open',
  'flood-07:water-high',
  'pump-1-motor:bearing-hot',
  'wt-5:overspeed',
  'zone-2:pressure-low',
];

async function demo(): Promise<Plant> {
  const result = await loadTopology(DEMO, {});
  assert.ok(result.ok, JSON.stringify(result, null, 1));
  assert.deepEqual(result.warnings, []);
  return result.plant;
}

test('the demo plant loads without a warning and is of the size that it claims', async () => {
  const plant = await demo();
  assert.deepEqual([...plant.sites.keys()], ['windfarm', 'pumping', 'district']);
  assert.deepEqual([...plant.connections.keys()], ['windfarm-opcua', 'pumping-plc', 'district-mqtt']);
  assert.equal(plant.connections.get('district-mqtt')?.devices.length, 40);
  assert.equal(plant.devices.get('rtu-1')?.linkedAssets.length, 5);
  assert.equal(plant.assets.get('wt-1-gearbox')?.level, 4);
  assert.ok(plant.simulated);
});

test('a lost link of the demo plant is one alarm for all that is behind it', async () => {
  const { connections } = await demo();
  const groups = [...connections.values()].flatMap(({ groups = [] }) =>
    groups.map(({ id, devices, severity, delaySeconds }) => [id, devices.length, severity, delaySeconds]),
  );
  assert.deepEqual(groups, [
    ['windfarm-opcua', 8, 'HIGH', 5],
    ['pumping-plc', 2, 'HIGH', 3],
    ['district-mqtt', 40, 'MEDIUM', 5],
  ]);
});

test('the addresses of the demo plant follow the environment', async () => {
  const result = await loadTopology(DEMO, {
    SIMULATOR_MODBUS_PORT: '25020',
    SIMULATOR_OPCUA_HOST: 'sim',
    SIMULATOR_MQTT_PORT: '28830',
  });
  assert.ok(result.ok);
  const settings = [...result.plant.connections.values()].map((connection) => connection.settings);
  assert.deepEqual(
    settings.map((s) => (s.driver === 'modbus' ? s.tcp : s.driver === 'opcua' ? s.endpoint : s.url)),
    ['opc.tcp://sim:14840', { host: '127.0.0.1', port: 25_020 }, 'embedded://127.0.0.1:28830'],
  );
});

/** Metrics of all assets, children first, so that roll-ups find what they need. */
function metricsOf(plant: Plant, readings: Readings): Map<string, Record<string, number>> {
  const all = new Map<string, Record<string, number>>();
  const visit = (asset: AssetDefinition): void => {
    for (const child of asset.children) visit(plant.assets.get(child) ?? assert.fail());
    const values: Record<string, number> = {};
    for (const link of asset.links) {
      for (const { metric, point } of link.mappings) values[metric] = Number(readings.get(link.device)?.[point]);
    }
    for (const { name, rollUp } of asset.metrics) {
      if (rollUp === undefined) continue;
      const parts = asset.children.flatMap((child) => all.get(child)?.[rollUp.of] ?? []);
      const sum = parts.reduce((total, part) => total + part, 0);
      const results = {
        sum,
        avg: sum / parts.length,
        min: Math.min(...parts),
        max: Math.max(...parts),
        count: parts.length,
      };
      values[name] = results[rollUp.function];
    }
    for (let pass = 0; pass < 3; pass++) {
      for (const { name, formula } of asset.metrics) {
        const result = formula === undefined ? null : compileFormula(formula).evaluate((of) => values[of] ?? null);
        if (result !== null) values[name] = result;
      }
    }
    all.set(asset.id, values);
  };
  for (const asset of plant.assets.values()) if (asset.parent === null) visit(asset);
  return all;
}

function holds(when: Rule['when'], value: number): boolean {
  if (when === 'deviceLost') return false;
  if ('above' in when) return value > when.above;
  if ('below' in when) return value < when.below;
  if ('atLeast' in when) return value >= when.atLeast;
  if ('atMost' in when) return value <= when.atMost;
  if ('outside' in when) return value < when.outside[0] || value > when.outside[1];
  if ('inside' in when) return value >= when.inside[0] && value <= when.inside[1];
  return 'equals' in when ? value === Number(when.equals) : value !== Number(when.notEquals);
}

test('a healthy plant raises no alarm over a day, and every metric stays within its range', async () => {
  const plant = await demo();
  let world = initialWorld({ seed: 11, timeOfDaySeconds: 0 });
  const raised = new Set<string>();
  for (let second = 0; second < 86_400; second += 5) {
    world = stepWorld(world, 5);
    if (second % 300 !== 0) continue;
    const metrics = metricsOf(plant, readingsOf(world));
    for (const asset of plant.assets.values()) {
      const values = metrics.get(asset.id) ?? {};
      for (const { name, range } of asset.metrics) {
        const value = values[name];
        assert.ok(value !== undefined && Number.isFinite(value), `${asset.id}.${name} is ${value}`);
        if (range) assert.ok(value >= range.min && value <= range.max, `${asset.id}.${name} is ${value}`);
      }
      for (const rule of asset.rules) {
        if (rule.metric !== undefined && holds(rule.when, values[rule.metric] ?? 0))
          raised.add(`${asset.id}:${rule.id}`);
      }
    }
  }
  assert.deepEqual([...raised], []);
});

test('within two minutes the scenario brings on exactly the alarms that it is written for', async () => {
  const plant = await demo();
  const parsed = parseScenario(await readFile(SCENARIO, 'utf8'), 'demo-scenario.yaml', plant);
  assert.ok(parsed.ok);
  for (const hour of [3, 7.5, 14, 21]) {
    let world = initialWorld({ seed: 1, timeOfDaySeconds: hour * 3600 });
    const raised = new Map<string, number>();
    for (let tick = 0; tick < 240; tick++) {
      const { disturbances } = faultsAt(parsed.scenario, tick / 2);
      world = stepWorld(world, 0.5, disturbances);
      const metrics = metricsOf(plant, readingsOf(world));
      for (const asset of plant.assets.values()) {
        for (const rule of asset.rules) {
          if (rule.metric === undefined || !holds(rule.when, metrics.get(asset.id)?.[rule.metric] ?? 0)) continue;
          const key = `${asset.id}:${rule.id}`;
          raised.set(key, (raised.get(key) ?? 0) + 0.5);
        }
      }
    }
    assert.deepEqual([...raised.keys()].sort(), SCENARIO_ALARMS, `at ${hour} h`);
    for (const [key, seconds] of raised) assert.ok(seconds > 6, `${key} held for only ${seconds} s at ${hour} h`);
  }
});

/** Seconds of a run in which a reading was called frozen, by device and point. */
function frozenIn(plant: Plant, scenario: Scenario, seconds: number): Map<string, number[]> {
  const judged = [...plant.devices.values()]
    .filter(({ points }) => points.some(({ frozen }) => frozen !== undefined))
    .map((definition) => ({ definition, self: { id: entityId('device', definition.id), definition } }))
    .map((device) => ({ ...device, state: deviceKind.initial(device.self) }));
  const frozen = new Map<string, number[]>();
  const sensors = new SensorFaults();
  let world = initialWorld({ seed: 1, timeOfDaySeconds: 7 * 3600 });
  for (let second = 0; second < seconds; second++) {
    const faults = faultsAt(scenario, second);
    world = stepWorld(world, 1, faults.disturbances);
    const readings = readingsOf(world);
    sensors.apply(readings, faults.events);
    const timeMs = second * 1000;
    for (const { definition, self, state } of judged) {
      const points = definition.points.map(({ name }) => name);
      // As a register or a node gives them, with the digits that it has.
      const values = points.map((name) => {
        const value = readings.get(definition.id)?.[name] ?? null;
        return typeof value === 'number' ? Math.round(value * 100) / 100 : value;
      });
      const frame = {
        deviceTimeMs: timeMs,
        gatewayTimeMs: timeMs,
        points,
        values,
        quality: null,
        reasons: null,
        times: null,
      };
      const turn = { ...self, nowMs: timeMs, by: { user: 'system', via: 'log' }, permissions: [] } as const;
      const { observation } = deviceKind.admit?.(state, frame, turn) ?? assert.fail();
      observation?.reasons?.forEach((reason, index) => {
        if (reason !== 'frozen') return;
        const name = `${definition.id} ${observation.points[index]}`;
        frozen.set(name, [...(frozen.get(name) ?? []), second]);
      });
    }
  }
  return frozen;
}

test('within two minutes the sensor that hangs is called frozen, and in two hours no other', async () => {
  const plant = await demo();
  const parsed = parseScenario(await readFile(SCENARIO, 'utf8'), 'demo-scenario.yaml', plant);
  assert.ok(parsed.ok);
  const early = frozenIn(plant, parsed.scenario, 120);
  assert.deepEqual([...early.keys()], ['wt-6-controller vibration']);
  const seconds = early.get('wt-6-controller vibration') ?? [];
  assert.ok(seconds.length > 20 && (seconds.at(-1) ?? 0) < 90, `seen from ${seconds[0]} s to ${seconds.at(-1)} s`);
  assert.deepEqual([...frozenIn(plant, { ...parsed.scenario, events: [] }, 7200)], []);
});

test('few alarms of the demo plant are critical', async () => {
  const plant = await demo();
  const rules = [...plant.assets.values()].flatMap((asset) => asset.rules);
  const critical = rules.filter(({ severity }) => severity === 'CRITICAL');
  assert.ok(critical.length / rules.length < 0.15, `${critical.length} of ${rules.length}`);
});
