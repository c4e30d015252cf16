/**
 * Goal: whatever happens to nodes, their ways to database and NATS and their servers, a cell loses nothing that it acknowledged,
 * applies nothing twice, and writes nothing under an epoch that is over, neither to the journal nor to a device; and it goes
 * on by itself.
 * Method: real processes of the product under load, one of them at first, then as many as asked for; faults drawn by a seed,
 * each kind once before any comes again, some of them two at a time; in the end a rolling update, after which one node less
 * runs. What people, meters and devices know is then held against journal, log and history, and what the API of every node
 * shows against a fold of both without the engine. `--no-fence` takes the fence out of a private copy of the append function;
 * `sleeping-owner.ts` is the run in which that does damage for certain.
 *
 * `node --import ./test/support/register.mjs test/chaos/cell.ts --minutes 3 --nodes 3 --seed 7` after `npm run build`.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { Random } from '../../simulators/plant/random.ts';
import { AnyNode, PlantCell, writeCellPlant } from '../cluster/plant-cell.ts';
import { checkCell, isAtRest, readKept } from '../cluster/plant-history.ts';
import { until } from '../support/condition.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { RedisServer } from '../support/servers/redis.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BUSY_LEASES, back, Faults, pause, type Scene } from './cell-faults.ts';
import { checkFence, switchFenceOff, watchFence } from './cell-fence.ts';
import { FaultyWay } from './cell-way.ts';
import { assertSent, readApi, type Shown } from './kill-checks.ts';
import { Meters, type SentReadings } from './meters.ts';
import { Operators } from './operators.ts';
import { Writers } from './writers.ts';

const DEVICES = 6;
const WRITTEN_DEVICES = 3;
const READINGS_PER_SECOND = 2;
const PEOPLE = 4;
const SETTLED_WITHIN_MS = 180_000;
/** It is said what a node printed where going on took longer. */
const SLOW_MS = 45_000;
const SHOWN_LOG = 3000;

export interface CellRun {
  readonly seed: number;
  /** At least: every kind of fault comes once. */
  readonly minutes: number;
  readonly nodes: number;
  readonly fence: boolean;
}

/** @returns figures of the run, once every check has passed */
export async function cellRun({ seed, minutes, nodes, fence }: CellRun): Promise<Readonly<Record<string, unknown>>> {
  const temp = tempDir('chaos-cell');
  const redis = await RedisServer.start();
  const missing = withoutQuestDb();
  if (missing !== false) console.log(`without QuestDB: ${missing}`);
  const questdb = missing === false ? await QuestDb.start(temp.dir) : undefined;
  const writers = await Writers.open(WRITTEN_DEVICES);
  const ways = { database: new Map<string, FaultyWay>(), nats: new Map<string, FaultyWay>() };
  const environmentOf = async (name: string, database: URL, nats: URL) => ({
    SIGNALBOX_DATABASE_URL: await wayTo(database, name, ways.database),
    SIGNALBOX_NATS_URL: await wayTo(nats, name, ways.nats),
    SIGNALBOX_REDIS_URL: redis.url,
    ...(questdb && { SIGNALBOX_QUESTDB_URL: questdb.url }),
    SIGNALBOX_LOG_LEVEL: 'info',
    NODE_OPTIONS: `--import ${fileURLToPath(new URL('./cell-busy.mjs', import.meta.url))}`,
    CHAOS_BUSY_MS: String(BUSY_LEASES * TIMING.leaseTtlMs),
  });
  const write = (dir: string, broker: string) => writeCellPlant(dir, broker, DEVICES, 1, writers.beside);
  const cell = await PlantCell.start({ nodes: ['core-1'], devices: DEVICES, write, environmentOf });
  const counts = new Map<string, number>();
  const scene: Scene = { cell, redis, questdb, ways, random: new Random(seed) };
  const anyNode = new AnyNode(cell);
  const meters = new Meters(cell.broker.url, cell.plant.meters, READINGS_PER_SECOND, new Random(seed + 1));
  const operators = new Operators(anyNode, cell.plant, PEOPLE, new Random(seed + 2));
  try {
    await watchFence(cell);
    if (!fence) await switchFenceOff(cell);
    writers.start(anyNode);
    const join = Array.from({ length: nodes - 1 }, (_, n) => `core-${n + 2}`);
    const [database, nats] = [new URL(cell.database), new URL(cell.nats.url)];
    await Promise.all(join.map(async (name) => cell.add(name, await environmentOf(name, database, nats))));
    await cell.balanced();
    const endMs = performance.now() + minutes * 60_000;
    const faults = new Faults(scene);
    let longestMs = 0;
    while (faults.left > 0 || performance.now() < endMs) {
      await disturb(scene, faults, counts);
      const [before, fromMs] = [operators.commands.length, performance.now()];
      await until('it goes on by itself', () => operators.commands.length > before + 20, SETTLED_WITHIN_MS).catch(
        (error: unknown) => {
          sayWhatNodesPrinted(cell, operators);
          throw error;
        },
      );
      const tookMs = performance.now() - fromMs;
      longestMs = Math.max(longestMs, tookMs);
      if (tookMs > SLOW_MS) sayWhatNodesPrinted(cell, operators);
    }
    // The update is over when one node less than at its height runs the plant.
    for (const node of cell.running.slice(1)) {
      await node.stop();
      await back(node);
    }
    const last = cell.running.at(-1);
    if (nodes > 2) await last?.stop();
    await cell.balanced(0, SETTLED_WITHIN_MS);
    await Promise.all([operators.stop(), writers.stop()]);
    meters.pause();
    await until('the broker has acknowledged everything', () => meters.unacknowledged === 0, 60_000);
    await until('every node has applied everything', () => isAtRest(cell, meters.sent), SETTLED_WITHIN_MS);
    // What stands in the journal by then includes whatever a node has shown.
    const shown: Shown[] = [];
    for (const node of cell.running) shown.push(await readApi(node));
    const kept = await readKept(cell);
    const claims = await checkFence(cell, kept.entries);
    writers.check(kept.entries);
    let twice = 0;
    for (const one of shown)
      twice = await checkCell(cell, kept, { commands: operators.commands, sent: meters.sent, shown: one });
    await checkHistory(cell, meters.sent);
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
      'longest until 20 more commands were done, ms': Math.round(longestMs),
      'journal rows': kept.entries.length,
      'writes that reached devices': writers.arrived,
      'readings acknowledged': meters.acknowledged,
      'readings logged again, long after': twice,
      'history on': questdb ? 'QuestDB' : 'PostgreSQL',
    };
  } finally {
    void operators.stop();
    await Promise.all([meters.close(), cell.end()]);
    for (const way of [...ways.database.values(), ...ways.nats.values()]) await way.close();
    await Promise.all([redis.remove(), questdb?.kill(), writers.close()]);
    temp.remove();
  }
}

