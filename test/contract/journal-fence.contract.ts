import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ClusterRows, NodeLife } from '../../runtime/cluster-rows.ts';
import { entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import { turn } from './storage-support.ts';

/** A journal and the rows of its cell, in one database. */
export interface FencedJournal {
  readonly journal: Journal;
  readonly cluster: ClusterRows;
}

const pump = entityId('asset', 'pump-1');
const A: NodeLife = { node: 'a', incarnation: 'a1' };
const A2: NodeLife = { node: 'a', incarnation: 'a2' };
const B: NodeLife = { node: 'b', incarnation: 'b1' };
const SHARD = 9;

/** Who may append: the life that owns the shard, under the epoch of its claim, from the claim to the release. */
export function journalFenceContract(
  name: string,
  open: (t: TestContext) => Promise<FencedJournal>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (
    what: string,
    run: (
      append: (seq: number, epoch: number, writer?: NodeLife) => Promise<string>,
      rows: ClusterRows,
    ) => Promise<void>,
  ) =>
    test(`${name}: ${what}`, options, async (t) => {
      const { journal, cluster } = await open(t);
      for (const life of [A, B]) await cluster.join({ ...life, leaving: false, successor: false, mayHold: true });
      const append = async (seq: number, epoch: number, writer?: NodeLife) => {
        const [answer] = await journal.append([turn(pump, seq, { shard: SHARD, epoch })], writer);
        return answer?.kind ?? 'nothing';
      };
      await run(append, cluster);
    });

  contract('a shard that nobody has claimed takes nothing', async (append) => {
    assert.equal(await append(1, 0, A), 'fenced');
    assert.equal(await append(1, 0), 'fenced');
  });

  contract('the owner appends, and no other node, life or epoch', async (append, rows) => {
    assert.equal(await rows.claim(A, SHARD, 0), 1);
    assert.equal(await append(1, 1, A), 'committed');
    assert.equal(await append(2, 1), 'committed', 'who writes is not said: the epoch tells');
    assert.equal(await append(3, 1, A2), 'fenced');
    assert.equal(await append(3, 1, B), 'fenced');
    assert.equal(await append(3, 0, A), 'fenced');
    assert.equal(await append(3, 2, A), 'fenced');
    await rows.mark({ ...A, shard: SHARD, epoch: 1 }, 'handing_off', 'b');
    assert.equal(await append(3, 1, A), 'committed', 'what it accepted is worked off');
  });

  contract('a shard that was released takes nothing, though no other owner has come', async (append, rows) => {
    await rows.claim(A, SHARD, 0);
    assert.equal(await append(1, 1, A), 'committed');
    await rows.release({ ...A, shard: SHARD, epoch: 1 }, 'b');
    assert.equal(await append(2, 1, A), 'fenced');
    assert.equal(await append(2, 1), 'fenced');
    assert.equal(await rows.claim(B, SHARD, 1), 2);
    assert.equal(await append(2, 1, A), 'fenced');
    assert.equal(await append(2, 2, B), 'committed');
  });

  test(`${name}: a snapshot is saved under the claim of its owner, and not after it`, options, async (t) => {
    const { journal, cluster } = await open(t);
    for (const life of [A, B]) await cluster.join({ ...life, leaving: false, successor: false, mayHold: true });
    const save = async (seq: number, epoch: number) => {
      const fan = entityId('asset', 'fan-1');
      const row = { logPosition: seq, timeMs: 1, state: new Uint8Array([seq]) };
      await journal.saveSnapshots([
        { ...row, entity: pump, seq, under: { shard: SHARD, epoch } },
        { ...row, entity: fan, seq },
      ]);
      assert.equal((await journal.snapshot(fan))?.seq, seq, 'one without a claim is of no shard');
      return (await journal.snapshot(pump))?.seq;
    };
    assert.equal(await save(1, 1), undefined, 'nobody has claimed it');
    await cluster.claim(A, SHARD, 0);
    assert.equal(await save(2, 1), 2);
    assert.equal(await save(3, 0), 2);
    await cluster.release({ ...A, shard: SHARD, epoch: 1 }, 'b');
    assert.equal(await cluster.claim(B, SHARD, 1), 2);
    assert.equal(await save(4, 1), 2, 'of the owner before, though it is newer');
    assert.equal(await save(5, 2), 5);
  });

  test(
    `${name}: of a batch the turns for shards that are held are written, and the others are not`,
    options,
    async (t) => {
      const { journal, cluster } = await open(t);
      for (const life of [A, B]) await cluster.join({ ...life, leaving: false, successor: false, mayHold: true });
      await cluster.claim(A, SHARD, 0);
      await cluster.claim(B, SHARD + 1, 0);
      const fan = entityId('asset', 'fan-1');
      const batch = [
        turn(fan, 1, { shard: SHARD + 1, epoch: 1, commandId: 'c-1', effects: ['never'] }),
        turn(pump, 1, { shard: SHARD, epoch: 1, effects: ['once'] }),
      ];
      const answers = await journal.append(batch, A);
      assert.deepEqual(
        answers.map(({ kind }) => kind),
        ['fenced', 'committed'],
      );
      assert.deepEqual(
        (await journal.pendingEffects()).map(({ effect }) => effect),
        ['once'],
      );
      assert.equal((await journal.append(batch.slice(0, 1), B))[0]?.kind, 'committed');
    },
  );
}
