/**
 * Goal: the checker has teeth. It finds the damage that an owner does which slept with commits on their way, once the fence of
 * the journal is taken out; with the fence in its place the same run leaves nothing to be found.
 * Method: commands to what one node owns, whose appends are held up between it and the database; it is suspended for three
 * leases, its shards are taken over, the appends arrive, and it wakes. Every check of the history then runs by itself.
 *
 * `node --import ./test/support/register.mjs test/chaos/sleeping-owner.ts` after `npm run build`: both runs; ends with 0 where
 * damage was found without the fence, and none with it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { TIMING } from '../../runtime/cluster/timing.ts';
import { messageOf } from '../../runtime/errors.ts';
import { entityId } from '../../runtime/ids.ts';
import { shardOf } from '../../runtime/ownership.ts';
import { PlantCell } from '../cluster/plant-cell.ts';
import { checkOrder, checkRows, isAtRest, readKept } from '../cluster/plant-history.ts';
import { until } from '../support/condition.ts';
import { checkFence, switchFenceOff, watchFence } from './cell-fence.ts';
import { FaultyWay } from './cell-way.ts';
import { checkCommands, checkStates, readApi, type Shown } from './kill-checks.ts';
import type { Command } from './operators.ts';

const ASSETS = 8;
const LEASES_ASLEEP = 3;
const WITHIN_MS = 120_000;

/** What was found, check by check; empty where nothing was. */
export async function sleepingOwner({ fence }: { readonly fence: boolean }): Promise<string[]> {
  const ways = new Map<string, FaultyWay>();
  const cell = await PlantCell.start({
    nodes: ['core-1', 'core-2'],
    devices: ASSETS,
    environmentOf: async (name, database) => {
      const way = await FaultyWay.start(Number(database.port));
      ways.set(name, way);
      const through = new URL(database);
      through.port = String(way.port);
      return { SIGNALBOX_DATABASE_URL: through.toString() };
    },
  });
  try {
    await watchFence(cell);
    if (!fence) await switchFenceOff(cell);
    await cell.balanced();
    const sleeper = cell.node('core-1');
    const way = ways.get('core-1');
    const owned = await assetsOf(cell, 'core-1');
    // Its authority is that of a moment ago, so it still decides; the decisions do not get through.
    way?.become('late requests');
    const sent = owned.map((asset) => shelve(cell, asset));
    await pause(TIMING.leaseTtlMs / 6);
    process.kill(sleeper.pid, 'SIGSTOP');
    await pause(LEASES_ASLEEP * TIMING.leaseTtlMs);
    await until(
      'the other node owns everything',
      async () => (await ownersOf(cell)).every((n) => n === 'core-2'),
      WITHIN_MS,
    );
    // Nobody hears of them: whoever sent them was told nothing, and the new owner has read the journal by now.
    way?.become('open');
    await pause(TIMING.leaseTtlMs / 3);
    process.kill(sleeper.pid, 'SIGCONT');
    const commands = await Promise.all(sent);
    await cell.balanced(0, WITHIN_MS);
    await until('it is at rest', () => isAtRest(cell, new Map()), WITHIN_MS);
    const shown: Shown[] = [];
    for (const node of cell.running) shown.push(await readApi(node));
    const { entries, log } = await readKept(cell);
    const checks: Record<string, () => unknown> = {
      'one history an entity': () => checkRows(entries),
      'nothing below a fence': () => checkFence(cell, entries),
      'acknowledged means there, refused means not': () => checkCommands(commands, entries),
      'in the order of the answers': () => checkOrder(commands, entries),
      'what is shown is what is in the journal': () =>
        Promise.all(shown.map((one) => checkStates(one, cell.plant, log, entries))),
    };
    const found: string[] = [];
    for (const [name, check] of Object.entries(checks)) {
      const damage = await Promise.resolve()
        .then(check)
        .then(() => undefined, messageOf);
      if (damage !== undefined) found.push(`${name}: ${damage.split('\n')[0]}`);
    }
    return found;
  } finally {
    await cell.end();
    for (const way of ways.values()) await way.close();
  }
}

async function ownersOf({ postgres, database }: PlantCell): Promise<unknown[]> {
  const rows = await postgres.query('select owner from shard order by n', [], database);
  return rows.map(({ owner }) => owner);
}

async function assetsOf(cell: PlantCell, node: string): Promise<string[]> {
  const owners = await ownersOf(cell);
  return cell.plant.assets.filter((asset) => owners[shardOf(entityId('asset', asset))] === node);
}

/** Sent once, to the owner; what became of it only the journal knows where nobody answers. */
async function shelve(cell: PlantCell, asset: string): Promise<Command> {
  const entity = entityId('asset', asset);
  const id = `shelve-${asset}`;
  const route = `/alarms/${encodeURIComponent(`${entity}:high`)}/shelve`;
  const body = { durationMs: 86_000_000, reason: `note 1-${asset.slice(2)}` };
  const sentMs = performance.now();
  for (let attempts = 1; ; attempts++) {
    // The same command, until somebody says what became of it.
    const node = attempts === 1 ? cell.node('core-1') : cell.node('core-2');
    const answer = await node
      .request<{ repeated: boolean }>('POST', route, { body, commandId: id, timeoutMs: WITHIN_MS })
      .catch(() => undefined);
    if (answer === undefined || answer.status >= 500) {
      await pause(100);
      continue;
    }
    const text = body.reason;
    return {
      ...{ id, entity, kind: 'ShelveAlarm', text, attempts, sentMs, answeredMs: performance.now() },
      ...{ ok: answer.ok, code: answer.ok ? null : answer.body.error.code },
      repeated: answer.ok && answer.body.repeated,
    };
  }
}

if (import.meta.filename === process.argv[1]) {
  const sound = await sleepingOwner({ fence: true });
  console.log(`with the fence: ${sound.length === 0 ? 'nothing was found' : sound.join('\n  ')}`);
  const damaged = await sleepingOwner({ fence: false });
  console.log(`without it: ${damaged.length === 0 ? 'NOTHING was found, so the checker proves nothing' : ''}`);
  for (const one of damaged) console.log(`  ${one}`);
  process.exitCode = sound.length === 0 && damaged.length > 0 ? 0 : 1;
}
