/**
 * Goal: what has ended long ago, and what never was, takes no room in memory and no time at a start; nothing of it is lost.
 * Method: a kind whose entities retire once they are told that they have ended, on real storage, with restarts.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { z } from 'zod';
import { type ActorKind, accept } from '../../runtime/actor-kind.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import { isGone } from '../../runtime/live-bus.ts';
import type { Node } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tempDir } from '../support/temp-dir.ts';

type Event = { readonly kind: 'Noted'; readonly text: string } | { readonly kind: 'Ended'; readonly atMs: number };
interface Task {
  readonly notes: readonly string[];
  readonly endedAtMs: number | null;
}

const RETIRES_AFTER_MS = 400;

const taskKind: ActorKind<Task, Event, Event, never, never, null> = {
  name: 'task',
  command: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('Noted'), text: z.string().min(1) }),
    z.strictObject({ kind: z.literal('Ended'), atMs: z.number() }),
  ]),
  permission: () => 'task:write',
  initial: () => ({ notes: [], endedAtMs: null }),
  decide: (_, command) => accept(command.kind === 'Noted' && command.text === 'nothing' ? [] : [command]),
  evolve: (task, event) =>
    event.kind === 'Noted' ? { ...task, notes: [...task.notes, event.text] } : { ...task, endedAtMs: event.atMs },
  view: ({ notes, endedAtMs }) => (notes.length === 0 ? {} : { props: { notes, ended: endedAtMs !== null } }),
  passivateAfterMs: 50,
  retiresAtMs: ({ endedAtMs }) => (endedAtMs === null ? undefined : endedAtMs + RETIRES_AFTER_MS),
};

const TASKS: Population = {
  kinds: [taskKind],
  residents: [],
  definitionOf: () => null,
  followersOf: () => [],
  watchersOf: () => [],
};

let temp: ReturnType<typeof tempDir>;
let storage: TestStorage;
let node: Node;
beforeEach(async () => {
  temp = tempDir('retirement');
  storage = await openStorage(temp.dir);
  node = await startNode(storage, TASKS, { checkpointIntervalMs: 50 });
});
afterEach(async () => {
  await node.stop();
  await storage.close();
  temp.remove();
});

let commands = 0;
async function tell(to: EntityId, command: Event): Promise<void> {
  const commandId = CommandId.parse(`c${++commands}`);
  const by = { user: 'ann', via: 'http' } as const;
  const reply = await node.ask(to, command, { commandId, by, permissions: ['task:write'] });
  assert.ok(reply.ok, JSON.stringify(reply));
}

function isListed(id: EntityId): boolean {
  return node.live.cells('task').some((cell) => cell.id === id && !isGone(cell));
}

async function restart(): Promise<void> {
  await node.halt();
  node = await startNode(storage, TASKS, { checkpointIntervalMs: 50 });
}

const ENDED = entityId('task', 'ended');
const OPEN = entityId('task', 'open');

test('what has ended long ago leaves the lists, is not brought up again, and is found by its id', async () => {
  const gone: string[] = [];
  node.live.onFlush((changed) => gone.push(...changed.filter(isGone).map(({ id }) => id)));
  for (const id of [ENDED, OPEN]) await tell(id, { kind: 'Noted', text: `of ${id}` });
  await tell(ENDED, { kind: 'Ended', atMs: Date.now() });
  assert.ok(isListed(ENDED));
  await until('it leaves the lists', () => !isListed(ENDED), 20_000);
  assert.deepEqual(gone, [ENDED], 'whoever shows it is told');
  assert.deepEqual(await node.remembered(ENDED), { props: { notes: ['of task/ended'], ended: true } });
  assert.ok(isListed(OPEN), 'what is asleep alone stays in the lists');

  await until('the journal knows', async () => !(await storage.journal.entities()).includes(ENDED), 20_000);
  await restart();
  assert.deepEqual([node.size, isListed(OPEN), isListed(ENDED)], [1, true, false]);
  assert.deepEqual(await node.remembered(ENDED), { props: { notes: ['of task/ended'], ended: true } });
  assert.equal(await node.remembered(entityId('task', 'never-was')), undefined);
  assert.equal(node.size, 1, 'a question brings nothing up');
});

test('a command finds what is retired; it is listed for a while, also after a restart', async () => {
  await tell(ENDED, { kind: 'Noted', text: 'first' });
  await tell(ENDED, { kind: 'Ended', atMs: 0 });
  await until('it is retired', async () => (await storage.journal.entities()).length === 0, 20_000);
  await restart();
  assert.equal(node.size, 0);
  await tell(ENDED, { kind: 'Noted', text: 'second' });
  assert.deepEqual(await storage.journal.entities(), [ENDED]);
  await restart();
  node.live.flush();
  assert.deepEqual(node.live.cell(ENDED)?.view.props?.notes, ['first', 'second']);
  await until('it is retired again', async () => (await storage.journal.entities()).length === 0, 20_000);
  assert.equal(isListed(ENDED), false);
});

test('commands to entities that never were leave nothing behind', async () => {
  for (let n = 0; n < 300; n++) await tell(entityId('task', `made-up-${n}`), { kind: 'Noted', text: 'nothing' });
  assert.deepEqual(node.live.cells('task'), []);
  await until('they are let go of', () => node.size === 0, 20_000);
  assert.deepEqual(await storage.journal.entities(), []);
});
