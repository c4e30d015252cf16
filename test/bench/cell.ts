/**
 * Goal: what a cell costs and how long its moves take: memory of 10,000 live entities; from `kill -9` of the node that has them
 * all until they are live on the other, and until readings go on; a command to an entity of the same and of another node; and
 * commands while shards move. Method: real processes over PostgreSQL, NATS and a broker on this machine.
 *
 *     node --import ./test/support/register.mjs test/bench/cell.ts [entities=10000]      after `npm run build`
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { SHARD_COUNT } from '../../runtime/ownership.ts';
import { Random } from '../../simulators/plant/random.ts';
import { Meters } from '../chaos/meters.ts';
import { PlantCell, shardsOf } from '../cluster/plant-cell.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';

const ENTITIES = Number(process.argv[2] ?? 10_000);
const PER_CONNECTION = 100;
/** Devices that send, one reading a second each. */
const SENDING = 100;
const LOOKED_AT_EVERY = 10;
const LOOK_MS = 100;
const COMMANDS = 400;
const AT_ONCE = 4;

const empty = await PlantCell.start({ nodes: ['core-1'], devices: 1 });
const emptyMb = residentMb(empty.node('core-1'));
await empty.end();

const cell = await PlantCell.start({ nodes: ['core-1'], devices: ENTITIES / 2, devicesPerConnection: PER_CONNECTION });
const meters = new Meters(cell.broker.url, cell.plant.meters.slice(0, SENDING), 1, new Random(1));
try {
  const first = cell.node('core-1');
  await until('readings are shown', () => goesOn(first, 0), 120_000);
  const fullMb = residentMb(first);
  console.log(`memory: ${fullMb} MB with ${ENTITIES} entities, ${emptyMb} MB with hardly any`);

  const second = await cell.add('core-2');
  assert.equal(await shardsOf(second), 0, 'shards have moved already');
  await first.kill();
  const fromMs = performance.now();
  const killedMs = Date.now();
  const since = () => Math.round(performance.now() - fromMs);
  let openMs: number | undefined;
  let goesOnMs: number | undefined;
  await until(
    'everything is live again, and readings go on',
    async () => {
      if (openMs === undefined && (await shardsOf(second)) === SHARD_COUNT) openMs = since();
      if (goesOnMs === undefined && (await goesOn(second, killedMs))) goesOnMs = since();
      return openMs !== undefined && goesOnMs !== undefined;
    },
    120_000,
  );
  console.log(
    `takeover after kill -9: all ${ENTITIES} live after ${openMs} ms, readings of ${SENDING} go on after ${goesOnMs} ms`,
  );

  await first.restart();
  await commands('of the same node', second);
  await commands('of another node', first);
  let moved = 0;
  const told = commands('while shards move', first, () => moved >= SHARD_COUNT / 4);
  await until(
    'a quarter of the shards has moved',
    async () => {
      moved = await shardsOf(first);
      return moved >= SHARD_COUNT / 4;
    },
    120_000,
  );
  await told;
} finally {
  await meters.close();
  await cell.end();
}

/** Sends comments on alarms, some at a time, and prints how long the answers took. */
async function commands(what: string, gateway: Product, isOver = () => false): Promise<void> {
  const tookMs: number[] = [];
  const refused = new Map<string, number>();
  let sent = 0;
  const bounded = what !== 'while shards move';
  const client = async () => {
    while (bounded ? sent < COMMANDS : !isOver()) {
      const n = sent++;
      const asset = cell.plant.assets[(n * 37) % SENDING] ?? 'a-1';
      const route = `/alarms/${encodeURIComponent(`asset/${asset}:low`)}/comment`;
      const fromMs = performance.now();
      const answer = await gateway.request('POST', route, {
        body: { text: `${what} ${n}` },
        commandId: `${what}-${n}`,
      });
      tookMs.push(performance.now() - fromMs);
      if (!answer.ok && answer.status >= 500)
        refused.set(answer.body.error.code, (refused.get(answer.body.error.code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => (tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0).toFixed(1);
  console.log(
    `commands ${what}: ${tookMs.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms; not answered: ${JSON.stringify([...refused])}`,
  );
}

/** Whether the devices that are looked at show readings that are newer. Some of them, and now and then: looking is work as well. */
async function goesOn(node: Product, afterMs: number): Promise<boolean> {
  await pause(LOOK_MS);
  for (let n = 0; n < SENDING; n += LOOKED_AT_EVERY) {
    const seen = await node.request<{ times: { level?: number } }>('GET', `/devices/${cell.plant.devices[n]}`);
    // Nobody has it, for the moment.
    if (!seen.ok || (seen.body.times.level ?? 0) <= afterMs) return false;
  }
  return true;
}

function residentMb(node: Product): number {
  const status = fs.readFileSync(`/proc/${node.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
