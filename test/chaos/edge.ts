/**
 * Goal: several nodes of a centre and an edge lose nothing of each other, whatever happens to them and to what is between: each
 * acknowledged reading and each event of the edge is at the centre once and in order, commands are carried out once by whichever
 * gateway they come, and a write to a device never leaves after its time.
 * Method: real processes; nodes on PostgreSQL and NATS, an edge on SQLite behind a way to NATS that can be cut, with meters on
 * MQTT and a PLC on Modbus that keeps account of what was written to it; faults drawn by a seed. In the end the folder of the edge
 * is read without the product and held against what the centre has.
 *
 * `node --import ./test/support/register.mjs test/chaos/edge.ts --minutes 3 --nodes 3 --seed 7` after `npm run build`.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { Random } from '../../simulators/plant/random.ts';
import { AnyNode, PlantCell } from '../cluster/plant-cell.ts';
import { readKept } from '../cluster/plant-history.ts';
import { until } from '../support/condition.ts';
import { Product } from '../support/product.ts';
import { asleep, back, outage, pause } from './cell-faults.ts';
import { FaultyWay } from './cell-way.ts';
import { checkCopy, checkPeople, checkTelemetry, checkWrites, readEdge, type Written } from './edge-checks.ts';
import { EDGE, PLC, writeEdgeChaosPlant } from './edge-plant.ts';
import { EdgeWriters } from './edge-writers.ts';
import { Meters } from './meters.ts';
import { Operators } from './operators.ts';

const [NEAR, FAR] = [3, 5];
const READINGS_PER_SECOND = 4;
const PEOPLE = 8;
const SETTLED_WITHIN_MS = 180_000;
const WRITE_SINGLE_REGISTER = 6;

export interface EdgeRun {
  readonly seed: number;
  readonly minutes: number;
  readonly nodes: number;
}

interface Scene {
  readonly cell: PlantCell;
  readonly edge: Product;
  readonly way: FaultyWay;
  readonly random: Random;
  readonly counts: Map<string, number>;
}

type Fault = (scene: Scene) => Promise<void>;

/** Each ends with everything in its place again. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'uplink cut': (scene) => onWay(scene, 'cut', 500 + scene.random.uniform() * 15_000),
  'edge killed': async ({ edge, random }) => {
    await edge.kill();
    await pause(random.uniform() * 5000);
    await back(edge);
  },
  'uplink reset': async ({ way }) => way.reset(),
  'centre node killed': async ({ cell, random }) => {
    const node = oneOf(cell.running, random);
    await node.kill();
    await pause(random.uniform() * 2 * TIMING.leaseTtlMs);
    await back(node);
  },
  'requests of the edge late': (scene) => onWay(scene, 'late requests', 500 + scene.random.uniform() * 12_000),
  'NATS killed': ({ cell, random }) => outage(cell.nats, random),
  'answers to the edge lost': (scene) => onWay(scene, 'lost answers', 500 + scene.random.uniform() * 8000),
  'centre node asleep': ({ cell, random }) => asleep(oneOf(cell.running, random), 3 * TIMING.leaseTtlMs),
  'edge asleep': ({ edge, random }) => asleep(edge, 1000 + random.uniform() * 8000),
  'centre node stopped and started': async ({ cell, random }) => {
    const node = oneOf(cell.running, random);
    await node.stop();
    await back(node);
  },
  'edge stopped and started': async ({ edge }) => {
    await edge.stop();
    await back(edge);
  },
  'PostgreSQL killed': ({ cell, random }) => outage(cell.postgres, random),
};

/** @returns figures of the run, once every check has passed */
export async function edgeRun({ seed, minutes, nodes }: EdgeRun): Promise<Readonly<Record<string, unknown>>> {
  const holding = new Uint16Array(50);
  const written: Written[] = [];
  const plc = await createModbusServer({
    units: new Map([[1, { holding }]]),
    onRequest: (_unit, request) => {
      if (request.readUInt8(0) === WRITE_SINGLE_REGISTER)
        written.push({ value: request.readUInt16BE(3), atMs: Date.now() });
    },
  });
  const names = Array.from({ length: nodes }, (_, n) => `core-${n + 1}`);
  const cell = await PlantCell.start({
    nodes: names,
    devices: NEAR,
    write: (dir, url) => writeEdgeChaosPlant(dir, url, { near: NEAR, far: FAR, plcPort: plc.port }),
  });
  const way = await FaultyWay.start(cell.nats.port);
  const dataDir = cell.folder(EDGE);
  const random = new Random(seed);
  const counts = new Map<string, number>();
  const closing: (() => Promise<unknown>)[] = [() => plc.close(), () => way.close(), () => cell.end()];
  try {
    await cell.balanced();
    const edge = await Product.start({
      dataDir,
      topology: cell.plant.topology,
      args: ['--cell', EDGE],
      environment: {
        SIGNALBOX_UPLINK_URL: `nats://127.0.0.1:${way.port}`,
        SIGNALBOX_REQUESTS_PER_MINUTE: '1000000',
        SIGNALBOX_CHECKPOINT_INTERVAL_MS: '1000',
      },
    });
    closing.push(() => edge.kill());
    const anyNode = new AnyNode(cell);
    const meters = new Meters(cell.broker.url, cell.plant.meters, READINGS_PER_SECOND, new Random(seed + 1));
    closing.push(() => meters.close());
    await until('the centre shows the edge', () => agree(cell, edge, false), SETTLED_WITHIN_MS);
    const operators = new Operators(anyNode, cell.plant, PEOPLE, new Random(seed + 2));
    const writers = new EdgeWriters(anyNode, PLC);
    closing.push(async () => void operators.stop());
    const scene: Scene = { cell, edge, way, random, counts };
    const endMs = performance.now() + minutes * 60_000;
    for (let n = 0; performance.now() < endMs; n++) {
      await disturb(scene, n);
      const before = operators.commands.length;
      await until('it goes on by itself', () => operators.commands.length > before + 10, SETTLED_WITHIN_MS);
    }
    await Promise.all([operators.stop(), writers.stop()]);
    meters.pause();
    await until('the broker has acknowledged everything', () => meters.unacknowledged === 0, 60_000);
    await cell.balanced(0, SETTLED_WITHIN_MS);
    await until('every node shows what the edge does', () => agree(cell, edge, true), SETTLED_WITHIN_MS);
    await edge.kill();
    const own = await readEdge(dataDir);
    const kept = await readKept(cell);
    const copied = checkCopy(own, kept);
    const records = checkTelemetry(own, kept, meters.sent);
    checkPeople(operators.commands, kept);
    checkWrites(writers.writes, written, own);
    const done = operators.commands.filter(({ ok }) => ok);
    const ended = (code: string) => writers.writes.filter((write) => write.code === code).length;
    return {
      seed,
      ...Object.fromEntries(counts),
      'commands acknowledged': done.length,
      'commands refused': operators.commands.length - done.length,
      'commands sent more than once': operators.commands.filter(({ attempts }) => attempts > 1).length,
      'events of the edge at the centre': copied,
      'records of the edge at the centre': `${records} of ${own.log.length}`,
      'alarm events of the edge': own.entries.filter(({ kind }) => kind.startsWith('Alarm')).length,
      'writes accepted, expired, unknown': `${ended('ok')}, ${ended('EXPIRED')}, ${writers.writes.length - ended('ok') - ended('EXPIRED')}`,
      'values that reached the device': written.length,
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** What a node shows of an asset, without what only one side can know. */
interface ShownAsset {
  readonly id: string;
  readonly values: unknown;
  readonly alarms: unknown;
  readonly away?: unknown;
  readonly pending?: unknown;
}

/** @param atRest nothing is sent any more: the values agree too */
async function agree(cell: PlantCell, edge: Product, atRest: boolean): Promise<boolean> {
  try {
    const { parts } = await edge.get<{ parts: { name: string; detail: string }[] }>('/health');
    const uplink = parts.find(({ name }) => name === 'uplink')?.detail ?? '';
    if (!/events 0\.0 s/.test(uplink)) return false;
    const ofEdge = await edge.list<ShownAsset>('/assets');
    for (const node of cell.running) {
      const shown = new Map((await node.list<ShownAsset>('/assets')).map((asset) => [asset.id, asset]));
      for (const { id, values, alarms } of ofEdge) {
        const there = shown.get(id);
        if (there === undefined || there.away !== undefined) return false;
        if (
          atRest &&
          (there.pending !== undefined || !isDeepStrictEqual([there.values, there.alarms], [values, alarms]))
        )
          return false;
      }
    }
    if (!atRest) return true;
    const end = async () =>
      (await edge.get<{ items: { position: number }[] }>('/audit?limit=1')).items[0]?.position ?? 0;
    const before = await end();
    await pause(1500);
    return before === (await end());
  } catch {
    return false;
  }
}

/** One fault, or two of different kinds at a time. */
async function disturb(scene: Scene, n: number): Promise<void> {
  const { random, counts } = scene;
  await pause(random.uniform() * 3000);
  const names = Object.keys(FAULTS);
  const first = names[n % names.length] ?? 'uplink cut';
  const second = names[Math.floor(random.uniform() * names.length)] ?? first;
  const picked = random.uniform() < 0.3 && pairs(first, second) ? [first, second] : [first];
  console.log(`${new Date().toISOString()} ${picked.join(' and ')}`);
  for (const kind of picked) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  await Promise.all(picked.map((kind) => FAULTS[kind]?.(scene)));
  for (const node of [...scene.cell.nodes.values(), scene.edge]) {
    if (node.running) continue;
    console.log(`ended by itself: ${node.stderr}`);
    counts.set('ended by themselves', (counts.get('ended by themselves') ?? 0) + 1);
    await back(node);
  }
}

/** What there is one of cannot be hit twice at a time. */
function pairs(one: string, other: string): boolean {
  const target = (kind: string) =>
    /uplink|of the edge|to the edge/.test(kind)
      ? 'way'
      : kind.startsWith('edge')
        ? 'edge'
        : kind.startsWith('centre')
          ? 'centre'
          : 'server';
  return target(one) !== target(other);
}

function oneOf(nodes: readonly Product[], random: Random): Product {
  const node = nodes[Math.floor(random.uniform() * nodes.length)];
  assert.ok(node, 'no node runs');
  return node;
}

async function onWay({ way }: Scene, state: Parameters<FaultyWay['become']>[0], forMs: number): Promise<void> {
  way.become(state);
  await pause(forMs);
  way.become('open');
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '3' },
      nodes: { type: 'string', default: '3' },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const run = { seed, minutes: Number(values.minutes), nodes: Number(values.nodes) };
  console.log(`${run.minutes} minutes, ${run.nodes} nodes and an edge, seed ${run.seed}`);
  console.table(await edgeRun(run));
}
