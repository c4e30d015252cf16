/**
 * Goal: kill -9 at random moments under load loses no acknowledged command and applies none twice; alarms and work orders are
 * those of the journal; the database opens again each time; readings sent at QoS 1 during the kills are in the history once.
 * Method: the product as a process, meters behind a real broker, people who repeat a command until it is answered. After the
 * kills everything that was told is compared with what the stopped folder holds, and what the API showed with a fold of
 * journal and log that shares no code with the engine. The broker is restarted once on the way.
 *
 * `node --import ./test/support/register.mjs test/chaos/kill.ts --kills 50 --seed 7` after `npm run build`.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { kindOf } from '../../runtime/ids.ts';
import { Random } from '../../simulators/plant/random.ts';
import { until } from '../support/condition.ts';
import { openStorage } from '../support/engine.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { writeChaosPlant } from './chaos-plant.ts';
import {
  checkCommands,
  checkHistory,
  checkReadings,
  checkStates,
  readApi,
  wholeJournal,
  wholeLog,
} from './kill-checks.ts';
import { Meters } from './meters.ts';
import { Operators } from './operators.ts';

const DEVICES = 6;
const READINGS_PER_SECOND = 20;
const PEOPLE = 12;
const SHORTEST_LIFE_MS = 100;
const LONGEST_LIFE_MS = 1500;
/** One kill of so many falls into a start. */
const KILLS_PER_START = 5;
const LONGEST_START_MS = 1200;
const BURST = 60;
const LONGEST_BURST_MS = 40;

export interface KillRun {
  readonly kills: number;
  readonly seed: number;
}

/** @returns figures of the run, once every check has passed */
export async function killRun({ kills, seed }: KillRun): Promise<Readonly<Record<string, number>>> {
  const temp = tempDir('kill');
  const dataDir = path.join(temp.dir, 'data');
  const random = new Random(seed);
  const broker = await Mosquitto.start(temp.dir, ['max_inflight_messages 200']);
  const plant = writeChaosPlant(temp.dir, broker.url, DEVICES);
  const environment = { SIGNALBOX_REQUESTS_PER_MINUTE: '1000000', SIGNALBOX_CHECKPOINT_INTERVAL_MS: '300' };
  const product = await Product.start({ dataDir, topology: plant.topology, environment });
  const meters = new Meters(broker.url, plant.devices, READINGS_PER_SECOND, new Random(seed + 1));
  const operators = new Operators(product, plant, PEOPLE, new Random(seed + 2));
  try {
    const { startMs, killedStarts } = await killAgainAndAgain({ product, broker, meters, operators }, kills, random);
    await operators.stop();
    meters.pause();
    await until('the broker has acknowledged everything', () => meters.unacknowledged === 0, 30_000);
    await until('everything is applied', () => isDrained(product, meters), 60_000);
    const shown = await readApi(product);
    const { code } = await product.stop();
    assert.equal(code, 0, 'ends in good order');

    const storage = await openStorage(dataDir);
    try {
      const entries = await wholeJournal(storage.journal);
      const log = await wholeLog(storage.log);
      await storage.historian.caughtUp(await storage.log.end());
      // A start that was killed may have claimed the shards or not; every other one has, and so has this one.
      assert.ok(storage.epoch <= product.starts + 1 && storage.epoch >= product.starts + 1 - killedStarts);
      checkHistory(entries);
      checkCommands(operators.commands, entries);
      const loggedTwice = await checkReadings(meters.sent, log, storage.historian);
      await checkStates(shown, plant, log, entries);
      const ok = operators.commands.filter((command) => command.ok);
      return {
        seed,
        kills,
        'kills during a start': killedStarts,
        'epoch at the end': storage.epoch,
        'commands acknowledged': ok.length,
        'commands refused': operators.commands.length - ok.length,
        'commands sent more than once': operators.commands.filter(({ attempts }) => attempts > 1).length,
        'answers given again': operators.commands.filter(({ repeated }) => repeated).length,
        'journal rows': entries.length,
        'alarm transitions': entries.filter(({ kind }) => kind.startsWith('Alarm')).length,
        'work orders': new Set(entries.filter(({ entity }) => kindOf(entity) === 'work-order').map((e) => e.entity))
          .size,
        'readings acknowledged': meters.acknowledged,
        'duplicates refused': (await storage.deadLetters.query({ code: 'duplicate', limit: 100_000 })).length,
        'delivered again too late to be known': loggedTwice,
        'longest start, ms': Math.round(Math.max(...startMs)),
        'median start, ms': Math.round(startMs.toSorted((a, b) => a - b)[startMs.length >> 1] ?? 0),
      };
    } finally {
      await storage.close();
    }
  } finally {
    await meters.close();
    await product.kill();
    await broker.kill('SIGKILL');
    temp.remove();
  }
}

interface Scene {
  readonly product: Product;
  readonly broker: Mosquitto;
  readonly meters: Meters;
  readonly operators: Operators;
}

async function killAgainAndAgain(scene: Scene, kills: number, random: Random) {
  const { product, broker } = scene;
  const startMs: number[] = [];
  let killedStarts = 0;
  let restarted = false;
  for (let kill = 0; kill < kills; kill++) {
    // mosquitto keeps its word over an orderly restart only; over a kill it loses what it acknowledged.
    if (!restarted && kill >= Math.floor(kills / 2)) {
      restarted = true;
      await broker.kill('SIGTERM');
      await broker.restart();
    }
    await pause(SHORTEST_LIFE_MS + random.uniform() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS));
    await momentToKill(scene, kill, random);
    await product.kill();
    if (random.uniform() < 1 / KILLS_PER_START && kill + 1 < kills) {
      const starting = product.restart().then(
        () => true,
        () => false,
      );
      await pause(random.uniform() * LONGEST_START_MS);
      await product.kill();
      if (!(await starting)) killedStarts++;
      kill++;
    }
    const fromMs = performance.now();
    await product.restart();
    startMs.push(performance.now() - fromMs);
  }
  return { startMs, killedStarts };
}

/** Any moment; or that in which a promise was just given; or one while many readings are on their way into the log. */
async function momentToKill({ meters, operators }: Scene, kill: number, random: Random): Promise<void> {
  if (kill % 3 === 1) await operators.nextAnswer();
  if (kill % 3 === 2) {
    meters.burst(BURST);
    await pause(random.uniform() * LONGEST_BURST_MS);
  }
}

async function isDrained(product: Product, meters: Meters): Promise<boolean> {
  const metrics = await (await fetch(`${product.url}/metrics`)).text();
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  if (
    gauge('signalbox_pending_effects') + gauge('signalbox_outstanding_records') + gauge('signalbox_log_waiting') !==
    0
  )
    return false;
  const devices = await product.list<{ id: string; times: { level?: number } }>('/devices');
  return devices.every(({ id, times }) => times.level === [...(meters.sent.get(id)?.published.keys() ?? [])].at(-1));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
  const run = { kills: Number(values.kills ?? 50), seed: Number(values.seed ?? Date.now() % 1_000_000) };
  console.log(`${run.kills} kills, seed ${run.seed}`);
  console.table(await killRun(run));
}
