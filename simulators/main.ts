import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadTopology } from '../topology/load.ts';
import type { Plant } from '../topology/plant.ts';
import { type Field, SensorFaults } from './plant/field.ts';
import { TICK_MS } from './plant/mqtt-field.ts';
import { readingsOf } from './plant/readings.ts';
import { faultsAt, parseScenario, type Scenario } from './plant/scenario.ts';
import { initialWorld, stepWorld } from './plant/world.ts';

/**
 * The field of the demo plant as a process of its own: physics at 2 Hz, and real Modbus TCP, OPC UA and MQTT on the addresses
 * that the topology file gives to its connections. Started by the product; it ends with the process that started it.
 *
 * SIMULATOR_SEED: another life of the plant (default 1). SIMULATOR_SCENARIO: another file with faults, or `none`.
 */
async function main(): Promise<void> {
  endWithParent();
  const plant = await demoPlant();
  const scenario = await demoScenario(plant);
  const fields = await openFields(plant);
  const stop = run(scenario, fields);
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    stop();
    // A client that does not let go must not keep the process.
    setTimeout(() => process.exit(0), 2000).unref();
    Promise.allSettled(fields.map((field) => field.close())).then(() => process.exit(0));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  console.log('simulators ready');
}

/**
 * However the product ends, a kill included, its end of the channel is closed with it. At once and from the first moment on, also
 * while servers are still being opened: the next start wants the ports, and nobody is left to say goodbye to.
 */
function endWithParent(): void {
  if (process.send === undefined) return;
  process.on('disconnect', () => process.exit(0));
  if (!process.connected) process.exit(0);
}

async function demoPlant(): Promise<Plant> {
  const result = await loadTopology(fileURLToPath(new URL('../topology/demo.yaml', import.meta.url)));
  if (!result.ok) throw new Error(`the demo plant has problems, the first: ${result.problems[0]?.message}`);
  return result.plant;
}

async function demoScenario(plant: Plant): Promise<Scenario> {
  const given = process.env.SIMULATOR_SCENARIO;
  if (given === 'none') return { scenario: 1, cycleSeconds: 3600, events: [] };
  const file = given ?? fileURLToPath(new URL('../topology/demo-scenario.yaml', import.meta.url));
  const result = parseScenario(await readFile(file, 'utf8'), file, plant);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.scenario;
}

/** Each protocol alone: one that is missing or whose port is taken is told, and the others run. */
async function openFields(plant: Plant): Promise<Field[]> {
  const fields: Field[] = [];
  for (const connection of plant.connections.values()) {
    const { driver, id } = connection;
    try {
      if (driver === 'modbus') {
        const { openModbusField } = await import('./plant/modbus-field.ts');
        fields.push(await openModbusField(connection));
      } else if (driver === 'opcua') {
        const { openOpcUaField } = await import('./plant/opcua-field.ts');
        fields.push(await openOpcUaField(connection));
      } else {
        const { openMqttField } = await import('./plant/mqtt-field.ts');
        fields.push(openMqttField(connection, report));
      }
    } catch (error) {
      report(`${id} (${driver}) is not simulated: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return fields;
}

function run(scenario: Scenario, fields: readonly Field[]): () => void {
  const now = new Date();
  let world = initialWorld({
    seed: Number(process.env.SIMULATOR_SEED ?? 1),
    timeOfDaySeconds: now.getHours() * 3600 + now.getMinutes() * 60 + now.getSeconds(),
  });
  const sensors = new SensorFaults();
  let lastMs = performance.now();
  const startedMs = lastMs;
  const tick = (): void => {
    const nowMs = performance.now();
    // After a pause of the machine the plant goes on from where it was instead of leaping.
    const dtSeconds = Math.min((nowMs - lastMs) / 1000, 2);
    lastMs = nowMs;
    const faults = faultsAt(scenario, (nowMs - startedMs) / 1000);
    const limit = fields.map((field) => field.written?.().p3_speed_limit).find((value) => value !== undefined) ?? 100;
    world = stepWorld(world, dtSeconds, faults.disturbances, { pump3Limit: limit / 100 });
    const readings = readingsOf(world);
    sensors.apply(readings, faults.events);
    for (const field of fields) field.apply({ nowMs: Date.now(), readings, events: faults.events });
  };
  tick();
  const timer = setInterval(tick, TICK_MS);
  return () => clearInterval(timer);
}

function report(message: string): void {
  console.error(`simulators: ${message}`);
}

main().catch((error: unknown) => {
  report(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
