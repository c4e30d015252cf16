import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameIsFree } from '../../../../runtime/cluster/free-name.ts';
import type { ClusterView } from '../../../../runtime/cluster/shard-map.ts';

const TTL_MS = 2400;

/** Rows of a cell as a database would show them, by a clock that each look moves on. */
class Rows {
  nowMs = 0;
  looks = 0;
  said = 0;
  /** When the life of `core-1` renewed its lease last. */
  readonly beatMs: () => number | undefined;

  constructor(beatMs: () => number | undefined) {
    this.beatMs = beatMs;
  }

  async view(): Promise<ClusterView> {
    this.looks++;
    this.nowMs += 100;
    const beatMs = this.beatMs();
    const live = beatMs !== undefined && this.nowMs - beatMs <= TTL_MS;
    const member = (node: string, alive: boolean) => {
      return { node, incarnation: node, live: alive, mayHold: true, leaving: false };
    };
    return { members: [member('core-1', live), member('core-2', true)], shards: [] };
  }

  free(node = 'core-1'): Promise<void> {
    const waiting = () => void this.said++;
    return nameIsFree({ rows: this, node, leaseTtlMs: TTL_MS, waiting, pauseMs: 0, nowMs: () => this.nowMs });
  }
}

test('a name that nobody has, or whose node said goodbye, is free at once', async () => {
  const rows = new Rows(() => undefined);
  await rows.free();
  await rows.free('core-3');
  assert.deepEqual([rows.looks, rows.said], [2, 0]);
});

test('after a kill it is free once the lease has run out', async () => {
  const rows = new Rows(() => 50);
  await rows.free();
  assert.ok(rows.nowMs > TTL_MS + 50 && rows.nowMs <= TTL_MS + 200);
  assert.equal(rows.said, 1);
});

test('what goes on renewing keeps its name', async () => {
  const rows: Rows = new Rows(() => Math.floor(rows.nowMs / 800) * 800);
  await assert.rejects(rows.free(), { code: 'NODE_NAME_TAKEN', retryable: false });
  assert.ok(rows.nowMs > TTL_MS);
});

test('a renewal that was on its way at the kill is no sign of life', async () => {
  const rows = new Rows(() => 300);
  await rows.free();
});

test('a database that does not answer is not waited for here', async () => {
  await nameIsFree({
    rows: { view: () => Promise.reject(new Error('away')) },
    node: 'core-1',
    leaseTtlMs: TTL_MS,
    waiting: () => assert.fail('nothing is known to wait for'),
  });
});
