import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestFront } from '../support/front.ts';
import { alarm, startPushScene } from '../support/push-scene.ts';
import { rawClient } from '../support/raw-ws-client.ts';
import { positionIn } from '../support/ws-client.ts';

describe('a client that does not read', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('keeps little for a client that does not read, and gives it the newest when it does', async () => {
    const slow = await rawClient(t.front.port, t.token.viewer);
    await slow.until((frames) => frames.length > 0);
    slow.write(JSON.stringify({ op: 'subscribe', sub: 'd', topic: 'devices' }));
    slow.write(JSON.stringify({ op: 'subscribe', sub: 'e', topic: 'events' }));
    await slow.until((frames) => frames.filter(({ op, more }) => op === 'snapshot' && more === false).length === 2);
    slow.socket.pause();
    const before = process.memoryUsage().rss;
    const from = t.runtime.journal.rows.length;
    let round = 0;
    // Far more than the buffers of the kernel take: 400 rounds of 300 devices, about 250 MB in all.
    while (round < 400) {
      round++;
      for (let i = 0; i < 300; i++) {
        t.runtime.set(`device/d${i}`, { values: { a: round, text: `${round}`.padEnd(2000, 'y') } });
      }
      t.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot', { round }));
      t.runtime.live.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 120 * 1024 * 1024, `grew by ${Math.round(grown / 1e6)} MB`);
    slow.socket.resume();
    const newest = new Map<string, number>();
    await slow.until((frames) => {
      for (const { op, items } of frames) {
        if (op !== 'delta' && op !== 'snapshot') continue;
        for (const item of items as { id: string; values?: { a: number } }[]) {
          if (item.values) newest.set(item.id, item.values.a);
        }
      }
      return newest.size === 300 && [...newest.values()].every((a) => a === round);
    });
    const tokens = () =>
      slow.frames
        .filter(({ op }) => op === 'event')
        .flatMap(({ events }) => events as { token: string }[])
        .map(({ token }) => positionIn(token));
    await slow.until(() => tokens().length >= 400);
    assert.deepEqual(
      tokens(),
      t.runtime.journal.rows.slice(from).map(({ position }) => position),
    );
    const deltas = slow.frames.filter(({ op }) => op === 'delta').length;
    assert.ok(deltas < 400 * 10 * 0.9, `${deltas} frames`);
    const text = await t.registry.metrics();
    assert.match(text, /signalbox_ws_skipped_total\{lane="values"\} [1-9]/);
    slow.socket.destroy();
  });
});
