/**
 * Goal: what a cell costs and how long its moves take: memory of 10,000 live entities; its first start; from `kill -9` of the
 * node that has them all until they are live on the other, and until readings go on; a command to an entity of the same and of
 * another node; commands while shards move, and the longest that one of a shard that moved waited; readings a second on one
 * node, on two, and in a process alone. Method: real processes over PostgreSQL, NATS and a broker on this machine. Takeovers are
 * repeated, the two nodes in turn, and given as least, median and most.
 *
 *     node --import ./test/support/register.mjs test/bench/cell.ts [entities=10000] [rounds=3]      after `npm run build`
 */
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { entityId } from '../../runtime/ids.ts';
import { SHARD_COUNT, type Shard, shardOf } from '../../runtime/ownership.ts';
import { Random } from '../../simulators/plant/random.ts';
import { Meters } from '../chaos/meters.ts';
import { PlantCell, shardsOf } from '../cluster/plant-cell.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';
import { statusMb } from './box.ts';
import { ingestAlone, ingestOf } from './cell-ingest.ts';

const ENTITIES = Number(process.argv[2] ?? 10_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const PER_CONNECTION = 100;
/** Devices that send, one reading a second each. */
const SENDING = 100;
const LOOKED_AT_EVERY = 10;
const LOOK_MS = 100;
const SELDOM_MS = 250;
/** Rounds of readings: one may be three times as fast as the next. */
const INGEST_ROUNDS = 8;
const COMMANDS = 400;
const AT_ONCE = 4;
const WITHIN_MS = 300_000;

print('machine', `${os.cpus().length} cores, load ${os.loadavg()[0]?.toFixed(1)}`);
const empty = await PlantCell.start({ nodes: ['core-1'], devices: 1 });
const emptyMb = statusMb(empty.node('core-1').pid, 'VmRSS');
await empty.end();

const cell = await PlantCell.start({ nodes: [], devices: ENTITIES / 2, devicesPerConnection: PER_CONNECTION });
let meters: Meters | undefined;
try {
  const fromMs = performance.now();
  let owner = await cell.add('core-1');
  print('first start', `the API answers after ${since(fromMs)} ms`);
  await until('what the start led to is done', () => hasSettled(owner), WITHIN_MS);
  print('first start', `everything it led to is committed after ${since(fromMs)} ms`);
  print('memory', `${statusMb(owner.pid, 'VmRSS')} MB with ${ENTITIES} entities, ${emptyMb} MB with hardly any`);

  meters = new Meters(cell.broker.url, cell.plant.meters.slice(0, SENDING), 1, new Random(1));
  await until('readings are shown', () => goesOn(owner, 0), WITHIN_MS);
  let other = await cell.add('core-2');
  const all: number[] = [];
  const sending: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const had = await shardsOf(owner);
    const { openMs, goesOnMs } = await takeOver(owner, other);
    print('takeover after kill -9', `of ${had} shards: all live after ${openMs} ms, readings after ${goesOnMs} ms`);
    all.push(openMs);
    sending.push(goesOnMs);
    await until('what the takeover led to is done', () => hasSettled(other), WITHIN_MS);
    if (round < ROUNDS - 1) {
      await owner.restart();
      [owner, other] = [other, owner];
    }
  }
  print(`takeover, all ${ENTITIES} live`, spread(all));
  print(`takeover, ${SENDING} with traffic`, spread(sending));

  await meters.close();
  print('readings a second, one node', spread(await ingestOf(cell, [other], INGEST_ROUNDS)));
  meters = new Meters(cell.broker.url, cell.plant.meters.slice(0, SENDING), 1, new Random(2));

  await owner.restart();
  await commands('of the same node', other);
  await commands('of another node', owner);
  await moves(owner);
  await cell.balanced(SHARD_COUNT / 4, WITHIN_MS);
  await meters.close();
  print('readings a second, two nodes', spread(await ingestOf(cell, [owner, other], INGEST_ROUNDS)));
} finally {
  await meters?.close();
  await cell.end();
}
print('readings a second, one process alone', spread(await ingestAlone(ENTITIES / 2, PER_CONNECTION, INGEST_ROUNDS)));

