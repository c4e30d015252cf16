import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { type CellPlant, type PlantCell, writeCellPlant } from '../cluster/plant-cell.ts';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Readings of one round: a value each, one message each, at QoS 1. */
const READINGS = 20_000;
/** Devices that take part, of as many connections as there are, so that every node has some of them. */
const DEVICES = 500;
const LOOK_MS = 20;
const WITHIN_MS = 120_000;

/** Readings a second that nodes of a cell take from the broker and apply, from the first that is sent to the last applied. */
export function ingestOf(cell: PlantCell, nodes: readonly Product[], rounds: number): Promise<number[]> {
  return ingest(cell.broker.url, cell.plant, nodes, rounds);
}

/** The same in one process with nothing installed beside it but the broker. */
export async function ingestAlone(devices: number, perConnection: number, rounds: number): Promise<number[]> {
  const temp = tempDir('ingest-alone');
  const broker = await Mosquitto.start(temp.dir, ['max_inflight_messages 200']);
  let product: Product | undefined;
  try {
    const plant = writeCellPlant(temp.dir, broker.url, devices, perConnection);
    product = await Product.start({ dataDir: path.join(temp.dir, 'data'), topology: plant.topology });
    return await ingest(broker.url, plant, [product], rounds);
  } finally {
    await product?.kill();
    await broker.kill('SIGKILL');
    temp.remove();
  }
}

async function ingest(
  brokerUrl: string,
  plant: CellPlant,
  nodes: readonly Product[],
  rounds: number,
): Promise<number[]> {
  const every = Math.max(1, Math.floor(plant.meters.length / DEVICES));
  const devices = plant.meters.filter((_, index) => index % every === 0);
  const client = await connectAsync(brokerUrl);
  const rates: number[] = [];
  try {
    // The first round makes devices known, and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const before = await appliedBy(nodes);
      const fromMs = performance.now();
      const sent = send(client, devices, round);
      await until(
        'every reading is applied',
        async () => {
          await pause(LOOK_MS);
          return (await appliedBy(nodes)) >= before + READINGS;
        },
        WITHIN_MS,
      );
      const tookMs = performance.now() - fromMs;
      await sent;
      if (round > 0) rates.push(Math.round((READINGS * 1000) / tookMs));
    }
    return rates;
  } finally {
    await client.endAsync(true);
  }
}

/** Levels between the limits of the rules: what is measured is readings, not alarms. */
async function send(client: MqttClient, devices: readonly string[], round: number): Promise<void> {
  const acknowledged: Promise<unknown>[] = [];
  const fromMs = Date.now();
  for (let n = 0; n < READINGS; n++) {
    const device = devices[n % devices.length];
    const metrics = { level: 40 + ((n + round) % 20) };
    const ts = fromMs + Math.floor(n / devices.length);
    acknowledged.push(client.publishAsync(`plant/${device}`, JSON.stringify({ ts, metrics }), { qos: 1 }));
    // Broker and sender share the machine with what is measured.
    if (n % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(acknowledged);
}

/** Records that devices have taken out of their mailboxes, of all nodes together. */
async function appliedBy(nodes: readonly Product[]): Promise<number> {
  const counts = await Promise.all(
    nodes.map(async ({ url }) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^signalbox_observed_records_total\{kind="device"\} (\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
