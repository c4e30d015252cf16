/**
 * Goal: whatever happens to nodes, their ways to the database and their servers, a cell loses nothing that it acknowledged,
 * applies nothing twice, and writes nothing under an epoch that is over; and it goes on by itself.
 * Method: real processes of the product under load; faults drawn by a seed, some of them two at a time; a rolling update on
 * the way. In the end what people and meters were told is held against journal and log, and what the API of every node shows
 * against a fold of both without the engine. `--no-fence` takes the fence out of a private copy of the append function: then
 * the checker has to find damage, or it proves nothing.
 *
 * `node --import ./test/support/register.mjs test/chaos/cell.ts --minutes 3 --nodes 3 --seed 7` after `npm run build`.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { Random } from '../../simulators/plant/random.ts';
import { AnyNode, PlantCell } from '../cluster/plant-cell.ts';
import { checkCell, isAtRest, readKept } from '../cluster/plant-history.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';
import { RedisServer } from '../support/servers/redis.ts';
import { checkFence, switchFenceOff, watchFence } from './cell-fence.ts';
import { FaultyWay } from './cell-way.ts';
import { readApi } from './kill-checks.ts';
import { Meters } from './meters.ts';
import { Operators } from './operators.ts';

const DEVICES = 12;
const READINGS_PER_SECOND = 4;
const PEOPLE = 12;
const BUSY_LEASES = 3;
const SETTLED_WITHIN_MS = 180_000;

export interface CellRun {
  readonly seed: number;
  readonly minutes: number;
  readonly nodes: number;
  readonly fence: boolean;
}

interface Scene {
  readonly cell: PlantCell;
  readonly redis: RedisServer;
  readonly ways: ReadonlyMap<string, FaultyWay>;
  readonly random: Random;
  readonly counts: Map<string, number>;
}

type Fault = (scene: Scene, name: string, node: Product) => Promise<void>;

/** Each ends with everything in its place again. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'kill -9': async ({ random }, _, node) => {
    await node.kill();
    await pause(random.uniform() * 2 * TIMING.leaseTtlMs);
    await back(node);
  },
  'stop and start': async (_, __, node) => {
    await node.stop();
    await back(node);
  },
  'half a lease asleep': (_, __, node) => asleep(node, 0.5),
  'one and a half asleep': (_, __, node) => asleep(node, 1.5),
  'three leases asleep': (_, __, node) => asleep(node, 3),
  'three leases busy': async (_, __, node) => {
    process.kill(node.pid, 'SIGUSR2');
    await pause(BUSY_LEASES * TIMING.leaseTtlMs);
  },
  'database cut': ({ ways, random }, name) => onWay(ways, name, 'cut', random.uniform() * 9000),
  'requests to the database late': ({ ways, random }, name) =>
    onWay(ways, name, 'late requests', 500 + random.uniform() * 9000),
  'answers of the database lost': ({ ways, random }, name) =>
    onWay(ways, name, 'lost answers', 500 + random.uniform() * 6000),
  'connections to the database reset': async ({ ways }, name) => ways.get(name)?.reset(),
  'PostgreSQL killed': ({ cell, random }) => outage(cell.postgres, random),
  'NATS killed': ({ cell, random }) => outage(cell.nats, random),
  'Redis killed': ({ redis, random }) => outage(redis, random),
};
/** What there is one of cannot be killed twice at a time. */
const OF_SERVERS = ['PostgreSQL killed', 'NATS killed', 'Redis killed'];

/** @returns figures of the run, once every check has passed */
export async function cellRun({ seed, minutes, nodes, fence }: CellRun): Promise<Readonly<Record<string, unknown>>> {
  const redis = await RedisServer.start();
  const ways = new Map<string, FaultyWay>();
  const cell = await PlantCell.start({
    nodes: ['core-1'],
    devices: DEVICES,
    environmentOf: (name, database) => environmentOf(name, database, { redis, ways }),
  });
  const counts = new Map<string, number>();
  const scene: Scene = { cell, redis, ways, random: new Random(seed), counts };
  const anyNode = new AnyNode(cell);
  const meters = new Meters(cell.broker.url, cell.plant.meters, READINGS_PER_SECOND, new Random(seed + 1));
  const operators = new Operators(anyNode, cell.plant, PEOPLE, new Random(seed + 2));
  try {
    await watchFence(cell);
    if (!fence) await switchFenceOff(cell);
    const join = Array.from({ length: nodes - 1 }, (_, n) => `core-${n + 2}`);
    const database = new URL(cell.database);
    await Promise.all(join.map(async (name) => cell.add(name, await environmentOf(name, database, { redis, ways }))));
    await cell.balanced();
    const endMs = performance.now() + minutes * 60_000;
    for (let n = 0; performance.now() < endMs; n++) {
      await disturb(scene, n);
      const before = operators.commands.length;
      await until('it goes on by itself', () => operators.commands.length > before + 20, SETTLED_WITHIN_MS);
    }
    // The update is over when one node less than at its height runs the plant.
    for (const node of cell.running.slice(1)) {
      await node.stop();
      await back(node);
    }
    const last = cell.running.at(-1);
    if (nodes > 2) await last?.stop();
    await cell.balanced(0, SETTLED_WITHIN_MS);
    await operators.stop();
    meters.pause();
    await until('the broker has acknowledged everything', () => meters.unacknowledged === 0, 60_000);
    await until('every node has applied everything', () => isAtRest(cell, meters.sent), SETTLED_WITHIN_MS);
    // What stands in the journal by then includes whatever a node has shown.
    const shown = [];
    for (const node of cell.running) shown.push(await readApi(node));
    const kept = await readKept(cell);
    const claims = await checkFence(cell, kept.entries);
    let twice = 0;
    for (const one of shown)
      twice = await checkCell(cell, kept, {
        commands: operators.commands,
        sent: meters.sent,
        shown: one,
      });
    const done = operators.commands.filter(({ ok }) => ok);
    const waits = operators.commands.map(({ sentMs, answeredMs }) => answeredMs - sentMs).toSorted((a, b) => a - b);
    return {
      seed,
      ...Object.fromEntries(counts),
      'shards taken': claims,
      'commands acknowledged': done.length,
      'commands refused': operators.commands.length - done.length,
      'commands sent more than once': operators.commands.filter(({ attempts }) => attempts > 1).length,
      'answers given again': done.filter(({ repeated }) => repeated).length,
      'longest wait for an answer, ms': Math.round(waits.at(-1) ?? 0),
      'journal rows': kept.entries.length,
      'readings acknowledged': meters.acknowledged,
      'readings logged by two owners': twice,
    };
  } finally {
    await meters.close();
    await cell.end();
    for (const way of ways.values()) await way.close();
    await redis.remove();
    void operators.stop();
  }
}

