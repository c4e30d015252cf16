import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ClusterView,
  type ShardMapEffect,
  type ShardRow,
  shardMapAt,
  stepShardMap,
  targetsOf,
} from '../../../../runtime/cluster/shard-map.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';
import { SHARD_COUNT } from '../../../../runtime/ownership.ts';

const at = (monoMs: number) => ({ monoMs, wallMs: monoMs });

function member(node: string, changes: Partial<ClusterView['members'][number]> = {}) {
  return { node, incarnation: `${node}.1`, live: true, mayHold: true, leaving: false, ...changes };
}

/** Every shard open at the node where it would belong among these. */
function cell(nodes: readonly string[], changes: (row: ShardRow) => Partial<ShardRow> = () => ({})): ClusterView {
  const members = nodes.map((node) => member(node));
  const free: ShardRow[] = Array.from({ length: SHARD_COUNT }, (_, shard) => ({
    shard,
    epoch: 1,
    state: 'open',
    owner: null,
    ownerLive: true,
    target: null,
  }));
  const targets = targetsOf({ members, shards: free });
  const shards = free.map((row) => {
    const node = targets.get(row.shard) ?? '';
    const owned: ShardRow = { ...row, owner: { node, incarnation: `${node}.1` } };
    return { ...owned, ...changes(owned) };
  });
  return { members, shards };
}

/** What every node of the cell would do, having seen nothing but this for so long. */
function plans(view: ClusterView, stableForMs: number): Map<string, readonly ShardMapEffect[]> {
  return new Map(
    view.members.map(({ node }) => {
      const seen = stepShardMap(shardMapAt(at(0)), { kind: 'view', at: at(0), node, view }, TIMING).state;
      return [node, stepShardMap(seen, { kind: 'view', at: at(stableForMs), node, view }, TIMING).effects];
    }),
  );
}

test('in a cell that is as it should be nobody does anything', () => {
  for (const effects of plans(cell(['a', 'b', 'c']), 60_000).values()) assert.deepEqual(effects, []);
});

test('orphans are claimed at once, each by one node', () => {
  const view = cell(['a', 'b', 'c'], (row) => ({ ownerLive: row.owner?.node !== 'c' }));
  const left = { ...view, members: view.members.map((row) => ({ ...row, live: row.node !== 'c' })) };
  const orphans = left.shards.filter((row) => !row.ownerLive).map((row) => row.shard);
  const claims = [...plans(left, 0).values()].flat();
  assert.ok(claims.every((effect) => effect.kind === 'claimOrphan'));
  assert.deepEqual(
    claims.map((effect) => effect.shard).sort((a, b) => a - b),
    orphans,
  );
});

test('planned moves wait until membership stood still', () => {
  const view: ClusterView = { ...cell(['a', 'b', 'c']), members: [...cell(['a', 'b', 'c']).members, member('d')] };
  assert.deepEqual([...plans(view, TIMING.stableMs - 1).values()].flat(), []);
  assert.ok([...plans(view, TIMING.stableMs).values()].flat().length > 0);
});

test('a node that restarts makes membership unsteady again', () => {
  const view: ClusterView = { ...cell(['a', 'b', 'c']), members: [...cell(['a', 'b', 'c']).members, member('d')] };
  const restarted = { ...view, members: [...view.members.slice(0, 3), member('d', { incarnation: 'd.2' })] };
  const seen = stepShardMap(shardMapAt(at(0)), { kind: 'view', at: at(0), node: 'a', view }, TIMING).state;
  const { effects } = stepShardMap(seen, { kind: 'view', at: at(60_000), node: 'a', view: restarted }, TIMING);
  assert.deepEqual(effects, []);
});

test('a round moves a tenth of the shards at most, all nodes together, and only to where they belong', () => {
  const view: ClusterView = { ...cell(['a', 'b', 'c']), members: [...cell(['a', 'b', 'c']).members, member('d')] };
  const moves = [...plans(view, 60_000).values()].flat();
  assert.equal(moves.length, Math.floor(SHARD_COUNT / 10));
  for (const move of moves) assert.equal(move.kind === 'moveAway' && move.target, 'd');
});

test('the next round waits until the last is done, as the rows tell', () => {
  const joined = (changes: (row: ShardRow) => Partial<ShardRow>): ClusterView => {
    const view = cell(['a', 'b', 'c'], changes);
    return { ...view, members: [...view.members, member('d')] };
  };
  for (const state of ['handing_off', 'claiming'] as const) {
    const view = joined((row) => (row.shard === 5 ? { state } : {}));
    assert.deepEqual([...plans(view, 60_000).values()].flat(), []);
  }
  const released = joined((row) => (row.shard === 5 ? { state: 'released', owner: null } : {}));
  assert.deepEqual(
    [...plans(released, 60_000).values()].flat().map((effect) => effect.kind),
    ['claimOrphan'],
  );
});

test('round by round everything comes to rest where it belongs', () => {
  let view: ClusterView = { ...cell(['a', 'b', 'c']), members: [...cell(['a', 'b', 'c']).members, member('d')] };
  let rounds = 0;
  for (; rounds < 20; rounds++) {
    const moves = new Map([...plans(view, 60_000).values()].flat().map((effect) => [effect.shard, effect]));
    if (moves.size === 0) break;
    const shards = view.shards.map((row): ShardRow => {
      const move = moves.get(row.shard);
      if (move?.kind !== 'moveAway' || move.target === null) return row;
      return { ...row, epoch: row.epoch + 1, owner: { node: move.target, incarnation: `${move.target}.1` } };
    });
    view = { ...view, shards };
  }
  const targets = targetsOf(view);
  assert.ok(view.shards.every((row) => row.owner?.node === targets.get(row.shard)));
  assert.ok(rounds >= 2 && rounds <= 5, `${rounds} rounds`);
});

test('a node that leaves hands over without waiting for quiet, and takes nothing', () => {
  const view = cell(['a', 'b', 'c']);
  const leaving = { ...view, members: view.members.map((row) => ({ ...row, leaving: row.node === 'c' })) };
  const planned = plans(leaving, 0);
  assert.deepEqual([planned.get('a'), planned.get('b')], [[], []]);
  const moves = planned.get('c') ?? [];
  assert.equal(moves.length, Math.floor(SHARD_COUNT / 10));
  assert.ok(moves.every((move) => move.kind === 'moveAway' && move.target !== 'c'));
});

test('the last node lets go of everything when it leaves', () => {
  const view = cell(['a']);
  const moves = plans({ ...view, members: [member('a', { leaving: true })] }, 0).get('a') ?? [];
  assert.equal(moves.length, SHARD_COUNT);
  assert.ok(moves.every((move) => move.kind === 'moveAway' && move.target === null));
});

test('a node that may not hold shards gets none', () => {
  const view = cell(['a', 'b']);
  const gateway = { ...view, members: [...view.members, member('gateway', { mayHold: false })] };
  assert.deepEqual([...plans(gateway, 60_000).values()].flat(), []);
});
