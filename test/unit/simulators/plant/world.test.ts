import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Random } from '../../../../simulators/plant/random.ts';
import { readingsOf } from '../../../../simulators/plant/readings.ts';
import { type Disturbances, initialWorld, stepWorld, type World } from '../../../../simulators/plant/world.ts';
import { loadTopology } from '../../../../topology/load.ts';

const DEMO = fileURLToPath(new URL('../../../../topology/demo.yaml', import.meta.url));

function live(world: World, seconds: number, dtSeconds: number, disturbances: Disturbances = {}): World {
  let current = world;
  for (let passed = 0; passed < seconds; passed += dtSeconds) current = stepWorld(current, dtSeconds, disturbances);
  return current;
}

test('chance of the same seed is the same, and normally spread', () => {
  const random = new Random(7);
  const again = new Random(7);
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < 20_000; index++) {
    const value = random.normal();
    assert.equal(value, again.normal());
    sum += value;
    squares += value * value;
  }
  assert.ok(Math.abs(sum / 20_000) < 0.03);
  assert.ok(Math.abs(squares / 20_000 - 1) < 0.05);
});

test('two plants of one seed live the same life, and one of another seed does not', () => {
  const start = (seed: number): World => live(initialWorld({ seed, timeOfDaySeconds: 30_000 }), 600, 0.5);
  assert.deepEqual(readingsOf(start(3)), readingsOf(start(3)));
  assert.notDeepEqual(readingsOf(start(3)), readingsOf(start(4)));
});

test('the devices of the demo plant measure exactly the points that the topology gives them', async () => {
  const result = await loadTopology(DEMO);
  assert.ok(result.ok);
  const readings = readingsOf(initialWorld({ seed: 1, timeOfDaySeconds: 0 }));
  for (const device of result.plant.devices.values()) {
    const points = device.points.filter(({ writable }) => writable === undefined).map(({ name }) => name);
    assert.deepEqual(Object.keys(readings.get(device.id) ?? {}).sort(), points.sort(), device.id);
  }
  assert.equal(readings.size, result.plant.devices.size);
});

for (const seed of [1, 2]) {
  test(`over a day of seed ${seed} every value stays where a healthy plant has it`, () => {
    let world = initialWorld({ seed, timeOfDaySeconds: 0 });
    let pumpStarts = 0;
    let energyKwh = 0;
    const dtSeconds = 5;
    for (let second = 0; second < 86_400; second += dtSeconds) {
      const before = world;
      world = stepWorld(world, dtSeconds);
      const { station } = world;
      for (const turbine of world.turbines) {
        assert.ok(turbine.rotorRpm > 0 && turbine.rotorRpm < 17, `rotor ${turbine.rotorRpm}`);
        assert.ok(turbine.powerKw > -20 && turbine.powerKw <= 2000, `power ${turbine.powerKw}`);
        assert.ok(turbine.oilC > 10 && turbine.oilC < 70, `oil ${turbine.oilC}`);
        assert.ok(turbine.gearboxBearingC < 82, `bearing ${turbine.gearboxBearingC}`);
        assert.ok(turbine.windingC < 118 && turbine.vibrationMmS < 4.5);
        const share = (turbine.powerKw * 1000) / (0.5 * 1.225 * 6362 * turbine.windSpeed ** 3);
        assert.ok(second < 60 || share < 0.59, `no rotor takes more than Betz allows: ${share}`);
        energyKwh += (turbine.powerKw * dtSeconds) / 3600;
      }
      assert.ok(station.levelM > 2 && station.levelM < 5.4, `level ${station.levelM}`);
      for (const [index, pump] of station.pumps.entries()) {
        if (pump.on && before.station.pumps[index]?.on === false) pumpStarts += 1;
        assert.ok(pump.currentA < 90 && pump.bearingC < 65 && pump.vibrationMmS < 4.5);
      }
      assert.ok(
        station.pumps[0].on && (second < 60 || station.pumps[0].flowM3h > 60),
        'the first pump always delivers',
      );
      for (const zone of station.zones)
        assert.ok(zone.pressureBar > 3.2 && zone.pressureBar < 6.5, `${zone.pressureBar}`);
      for (const cabinet of world.cabinets) {
        assert.ok(cabinet.voltageV > 217 && cabinet.voltageV < 243 && cabinet.insideC < 50);
      }
      for (const gauge of world.gauges) assert.ok(gauge.levelM > -0.5 && gauge.levelM < 1.8, `${gauge.levelM}`);
    }
    assert.ok(pumpStarts > 2 && pumpStarts < 100, `${pumpStarts} starts`);
    const capacityFactor = energyKwh / (8 * 2000 * 24);
    assert.ok(capacityFactor > 0.2 && capacityFactor < 0.8, `capacity factor ${capacityFactor}`);
  });
}

test('what flows in and out is what the level of the tank changes by', () => {
  let world = initialWorld({ seed: 5, timeOfDaySeconds: 25_000 });
  const startM = world.station.levelM;
  let netM3 = 0;
  for (let second = 0; second < 3600; second++) {
    world = stepWorld(world, 1);
    netM3 += (world.station.inflowM3h - world.station.outflowM3h) / 3600;
  }
  assert.ok(Math.abs((world.station.levelM - startM) * 120 - netM3) < 0.01);
});

test('a disturbance shows in the readings it should, and passes', () => {
  const healthy = live(initialWorld({ seed: 1, timeOfDaySeconds: 43_200 }), 60, 0.5);
  const sick = live(healthy, 30, 0.5, {
    'pump-1': { bearingHeat: 48 },
    'wt-5': { overspeed: 21 },
    'zone-2': { burst: 2.6 },
    'flood-07': { surge: 2.6 },
    'cabinet-05': { doorOpen: 1 },
  });
  const readings = readingsOf(sick);
  assert.ok(Number(readings.get('plc-1')?.p1_bearing_temp) > 75);
  assert.ok(Number(readings.get('wt-5-controller')?.rotor_speed) > 18.5);
  assert.ok(Number(readings.get('wt-4-controller')?.rotor_speed) < 17);
  assert.ok(Number(readings.get('rtu-1')?.port2_pressure) < 2.8);
  assert.ok(Number(readings.get('flood-07-radar')?.water_level) > 2.2);
  assert.equal(readings.get('cabinet-05-controller')?.door_open, true);
  const cured = readingsOf(live(sick, 60, 0.5));
  assert.ok(Number(cured.get('plc-1')?.p1_bearing_temp) < 72);
  assert.ok(Number(cured.get('wt-5-controller')?.rotor_speed) < 17);
  assert.ok(Number(cured.get('rtu-1')?.port2_pressure) > 3.1);
  assert.ok(Number(cured.get('flood-07-radar')?.water_level) < 2);
});
