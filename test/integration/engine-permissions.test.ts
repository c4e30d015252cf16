/**
 * Goal: a kind can ask for a permission that its definition names, and what it decided is the same again after a restart.
 * Method: a door whose definition says who may open it; it notes what each of its functions was given.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { type ActorKind, accept, type Effect, reject } from '../../runtime/actor-kind.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import { permits } from '../../runtime/permissions.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { tempDir } from '../support/temp-dir.ts';

const HALL = entityId('door', 'hall');
const VAULT = entityId('door', 'vault');
const NEEDED = new Map([
  [HALL, 'hall:open'],
  [VAULT, 'vault:open'],
]);

type Opened = { readonly kind: 'Opened'; readonly next: boolean };
const given = { decide: new Map<string, readonly string[]>(), evolve: [] as (readonly string[])[] };

/** Opening the hall opens the vault, which is the door's own doing and needs nobody's permission. */
const doorKind: ActorKind<{ readonly opened: number }, { kind: 'Open'; next: boolean }, Opened, never, never, string> =
  {
    name: 'door',
    command: z.strictObject({ kind: z.literal('Open'), next: z.boolean() }),
    permission: () => 'door:use',
    initial: () => ({ opened: 0 }),
    decide(_, { next }, { id, definition, permissions }) {
      given.decide.set(id, permissions);
      if (!permits(permissions, definition)) return reject('FORBIDDEN', `this needs the permission ${definition}`);
      return accept([{ kind: 'Opened', next }]);
    },
    evolve({ opened }, _, { permissions }) {
      given.evolve.push(permissions);
      return { opened: opened + 1 };
    },
    effects: ({ next }): readonly Effect[] =>
      next ? [{ kind: 'tell', to: VAULT, command: { kind: 'Open', next: false } }] : [],
    view: ({ opened }) => ({ props: { opened } }),
  };

const DOORS: Population = {
  kinds: [doorKind],
  residents: [HALL, VAULT],
  definitionOf: (id) => NEEDED.get(id),
  followersOf: () => [],
  watchersOf: () => [],
};

test("a kind's decision knows what the sender may do; events and recovery do not, and need not", async () => {
  const { dir, remove } = tempDir('permissions');
  const storage = await openStorage(dir);
  let node = await startNode(storage, DOORS, { checkpointIntervalMs: 60_000 });
  const by = { user: 'ann', via: 'http' } as const;
  let commands = 0;
  const open = (permissions: readonly string[], next = false) =>
    node.ask(HALL, { kind: 'Open', next }, { commandId: CommandId.parse(`c${++commands}`), by, permissions });
  const openedTimes = () => {
    node.live.flush();
    return [HALL, VAULT].map((id) => node.live.cell(id)?.view.props?.opened);
  };
  try {
    const refused = await open(['door:use']);
    assert.deepEqual([refused.ok, !refused.ok && refused.code], [false, 'FORBIDDEN']);
    assert.ok((await open(['door:use', 'hall:open'])).ok);
    assert.deepEqual(given.decide.get(HALL), ['door:use', 'hall:open']);
    assert.ok((await open(['door:use', 'hall:open'], true)).ok);
    await until('the vault is told', () => given.decide.has(VAULT) && node.quiet, 20_000);
    assert.deepEqual(given.decide.get(VAULT), ['*', 'internal:*'], 'as one entity to another');
    assert.deepEqual(openedTimes(), [2, 1]);

    await node.halt();
    given.decide.clear();
    node = await startNode(storage, DOORS);
    assert.deepEqual(openedTimes(), [2, 1]);
    assert.equal(given.decide.size, 0, 'nothing is decided again');
    assert.equal(given.evolve.length, 6);
    assert.ok(given.evolve.every((permissions) => permissions.length === 0));
  } finally {
    await node.stop();
    await storage.close();
    remove();
  }
});
