/**
 * Goal: whatever order of commands, readings, crashes and restarts a run has, its actors end in the state that a pure fold of
 * journal and log gives, and every acknowledged command stands in the journal exactly once.
 * Method: random schedules against a node on real storage; a crash drops everything in memory; unanswered commands are sent
 * again with their id; at the end each actor is compared with the fold, which shares no code with the engine.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Reply } from '../../runtime/runtime.ts';
import { until } from '../support/condition.ts';
import { startEngine } from '../support/engine.ts';
import { replayPurely } from '../support/pure-replay.ts';
import { NEIGHBOUR, type TallyState, tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const NAMES = ['a', 'b', 'c'];
const OPTIONS = { by: { user: 'test', via: 'http' } as const, permissions: ['tally:add'] };

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      name: fc.constantFrom(...NAMES),
      amount: fc.integer({ min: -3, max: 9 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      name: fc.constantFrom(...NAMES),
      value: fc.integer({ min: 0, max: 7 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), name: fc.constantFrom(...NAMES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('breathe' as const) }) },
);

test('any schedule of commands, readings, crashes and restarts ends where a pure replay of journal and log ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const { dir, remove } = tempDir('recovery');
      const population = tallies(NAMES);
      let engine = await startEngine(dir, population);
      const expected = new Map<string, number>();
      const pending: Promise<void>[] = [];
      let commands = 0;
      try {
        const persist = async (name: string, amount: number, id: string): Promise<void> => {
          for (;;) {
            const reply: Reply = await engine.node.ask(
              entityId('tally', name),
              { kind: 'Add', amount },
              { ...OPTIONS, commandId: CommandId.parse(id), timeoutMs: 500 },
            );
            if (reply.ok) expected.set(id, amount);
            if (reply.ok || reply.code === 'BELOW_ZERO') return;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        };
        for (const action of steps) {
          if (action.kind === 'add') pending.push(persist(action.name, action.amount, `add-${++commands}`));
          if (action.kind === 'read') {
            engine.node
              .ingest(entityId('tally', action.name), { gatewayTimeMs: Date.now(), value: action.value })
              .catch(() => undefined);
          }
          if (action.kind === 'break')
            void engine.node.ask(
              entityId('tally', action.name),
              { kind: 'Break' },
              { ...OPTIONS, commandId: CommandId.parse(`break-${++commands}`) },
            );
          if (action.kind === 'breathe') await new Promise((resolve) => setTimeout(resolve, 2));
          if (action.kind === 'crash' || action.kind === 'restart') {
            await (action.kind === 'crash' ? engine.crash() : engine.stop());
            engine = await startEngine(dir, population);
          }
        }
        await Promise.all(pending);
        await until(
          'all effects are carried out',
          async () => (await engine.storage.journal.pendingEffects()).length === 0,
        );
        await until('all reminders are given', () =>
          NAMES.every((name) => engine.node.entity(entityId('tally', name))?.nextDueMs() === undefined),
        );
        const live = new Map(
          [...NAMES.map((name) => entityId('tally', name)), NEIGHBOUR].map((id) => [id, id] as const),
        );
        await until('all actors are live', () =>
          [...live.keys()].every((id) => engine.node.entity(id)?.status === 'live'),
        );
        for (const id of live.keys()) {
          const state = await replayPurely<TallyState>({
            kind: tallyKind,
            id,
            definition: null,
            ...engine.storage,
            follows: () => false,
          });
          engine.node.live.flush();
          assert.deepEqual(engine.node.live.cell(id)?.view, tallyKind.view(state, { id, definition: null }));
        }
        const rows = await engine.storage.journal.query({ kinds: ['Added'], limit: 10_000 });
        assert.deepEqual(
          rows.map((row) => row.commandId).toSorted(),
          [...expected.keys()].toSorted(),
          'acknowledged means present exactly once',
        );
      } finally {
        await engine.stop();
        remove();
      }
    }),
    { numRuns: 25, verbose: 1 },
  );
});