async function environmentOf(
  name: string,
  database: URL,
  { redis, ways }: { readonly redis: RedisServer; readonly ways: Map<string, FaultyWay> },
) {
  const way = await FaultyWay.start(Number(database.port));
  ways.set(name, way);
  const through = new URL(database);
  through.port = String(way.port);
  return {
    SIGNALBOX_DATABASE_URL: through.toString(),
    SIGNALBOX_REDIS_URL: redis.url,
    NODE_OPTIONS: `--import ${fileURLToPath(new URL('./cell-busy.mjs', import.meta.url))}`,
    CHAOS_BUSY_MS: String(BUSY_LEASES * TIMING.leaseTtlMs),
  };
}

/** One fault, or two of different nodes at a time. */
async function disturb(scene: Scene, n: number): Promise<void> {
  const { cell, random, counts } = scene;
  await pause(random.uniform() * 3000);
  const nodes = [...cell.nodes].toSorted(() => random.uniform() - 0.5);
  const names = Object.keys(FAULTS);
  const picked = nodes.slice(0, random.uniform() < 0.3 ? 2 : 1).map(([name, node], nth) => {
    // Every kind comes first in turn; what comes beside it is of a node.
    const kind =
      nth === 0 ? names[n % names.length] : names[Math.floor(random.uniform() * (names.length - OF_SERVERS.length))];
    return { name, node, kind: kind ?? 'kill -9' };
  });
  await Promise.all(
    picked.map(async ({ name, node, kind }) => {
      console.log(`${new Date().toISOString()} ${kind} ${name}`);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      await FAULTS[kind]?.(scene, name, node);
    }),
  );
  for (const [name, node] of nodes) {
    if (node.running) continue;
    console.log(`${name} ended by itself: ${node.stderr}`);
    counts.set('ended by themselves', (counts.get('ended by themselves') ?? 0) + 1);
    await back(node);
  }
}

async function asleep(node: Product, leases: number): Promise<void> {
  process.kill(node.pid, 'SIGSTOP');
  await pause(leases * TIMING.leaseTtlMs);
  process.kill(node.pid, 'SIGCONT');
}

async function onWay(ways: Scene['ways'], name: string, state: Parameters<FaultyWay['become']>[0], forMs: number) {
  const way = ways.get(name);
  way?.become(state);
  await pause(forMs);
  way?.become('open');
}

async function outage(server: { kill(): Promise<void>; restart(): Promise<void> }, random: Random): Promise<void> {
  await server.kill();
  await pause(random.uniform() * 2 * TIMING.leaseTtlMs);
  await server.restart();
}

/** A start may fall into an outage; whoever watches the process tries again. */
async function back(node: Product): Promise<void> {
  for (let attempt = 1; !node.running; attempt++) {
    try {
      await node.restart();
    } catch (error) {
      await node.kill();
      if (attempt === 5) throw error;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '3' },
      nodes: { type: 'string', default: '3' },
      'no-fence': { type: 'boolean', default: false },
    },
  });
  const run = {
    seed: Number(values.seed ?? Date.now() % 1_000_000),
    minutes: Number(values.minutes),
    nodes: Number(values.nodes),
    fence: !values['no-fence'],
  };
  console.log(`${run.minutes} minutes, ${run.nodes} nodes, seed ${run.seed}${run.fence ? '' : ', without the fence'}`);
  if (run.fence) console.table(await cellRun(run));
  else {
    const damage = await cellRun(run).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(damage instanceof assert.AssertionError, `no damage was found: ${String(damage)}`);
    console.log(`as it must, the checker found damage: ${damage.message.split('\n')[0]}`);
  }
}
