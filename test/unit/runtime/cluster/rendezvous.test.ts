import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { placeOf } from '../../../../runtime/cluster/rendezvous.ts';
import { SHARD_COUNT } from '../../../../runtime/ownership.ts';

const shards = (count: number) => Array.from({ length: count }, (_, shard) => shard);

test('a fourth node takes about a quarter of the shards, and nothing moves between the others', () => {
  const three = ['core-1', 'core-2', 'core-3'];
  const four = [...three, 'core-4'];
  const many = shards(10_000);
  const moved = many.filter((shard) => placeOf(shard, three) !== placeOf(shard, four));
  assert.ok(moved.every((shard) => placeOf(shard, four) === 'core-4'));
  assert.ok(Math.abs(moved.length / many.length - 0.25) < 0.02, `${moved.length} moved`);
});

test('the shards of a cell spread over nodes whose names differ at the end alone', () => {
  for (const nodes of [
    ['n1', 'n2'],
    ['edge-7-a', 'edge-7-b', 'edge-7-c'],
    ['core-0', 'core-1', 'core-2', 'core-3'],
  ]) {
    const counts = nodes.map((node) => shards(SHARD_COUNT).filter((shard) => placeOf(shard, nodes) === node).length);
    const even = SHARD_COUNT / nodes.length;
    for (const count of counts) assert.ok(count > even / 2 && count < even * 1.75, `${nodes}: ${counts}`);
  }
});

test('the order in which nodes are listed does not matter, and a node that leaves moves its own shards only', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(names, fc.nat(), (nodes, shard) => {
      const place = placeOf(shard, nodes);
      assert.equal(placeOf(shard, [...nodes].reverse()), place);
      const [gone, ...rest] = nodes;
      if (place !== gone) assert.equal(placeOf(shard, rest), place);
    }),
  );
});

test('without a node there is no place', () => {
  assert.equal(placeOf(0, []), undefined);
});