/** From the kill of one node until everything is live on the other, and until readings of those that send are shown there. */
async function takeOver(killed: Product, heir: Product): Promise<{ openMs: number; goesOnMs: number }> {
  await killed.kill();
  const fromMs = performance.now();
  const killedMs = Date.now();
  // Each by itself: neither is to wait for the other's answers.
  const whenLive = async () => {
    while ((await shardsOf(heir)) < SHARD_COUNT) await pause(SELDOM_MS);
    return since(fromMs);
  };
  const whenGoingOn = async () => {
    await until('readings go on', () => goesOn(heir, killedMs), WITHIN_MS);
    return since(fromMs);
  };
  const [openMs, goesOnMs] = await Promise.all([whenLive(), whenGoingOn()]);
  return { openMs, goesOnMs };
}

/** Sends comments on alarms, some at a time. Returns how long the answers took, by asset. */
async function commands(
  what: string,
  gateway: Product,
  isOver?: () => boolean,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const tookMs = new Map<string, number[]>();
  const refused = new Map<string, number>();
  let sent = 0;
  const client = async () => {
    while (isOver === undefined ? sent < COMMANDS : !isOver()) {
      const n = sent++;
      const asset = cell.plant.assets[(n * 37) % SENDING] ?? 'a-1';
      const route = `/alarms/${encodeURIComponent(`asset/${asset}:low`)}/comment`;
      const fromMs = performance.now();
      const answer = await gateway.request('POST', route, {
        body: { text: `${what} ${n}` },
        commandId: `${what}-${n}`,
      });
      tookMs.set(asset, [...(tookMs.get(asset) ?? []), performance.now() - fromMs]);
      if (!answer.ok && answer.status >= 500)
        refused.set(answer.body.error.code, (refused.get(answer.body.error.code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const all = [...tookMs.values()].flat();
  print(`commands ${what}`, `${all.length}, ${shares(all)}; not answered: ${JSON.stringify([...refused])}`);
  return tookMs;
}

/** Commands while shards come to a node that has none. The longest wait of a shard that moved is its pause, and what else was slow. */
async function moves(target: Product): Promise<void> {
  const before = await ownersOf();
  let moved = 0;
  const told = commands('while shards move', target, () => moved >= SHARD_COUNT / 4);
  await until(
    'a quarter of the shards has moved',
    async () => {
      moved = await shardsOf(target);
      return moved >= SHARD_COUNT / 4;
    },
    WITHIN_MS,
  );
  const tookMs = await told;
  const after = await ownersOf();
  const pauses = new Map<Shard, number>();
  for (const [asset, took] of tookMs) {
    const shard = shardOf(entityId('asset', asset));
    if (before.get(shard) === after.get(shard)) continue;
    pauses.set(shard, Math.max(pauses.get(shard) ?? 0, ...took));
  }
  print('handoff, longest wait of each shard that moved', `${pauses.size} shards, ${shares([...pauses.values()])}`);
}

async function ownersOf(): Promise<ReadonlyMap<Shard, unknown>> {
  const rows = await cell.postgres.query('select n, owner from shard', [], cell.database);
  return new Map(rows.map(({ n, owner }) => [Number(n), owner]));
}

/** Whether the devices that are looked at show readings that are newer. Some of them, and now and then: looking is work as well. */
async function goesOn(node: Product, afterMs: number): Promise<boolean> {
  await pause(LOOK_MS);
  const looked = cell.plant.devices.slice(0, SENDING).filter((_, n) => n % LOOKED_AT_EVERY === 0);
  const seen = await Promise.all(
    looked.map((device) => node.request<{ times: { level?: number } }>('GET', `/devices/${device}`)),
  );
  // Nobody has it, for the moment.
  return seen.every((answer) => answer.ok && (answer.body.times.level ?? 0) > afterMs);
}

/** Few effects wait to be carried out: those that readings lead to come and go. */
async function hasSettled(node: Product): Promise<boolean> {
  await pause(LOOK_MS);
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(/^signalbox_pending_effects (\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY) < ENTITIES / 50;
}

function since(fromMs: number): number {
  return Math.round(performance.now() - fromMs);
}

function shares(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${sorted[0]} / ${sorted[Math.floor((sorted.length - 1) / 2)]} / ${sorted.at(-1)} (least, median, most of ${sorted.length})`;
}

function print(what: string, figure: string): void {
  console.log(`${what}: ${figure}`);
}
