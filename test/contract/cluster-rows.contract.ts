import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { ClusterView } from '../../runtime/cluster/shard-map.ts';
import type { ClusterRows, Joining, NodeLife } from '../../runtime/cluster-rows.ts';
import { Database } from '../simulation/database.ts';
import { SHARDS, TIMES } from '../simulation/plant.ts';
import { World } from '../simulation/world.ts';

/** Of the rows: long, since real time passes too while a test runs. */
export const LEASE_MS = 10 * TIMES.leaseTtlMs;

/** Rows of a cell under a lease of `LEASE_MS`, and a way to let time pass for them. */
export interface OpenClusterRows {
  readonly rows: ClusterRows;
  /** Makes every beat older. */
  age(ms: number): Promise<void>;
  /** The same rows as another process of the cell has them, on a connection of its own. */
  another(): Promise<ClusterRows>;
}

const A: NodeLife = { node: 'a', incarnation: 'a1' };
const A2: NodeLife = { node: 'a', incarnation: 'a2' };
const B: NodeLife = { node: 'b', incarnation: 'b1' };

const joining = (life: NodeLife, more: Partial<Joining> = {}): Joining => ({
  ...life,
  leaving: false,
  successor: false,
  mayHold: true,
  ...more,
});

/** What the rows of a cell have to do, whatever database is behind them: what the simulation believes of them. */
export function clusterRowsContract(
  name: string,
  open: (t: TestContext) => Promise<OpenClusterRows>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (opened: OpenClusterRows) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));
  const shardOf = async (rows: ClusterRows, shard: number) =>
    (await rows.view()).shards.find((row) => row.shard === shard);

  contract('every shard is there from the beginning, and free', async ({ rows }) => {
    const { members, shards } = await rows.view();
    assert.deepEqual(members, []);
    assert.equal(shards.length, 64);
    for (const [shard, row] of shards.entries())
      assert.deepEqual(row, { shard, epoch: 0, state: 'free', owner: null, ownerLive: false, target: null });
  });

  contract('a shard goes from claim to open to its next owner, with the epoch rising', async ({ rows }) => {
    await rows.join(joining(A));
    await rows.join(joining(B, { leaving: true, mayHold: false }));
    assert.equal(await rows.claim(A, 3, 1), undefined, 'it is at another epoch than expected');
    assert.equal(await rows.claim(A, 3, 0), 1);
    assert.deepEqual(await shardOf(rows, 3), {
      shard: 3,
      epoch: 1,
      state: 'claiming',
      owner: A,
      ownerLive: true,
      target: null,
    });
    const owned = { ...A, shard: 3, epoch: 1 };
    assert.equal(await rows.mark(owned, 'open', null), true);
    assert.equal(await rows.claim(B, 3, 1), undefined, 'its owner lives');
    assert.equal(await rows.mark({ ...owned, epoch: 2 }, 'handing_off', 'b'), false);
    assert.equal(await rows.mark({ ...owned, incarnation: 'a0' }, 'handing_off', 'b'), false);
    assert.equal(await rows.mark(owned, 'handing_off', 'b'), true);
    assert.equal((await shardOf(rows, 3))?.target, 'b');
    assert.equal(await rows.release({ ...owned, node: 'b' }, 'b'), false);
    assert.equal(await rows.release(owned, 'b'), true);
    assert.equal(await rows.release(owned, 'b'), false, 'it is nobody’s any more');
    const released = { shard: 3, epoch: 1, state: 'released', owner: null, ownerLive: false, target: 'b' };
    assert.deepEqual(await shardOf(rows, 3), released);
    assert.equal(await rows.claim(B, 3, 1), 2);
    assert.deepEqual((await rows.view()).members, [
      { ...A, live: true, mayHold: true, leaving: false },
      { ...B, live: true, mayHold: false, leaving: true },
    ]);
  });

  contract('who takes a shard of an expired owner evicts it, and its next renewal is rejected', async (opened) => {
    const { rows } = opened;
    await rows.join(joining(A));
    await rows.claim(A, 3, 0);
    // Never near the end of a lease: real time passes meanwhile.
    await opened.age(LEASE_MS / 6);
    await rows.join(joining(B));
    assert.equal(await rows.claim(B, 3, 1), undefined, 'its lease is not over');
    assert.equal(await rows.renew(A, false), true);
    await opened.age(LEASE_MS - 1000);
    await rows.renew(B, false);
    await opened.age(1100);
    assert.equal((await shardOf(rows, 3))?.ownerLive, false);
    assert.equal(await rows.claim(B, 3, 1), 2);
    assert.equal(await rows.renew(A, false), false);
    assert.equal(await rows.join(joining(A)), false, 'the same life never comes back');
    assert.equal(await rows.mark({ ...A, shard: 3, epoch: 1 }, 'open', null), false);
    assert.equal(await rows.join(joining(A2)), true);
  });

  contract('a node whose own lease is over claims nothing, and one that nobody robbed renews', async (opened) => {
    const { rows } = opened;
    await rows.join(joining(A));
    await opened.age(LEASE_MS + 1000);
    assert.equal(await rows.claim(A, 3, 0), undefined);
    assert.equal((await rows.view()).members[0]?.live, false);
    assert.equal(await rows.renew(A, true), true);
    assert.equal((await rows.view()).members[0]?.leaving, true);
    assert.equal(await rows.claim(A, 3, 0), 1);
  });

  contract('a former life that may still be running keeps its shards until its lease is over', async (opened) => {
    const { rows } = opened;
    await rows.join(joining(A));
    await rows.claim(A, 3, 0);
    await rows.join(joining(A2));
    assert.equal(await rows.renew(A, false), false, 'it was replaced');
    assert.equal((await shardOf(rows, 3))?.ownerLive, true);
    assert.equal(await rows.claim(A2, 3, 1), undefined);
    await opened.age(LEASE_MS + 1000);
    await rows.renew(A2, false);
    assert.equal(await rows.claim(A2, 3, 1), 2);
  });

  contract('a successor that knows its former life to be gone has the shards at once', async ({ rows }) => {
    await rows.join(joining(A));
    await rows.claim(A, 3, 0);
    await rows.join(joining(A2, { successor: true }));
    assert.equal((await shardOf(rows, 3))?.ownerLive, false);
    assert.equal(await rows.claim(A2, 3, 1), 2);
  });

  contract('who said goodbye is gone at once', async ({ rows }) => {
    await rows.join(joining(A));
    await rows.join(joining(B));
    await rows.claim(A, 3, 0);
    await rows.goodbye(A);
    assert.equal(await rows.renew(A, false), false);
    assert.equal((await rows.view()).members[0]?.live, false);
    assert.equal(await rows.claim(B, 3, 1), 2);
  });

  contract('of many who claim one shard at once one has it', async (opened) => {
    const nodes = await Promise.all(Array.from({ length: 6 }, () => opened.another()));
    const lives = nodes.map((_, n) => ({ node: `n${n}`, incarnation: `n${n}.1` }));
    await Promise.all(nodes.map((rows, n) => rows.join(joining(lives[n] ?? A))));
    for (let epoch = 0; epoch < 8; epoch++) {
      const claims = await Promise.all(nodes.map((rows, n) => rows.claim(lives[n] ?? A, 5, epoch)));
      assert.deepEqual(
        claims.filter((claim) => claim !== undefined),
        [epoch + 1],
      );
      const winner = lives[claims.findIndex((claim) => claim !== undefined)] ?? A;
      assert.deepEqual((await shardOf(opened.rows, 5))?.owner, winner);
      assert.equal(await opened.rows.release({ ...winner, shard: 5, epoch: epoch + 1 }, null), true);
    }
  });

  contract('of a renewal and a claim that meet, the one that comes first counts', async (opened) => {
    const { rows } = opened;
    const other = await opened.another();
    await rows.join(joining(B));
    for (let round = 0; round < 12; round++) {
      const life = { node: 'a', incarnation: `a${round}` };
      await rows.join(joining(life, { successor: true }));
      const before = await shardOf(rows, 7);
      const epoch = await rows.claim(life, 7, before?.epoch ?? 0);
      assert.ok(epoch !== undefined);
      await opened.age(LEASE_MS + 1000);
      await rows.renew(B, false);
      const [renewed, claimed] = await Promise.all([rows.renew(life, false), other.claim(B, 7, epoch)]);
      assert.equal(renewed, claimed === undefined, 'never both, never neither');
      const now = claimed === undefined ? { ...life, shard: 7, epoch } : { ...B, shard: 7, epoch: claimed };
      assert.equal(await rows.release(now, null), true);
    }
  });

  contract('whatever is done in whatever order, the rows say what those of the simulation say', async (opened) => {
    const lives = [A, A2, B, { node: 'b', incarnation: 'b2' }, { node: 'c', incarnation: 'c1' }];
    const life = fc.constantFrom(...lives);
    const shard = fc.integer({ min: 0, max: SHARDS - 1 });
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('join' as const), life, leaving: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('renew' as const), life, leaving: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('goodbye' as const), life }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('claim' as const), life, shard, stale: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('mark' as const), shard, stale: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), shard, stale: fc.boolean() }) },
      // Never near the end of a lease: real time passes meanwhile.
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), leases: fc.constantFrom(0.55, 2.8) }) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), fc.integer(), async (steps, seed) => {
        run += 1;
        // A cell of its own for every run: the lives of earlier runs are gone, their epochs stay.
        await opened.age(100 * LEASE_MS);
        const world = new World(seed);
        const model = new Database(world, {});
        const base = (await opened.rows.view()).shards.map((row) => row.epoch);
        const named = ({ node, incarnation }: NodeLife) => ({ node: `${node}-${run}`, incarnation });
        for (const next of steps) {
          if (next.kind === 'pass') {
            world.nowMs += next.leases * TIMES.leaseTtlMs;
            await opened.age(next.leases * LEASE_MS);
          } else if (next.kind === 'join') {
            const { node, incarnation } = next.life;
            assert.equal(
              await opened.rows.join(joining(named(next.life), { leaving: next.leaving })),
              model.join(node, incarnation, next.leaving),
            );
          } else if (next.kind === 'renew') {
            const { node, incarnation } = next.life;
            assert.equal(
              await opened.rows.renew(named(next.life), next.leaving),
              model.renew(node, incarnation, next.leaving),
            );
          } else if (next.kind === 'goodbye') {
            await opened.rows.goodbye(named(next.life));
            model.goodbye(next.life.node, next.life.incarnation);
          } else {
            const row = model.shards[next.shard];
            const expected = (row?.epoch ?? 0) + (next.stale ? 1 : 0);
            const ours = (base[next.shard] ?? 0) + expected;
            if (next.kind === 'claim') {
              const epoch = model.claim(next.shard, next.life.node, next.life.incarnation, expected);
              assert.equal(
                await opened.rows.claim(named(next.life), next.shard, ours),
                epoch === undefined ? undefined : epoch + (base[next.shard] ?? 0),
              );
            } else {
              const owner = row?.owner ?? A;
              const owned = { ...owner, shard: next.shard, epoch: expected };
              const real = { ...named(owner), shard: next.shard, epoch: ours };
              if (next.kind === 'mark')
                assert.equal(await opened.rows.mark(real, 'open', null), model.mark(owned, 'open', null));
              else assert.equal(await opened.rows.release(real, 'x'), model.release(owned, 'x'));
            }
          }
          assert.deepEqual(ofRun(await opened.rows.view(), run, base), plain(model.view()));
        }
      }),
      { numRuns: 25 },
    );
  });
}

/** A view as this run would see it alone. */
function ofRun({ members, shards }: ClusterView, run: number, base: readonly number[]) {
  const suffix = `-${run}`;
  const own = (node: string) => node.slice(0, -suffix.length);
  return plain({
    members: members.filter(({ node }) => node.endsWith(suffix)).map((row) => ({ ...row, node: own(row.node) })),
    shards: shards.slice(0, SHARDS).map((row, shard) => {
      const epoch = row.epoch - (base[shard] ?? 0);
      // Untouched in this run, it is as good as free.
      if (epoch === 0) return { ...row, epoch, state: 'free', owner: null, ownerLive: false, target: null };
      return { ...row, epoch, owner: row.owner && { ...row.owner, node: own(row.owner.node) } };
    }),
  });
}

function plain({ members, shards }: ClusterView) {
  return {
    members: [...members].sort((a, b) => a.node.localeCompare(b.node)),
    shards: [...shards].sort((a, b) => a.shard - b.shard),
  };
}
