/**
 * Goal: a node that is alone builds thousands of actors at its start as a cell builds those of its shards: in one pass over the
 * log, in order for each, what they decide in commits that they share, and none kept from living by another one's crashes.
 * Method: records that no actor has seen are put into the log of real storage, then a node is started on it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { PositionedRecord, TelemetryLog } from '../../runtime/log.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { LEVEL, tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const { dir, remove } = tempDir('start');
let storage: TestStorage;
before(async () => {
  storage = await openStorage(dir);
});
after(async () => {
  await storage.close();
  remove();
});

/** Nobody is told of anything, so that commits are those of the log alone. */
function quiet(ids: readonly EntityId[]): Population {
  const supervision = { minBackoffMs: 5, maxBackoffMs: 20, maxRestarts: 1, withinMs: 600_000 };
  return { ...tallies(ids), kinds: [{ ...tallyKind, effects: () => [], supervision }] };
}

const reading = (source: EntityId, value: number) => ({ source, observation: { gatewayTimeMs: Date.now(), value } });

function counting(journal: Journal, log: TelemetryLog) {
  const counts = { appends: 0, read: new Map<number, number>() };
  const counted = {
    journal: {
      ...journal,
      append: (...args: Parameters<Journal['append']>) => {
        counts.appends++;
        return journal.append(...args);
      },
    },
    log: {
      append: (records: Parameters<TelemetryLog['append']>[0]) => log.append(records),
      read: async (afterPosition: number, limit: number): Promise<PositionedRecord[]> => {
        const records = await log.read(afterPosition, limit);
        for (const { position } of records) counts.read.set(position, (counts.read.get(position) ?? 0) + 1);
        return records;
      },
      end: () => log.end(),
      begin: () => log.begin(),
      trim: (options: Parameters<TelemetryLog['trim']>[0]) => log.trim(options),
      close: () => log.close(),
    } satisfies TelemetryLog,
  };
  return { ...counted, counts };
}

test('what fifty actors decide from the log at a start shares commits, in order for each, and the log is read once', async () => {
  const ids = Array.from({ length: 50 }, (_, n) => entityId('tally', `many-${n}`));
  const turns = Array.from({ length: 40 }, (_, at) => at + 1);
  const before = await storage.log.end();
  await storage.log.append(turns.flatMap(() => ids.map((id) => reading(id, LEVEL))));
  const { journal, log, counts } = counting(storage.journal, storage.log);
  const node = await startNode({ ...storage, journal, log }, quiet(ids));
  try {
    assert.ok(counts.appends <= 10, `${counts.appends} commits for 2000 turns`);
    for (const id of ids) {
      assert.equal(node.entity(id)?.status, 'live');
      const rows = await storage.journal.events(id, 0);
      assert.deepEqual(
        rows.map(({ event }) => (event as { level: number }).level),
        turns,
      );
      // Each with the record that led to it: a recovery goes by that.
      assert.deepEqual(
        rows.map(({ logPosition }) => logPosition),
        turns.map((turn) => before + (turn - 1) * ids.length + ids.indexOf(id) + 1),
      );
    }
    const twice = [...counts.read].filter(([position, times]) => position > before && times > 1);
    assert.deepEqual(twice, []);
  } finally {
    await node.halt();
  }
});

test('one that its own code keeps from living keeps no other from it, and is named', async () => {
  const ids = ['broken', 'whole'].map((name) => entityId('tally', name));
  const [broken, whole] = ids;
  assert.ok(broken && whole);
  await storage.log.append([reading(broken, LEVEL), reading(broken, -1), reading(whole, LEVEL)]);
  const population = quiet(ids);
  const observe: typeof tallyKind.observe = (state, observation, turn) => {
    if (observation.value < 0) throw new RangeError('less than nothing');
    return tallyKind.observe?.(state, observation, turn) ?? [];
  };
  const node = await startNode(storage, {
    ...population,
    kinds: population.kinds.map((kind) => ({ ...kind, observe })),
  });
  try {
    assert.equal(node.entity(whole)?.status, 'live');
    assert.equal((await storage.journal.events(whole, 0)).length, 1);
    await until('its restarts are spent', () => node.entity(broken)?.status === 'stopped', 20_000);
    const entities = node.health().parts.find(({ name }) => name === 'entities');
    assert.match(entities?.detail ?? '', /stopped until somebody restarts them: tally\/broken/);
  } finally {
    await node.halt();
  }
});

test('a start without the journal fails with what the journal said, and nobody goes on waiting for it', async () => {
  let asked = 0;
  const away = () => {
    asked++;
    return Promise.reject(new Error('disk I/O error'));
  };
  // What the node asks for itself it gets; its actors get nothing.
  const nobody = entityId('tally', 'nobody');
  const restore: Journal['restore'] = (ids) => (ids.includes(nobody) ? away() : storage.journal.restore(ids));
  const journal = { ...storage.journal, restore, saveSnapshots: away, snapshot: away, end: away };
  await assert.rejects(startNode({ ...storage, journal }, quiet([nobody])), /disk I\/O error/);
  const askedBefore = asked;
  // Longer than the first pause after which a store would be tried again.
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(asked, askedBefore);
});