async function wayTo(server: URL, name: string, ways: Map<string, FaultyWay>): Promise<string> {
  const way = await FaultyWay.start(Number(server.port));
  ways.set(name, way);
  const through = new URL(server);
  through.port = String(way.port);
  return through.toString();
}

/** One fault, or two of different nodes at a time. */
async function disturb({ cell, random }: Scene, faults: Faults, counts: Map<string, number>): Promise<void> {
  await pause(random.uniform() * 3000);
  await Promise.all(
    faults.next().map(async ({ kind, name, done }) => {
      console.log(`${new Date().toISOString()} ${kind} ${name}`);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      await done();
    }),
  );
  for (const [name, node] of cell.nodes) {
    if (node.running) continue;
    console.log(`${name} ended by itself: ${node.stdout.slice(-SHOWN_LOG)}${node.stderr.slice(-SHOWN_LOG)}`);
    counts.set('ended by themselves', (counts.get('ended by themselves') ?? 0) + 1);
    await back(node);
  }
}

/** The history has every reading that was acknowledged, once, whatever became of its server and of who carried it there. */
async function checkHistory(cell: PlantCell, sent: ReadonlyMap<string, SentReadings>): Promise<void> {
  const [node] = cell.running;
  assert.ok(node);
  for (const [meter, { published, acknowledged }] of sent) {
    const device = meter.slice(meter.indexOf('/') + 1);
    const times = [...published.keys()];
    const route = `/telemetry?device=${device}&metricKey=level&start=${(times[0] ?? 0) - 1}&end=${(times.at(-1) ?? 0) + 1}`;
    let samples: { readonly timeMs: number; readonly value: number }[] = [];
    await until(
      `the history of ${device} is complete`,
      async () => {
        samples = await node.list(route);
        return samples.length >= acknowledged.size;
      },
      SETTLED_WITHIN_MS,
    ).catch(() => undefined);
    const found = samples.map(({ timeMs, value }) => [timeMs, value] as const);
    assertSent(`history of ${device}`, found, published, acknowledged, Number.POSITIVE_INFINITY);
  }
}

function sayWhatNodesPrinted(cell: PlantCell, { waiting }: Operators): void {
  for (const what of waiting.values()) console.log(`waits: ${what}`);
  for (const [name, { stdout, stderr }] of cell.nodes)
    console.log(`${name} has printed: ${stdout.slice(-SHOWN_LOG)}${stderr.slice(-SHOWN_LOG)}`);
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
