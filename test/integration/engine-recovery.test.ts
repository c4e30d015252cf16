/**
 * Goal: whatever order of commands, readings, crashes and restarts a run has, its actors end in the state that a pure fold of
 * journal and log gives, and every acknowledged command stands in the journal exactly once.
 * Method: random schedules against a node on real storage; a crash drops everything in memory; unanswered commands are sent
 * again with their id; at the end each actor is compared with the fold, which shares no code with the engine.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { callersCommandId } from '../../runtime/command-identity.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { replayPurely } from '../support/pure-replay.ts';
import { NEIGHBOUR, type TallyState, tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const NAMES = ['a', 'b', 'c'];
const OPTIONS = { by: { user: 'test', via: 'http' } as const, permissions: ['tally:add'], timeoutMs: 500 };

const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('add' as const), name, fc.integer({ min: -3, max: 9 })) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('read' as const), name, fc.integer({ min: 0, max: 7 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('break' as const), name) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('crash' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('restart' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('breathe' as const)) },
);

/** One schedule on entities of its own, with what the senders were told. */
class Run {
  readonly acknowledged = new Set<string>();
  readonly entities: readonly EntityId[];
  readonly #storage: TestStorage;
  readonly #id: number;
  readonly #pending: Promise<void>[] = [];
  #node: Node | undefined;
  #commands = 0;

  constructor(storage: TestStorage, id: number) {
    this.#storage = storage;
    this.#id = id;
    this.entities = NAMES.map((short) => this.#entity(short));
  }

  get node(): Node {
    assert.ok(this.#node);
    return this.#node;
  }

  async start(): Promise<void> {
    this.#node = await startNode(this.#storage, tallies(this.entities));
  }

  async take([kind, short = 'a', value = 0]: readonly [string, string?, number?]): Promise<void> {
    if (kind === 'add') this.#pending.push(this.#persist(this.#entity(short), value, this.#commandId()));
    if (kind === 'read') {
      this.#pending.push(
        this.node.ingest(this.#entity(short), { gatewayTimeMs: Date.now(), value }).catch(() => undefined),
      );
    }
    if (kind === 'break')
      void this.node.ask(
        this.#entity(short),
        { kind: 'Break' },
        { ...OPTIONS, commandId: CommandId.parse(this.#commandId()) },
      );
    if (kind === 'breathe') await new Promise((resolve) => setTimeout(resolve, 2));
    if (kind === 'crash' || kind === 'restart') {
      await (kind === 'crash' ? this.node.halt() : this.node.stop());
      await this.start();
    }
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
    await until('all actors are live', () => this.entities.every((id) => this.node.entity(id)?.status === 'live'));
    await until('all effects are carried out', async () => (await this.#storage.journal.pendingEffects()).length === 0);
    await until('all reminders are given', () =>
      this.entities.every((id) => this.node.entity(id)?.nextDueMs() === undefined),
    );
    await until('all readings are applied', () => this.node.quiet);
  }

  #entity(short: string): EntityId {
    return entityId('tally', `${short}-${this.#id}`);
  }

  #commandId(): string {
    return `run-${this.#id}-${++this.#commands}`;
  }

  /** As a client does that wants its command done: again with the same id until it is told. */
  async #persist(to: EntityId, amount: number, commandId: string): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      const reply = await this.node.ask(
        to,
        { kind: 'Add', amount },
        { ...OPTIONS, commandId: CommandId.parse(commandId) },
      );
      if (reply.ok) this.acknowledged.add(commandId);
      if (reply.ok || reply.code === 'BELOW_ZERO') return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.fail(`${commandId} was never answered`);
  }
}

const { dir, remove } = tempDir('recovery');
let storage: TestStorage;
before(async () => {
  storage = await openStorage(dir);
});
after(async () => {
  await storage.close();
  remove();
});

test('any schedule of commands, readings, crashes and restarts ends where a pure replay of journal and log ends', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const run = new Run(storage, ++runs);
      await run.start();
      try {
        for (const action of steps) await run.take(action);
        await run.settle();
        run.node.live.flush();
        for (const id of [...run.entities, NEIGHBOUR]) {
          const state = await replayPurely<TallyState>({
            kind: tallyKind,
            id,
            definition: null,
            journal: storage.journal,
            log: storage.log,
            follows: () => false,
          });
          assert.deepEqual(run.node.live.cell(id)?.view, tallyKind.view(state, { id, definition: null }));
        }
        const written = (await storage.journal.query({ kinds: ['Added'], limit: 100_000 })).filter((row) =>
          run.entities.includes(row.entity),
        );
        assert.deepEqual(
          written.map((row) => row.commandId).toSorted(),
          [...run.acknowledged].map((id) => callersCommandId('test', id)).toSorted(),
          'acknowledged means present exactly once',
        );
      } finally {
        await run.node.halt();
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: false },
  );
});
