/**
 * Goal: a command id does what its sender means by it and nothing else: it cannot stand in the way of what actors tell each
 * other, of other senders, or of another command.
 * Method: a node on real storage, with tallies that tell a neighbour when they reach a level.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { effectId } from '../../runtime/effects.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import type { Reply } from '../../runtime/runtime.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { LEVEL, NEIGHBOUR, tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const A = entityId('tally', 'a');

describe('command ids', () => {
  const { dir, remove } = tempDir('command-ids');
  let storage: TestStorage;
  let node: Node;
  const start = async () => {
    storage = await openStorage(dir);
    node = await startNode(storage, tallies([A]));
  };
  const stop = async () => {
    await node.stop();
    await storage.close();
  };
  before(start);
  after(async () => {
    await stop();
    remove();
  });

  const add = (
    to: EntityId,
    amount: number,
    id: string,
    user = 'ann',
    more: { deadlineMs?: number } = {},
  ): Promise<Reply> =>
    node.ask(
      to,
      { kind: 'Add', amount },
      { commandId: CommandId.parse(id), by: { user, via: 'websocket' }, permissions: ['*'], ...more },
    );
  const total = async (id: EntityId) => {
    node.live.flush();
    return node.live.cell(id)?.view.props?.total;
  };

  it('of a caller do not take away what one actor is about to tell another', async () => {
    const next = effectId({ entity: A, seq: 1, index: 0 });
    assert.ok((await add(NEIGHBOUR, 1, next)).ok);
    await node.ingest(A, { gatewayTimeMs: Date.now(), value: LEVEL });
    await until('the neighbour has heard', () => node.live.cell(NEIGHBOUR)?.view.props?.heard === 1);
    const [heard] = await storage.journal.query({ entity: NEIGHBOUR, kinds: ['Heard'], limit: 9 });
    assert.equal(heard?.commandId, next);
  });

  it('tell of a copy that comes after its time what became of the one that was in time, and without one it is refused', async () => {
    const [inTime, late] = [{ deadlineMs: Date.now() + 60_000 }, { deadlineMs: Date.now() - 1 }];
    assert.ok((await add(A, 1, 'in-time', 'ann', inTime)).ok);
    const before = await total(A);
    const again = await add(A, 1, 'in-time', 'ann', late);
    assert.ok(again.ok && again.repeated, JSON.stringify(again));
    const alone = await add(A, 1, 'late', 'ann', late);
    assert.equal(!alone.ok && alone.code, 'EXPIRED');
    assert.equal(await total(A), before);
  });

  it('with another command are refused, and nothing is done', async () => {
    const before = (await total(A)) ?? 0;
    assert.ok((await add(A, 5, 'k')).ok);
    const again = await add(A, 5, 'k');
    assert.ok(again.ok && again.repeated);
    const reused = await add(A, 6, 'k');
    assert.equal(!reused.ok && reused.code, 'COMMAND_ID_REUSED');
    // The state would refuse this one by itself; the id is the better reason.
    const refused = await add(A, -1000, 'k');
    assert.equal(!refused.ok && refused.code, 'COMMAND_ID_REUSED');
    assert.equal(await total(A), Number(before) + 5);
    await stop();
    await start();
    const later = await add(A, 6, 'k');
    assert.equal(!later.ok && later.code, 'COMMAND_ID_REUSED', 'a restart has not forgotten it');
  });

  it('of one sender are free for every other', async () => {
    const before = Number(await total(A));
    const [first, second] = [await add(A, 1, 'mine', 'ann'), await add(A, 2, 'mine', 'bob')];
    assert.ok(first.ok && second.ok && !second.repeated);
    assert.equal(await total(A), before + 3);
  });

  it('of a command that was refused are free for another', async () => {
    const refused = await add(A, -100_000, 'again');
    assert.equal(!refused.ok && refused.code, 'BELOW_ZERO');
    assert.ok((await add(A, 1, 'again')).ok);
  });
});
