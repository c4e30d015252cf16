/**
 * Goal: whoever asks for what never was leaves nothing behind, neither in memory nor on the wall.
 * Method: a node on real storage with a kind whose entities no definition names, as work orders are.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { reject } from '../../runtime/actor-kind.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import type { Population } from '../../runtime/population.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const FOUNDED: Population = {
  kinds: [
    {
      ...tallyKind,
      decide: (state, command, turn) =>
        state.total === 0 && command.kind === 'Add' && command.amount <= 0
          ? reject('NOT_FOUND', `there is no ${turn.id}`)
          : tallyKind.decide(state, command, turn),
      view: (state, self) => (state.total === 0 ? {} : tallyKind.view(state, self)),
      passivateAfterMs: 50,
    },
  ],
  residents: [],
  definitionOf: () => null,
  followersOf: () => [],
  watchersOf: () => [],
};

describe('an entity that no definition names', () => {
  const { dir, remove } = tempDir('ghosts');
  let storage: TestStorage;
  let node: Node;
  let commands = 0;
  before(async () => {
    storage = await openStorage(dir);
    node = await startNode(storage, FOUNDED);
  });
  after(async () => {
    await node.stop();
    await storage.close();
    remove();
  });

  const add = (name: string, amount: number) =>
    node.ask(
      entityId('tally', name),
      { kind: 'Add', amount },
      { commandId: CommandId.parse(`c-${++commands}`), by: { user: 'ann', via: 'http' }, permissions: ['*'] },
    );

  it('does not come into being because somebody asked for it', async () => {
    for (let n = 0; n < 300; n++) {
      const reply = await add(`ghost-${n}`, 0);
      assert.deepEqual(reply, { ok: false, code: 'NOT_FOUND', message: `there is no tally/ghost-${n}` });
    }
    node.live.flush();
    assert.deepEqual(node.live.cells('tally'), []);
    assert.equal(node.live.cell(entityId('tally', 'ghost-1')), undefined);
    await until('nothing of them is left in memory', () => node.size === 0);
    assert.deepEqual(await storage.journal.entities(), []);
  });

  it('comes into being by what it accepts, and is there from then on, also after it slept and after a restart', async () => {
    const id = entityId('tally', 'real');
    assert.ok((await add('real', 5)).ok);
    assert.ok((await add('real', -1)).ok);
    assert.deepEqual(
      node.live.cells('tally').map((cell) => cell.id),
      [id],
    );
    await until('it sleeps', () => node.entity(id) === undefined && node.size === 0);
    assert.ok((await add('real', -1)).ok);
    await node.halt();
    node = await startNode(storage, FOUNDED);
    assert.ok((await add('real', -1)).ok);
  });
});
