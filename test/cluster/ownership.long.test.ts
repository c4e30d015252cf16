import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHARD_COUNT } from '../../runtime/ownership.ts';
import { until } from '../support/condition.ts';
import { allOpen, cell, checked, LEASE_MS, Load, skip } from './loaded-cell.ts';

describe('the ownership of a cell, over real processes, PostgreSQL and NATS', { skip }, () => {
  test('nodes killed with -9 lose nothing that was acknowledged, and the others take over', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b', 'c');
    const load = new Load(nodes);
    const [a, b] = nodes;
    assert.ok(a && b);
    for (const victim of [a, b]) {
      await until('work is done', () => load.history.acknowledged > 50);
      await victim.kill();
      const tookMs = await allOpen(nodes.filter((node) => node !== victim));
      t.diagnostic(`every shard open again ${Math.round(tookMs)} ms after kill -9, with a lease of ${LEASE_MS} ms`);
      await victim.start();
    }
    const before = load.history.acknowledged;
    await until('it goes on', () => load.history.acknowledged > before + 50, 20_000);
    const rows = await checked(load, url, nodes);
    assert.ok(rows > 100, `${rows} rows`);
  });

  test('a node that leaves hands over and nobody waits for its lease; one that comes gets its part', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    const [a, b] = nodes;
    assert.ok(a && b);
    await until('work is done', () => load.history.acknowledged > 50);
    await a.leave();
    await until('b has it all', () => b.open === SHARD_COUNT, 20_000);
    await a.start();
    await until('a has its part again', () => a.open > SHARD_COUNT / 4 && a.open + b.open === SHARD_COUNT, 60_000);
    await checked(load, url, nodes);
    const said = [...a.said, ...b.said];
    const fenced = said.filter((line) => line.includes('"fenced"'));
    // On a busy machine a process may not run for longer than its lease. Whom that has fenced says nothing of the moves.
    const evictions = said.filter((line) => line.includes('"lost"'));
    t.diagnostic(`${evictions.length} leases lost, ${fenced.length} appends fenced`);
    if (evictions.length === 0) assert.deepEqual(fenced, [], 'a planned move fences nobody');
  });
});
