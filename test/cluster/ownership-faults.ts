import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { until } from '../support/condition.ts';
import { allOpen, cell, checked, LEASE_MS, Load, skip } from './loaded-cell.ts';

// Takes most of a minute, so it is run by hand: node --import ./test/support/register.mjs --test test/cluster/ownership-faults.ts
describe('the ownership of a cell whose nodes are stopped and whose servers are killed', { skip }, () => {
  test('a node stopped in its tracks for half a lease, one and a half and three does no harm when it goes on', async (t) => {
    const { url, nodes } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    const [a] = nodes;
    assert.ok(a);
    for (const leases of [0.5, 1.5, 3]) {
      await a.stopFor(leases * LEASE_MS);
      await allOpen(nodes);
      const before = load.history.acknowledged;
      await until('it goes on', () => load.history.acknowledged > before + 50, 20_000);
    }
    await checked(load, url, nodes);
    assert.ok(
      a.said.some((line) => line.includes('suspended') || line.includes('lost')),
      'it noticed that it had slept',
    );
  });

  test('PostgreSQL killed and started again, and NATS: what was in doubt is read back, and all goes on by itself', async (t) => {
    const { url, nodes, postgres, nats } = await cell(t, 'a', 'b');
    const load = new Load(nodes);
    for (const server of [postgres, nats]) {
      await until('work is done', () => load.history.acknowledged > 50);
      await server.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
      await server.restart();
      await allOpen(nodes);
      const before = load.history.acknowledged;
      await until('it goes on', () => load.history.acknowledged > before + 50, 30_000);
    }
    await checked(load, url, nodes);
  });
});
