/**
 * Goal: who watches others knows them after a start, also those of which nothing changes any more.
 * Method: a node on real storage whose journal takes its time at the end of the recovery, longer than a flush.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { type ActorKind, reject, type View } from '../../runtime/actor-kind.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const SEER = entityId('seer', 'main');
const A = entityId('tally', 'a');
const SLOW_MS = 100;

/** Shows the totals of all that it watches. */
const seerKind: ActorKind<{ readonly seen: Map<EntityId, View> }, never, never, never, never, null> = {
  name: 'seer',
  command: z.never(),
  permission: () => 'internal',
  initial: () => ({ seen: new Map() }),
  decide: () => reject('NOTHING', 'it decides nothing'),
  evolve: (state) => state,
  watch(state, changed) {
    for (const [id, view] of changed) state.seen.set(id, view);
  },
  effects: () => [],
  describe: () => null,
  view: ({ seen }) => ({ totals: Object.fromEntries([...seen].map(([id, view]) => [id, view.props?.total ?? null])) }),
};

function population() {
  const base = tallies([A]);
  return {
    ...base,
    kinds: [...base.kinds, seerKind],
    residents: [...base.residents, SEER],
    definitionOf: (id: EntityId) => (id === SEER ? null : base.definitionOf(id)),
    watchersOf: (id: EntityId) => (id === SEER ? [] : [SEER]),
  };
}

test('a site knows after a start what rests: a work order that nobody has touched since', async (t) => {
  const { dir, remove } = tempDir('watchers');
  const storage = await openStorage(dir);
  t.after(async () => {
    await storage.close();
    remove();
  });
  const first = await startNode(storage, population());
  const by = { user: 'test', via: 'http' } as const;
  const options = { commandId: CommandId.parse('add'), by, permissions: ['tally:add'] };
  assert.ok((await first.ask(A, { kind: 'Add', amount: 7 }, options)).ok);
  const reminded = async () => (await storage.journal.events(A, 0)).some(({ kind }) => kind === 'Reminded');
  await until('nothing more is due', reminded);
  await first.stop();

  const journal = {
    ...storage.journal,
    pendingEffects: async () => {
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      return storage.journal.pendingEffects();
    },
  };
  const second = await startNode({ ...storage, journal }, population());
  t.after(() => second.halt());
  await until('it is seen', () => second.live.cell(SEER)?.view.totals?.[A] === 7);
});
