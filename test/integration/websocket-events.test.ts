import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestFront, type TestFront } from '../support/front.ts';
import { alarm, startPushScene } from '../support/push-scene.ts';
import { positionIn } from '../support/ws-client.ts';

describe('the lane of events over a socket', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('gives exactly the events of the journal, though the socket is killed a hundred times', async () => {
    const received: number[] = [];
    let resume: string | undefined;
    let committed = 0;
    const produce = () => {
      for (let i = 0; i < 5 && committed < 1000; i++, committed++)
        t.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot'));
    };
    let producer: NodeJS.Timeout | undefined;
    try {
      for (let life = 0; life <= 100; life++) {
        const client = await t.connect(t.token.viewer);
        client.send({ op: 'subscribe', sub: 'e', topic: 'events', ...(resume !== undefined && { resume }) });
        await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
        resume ??= String(client.of('snapshot')[0]?.token);
        producer ??= setInterval(produce, 2);
        if (life < 100) await client.waitFor('an event', (c) => c.tokens.length > 0 || committed >= 1000);
        else await client.waitFor('the rest', (c) => positionIn(c.tokens.at(-1) ?? resume) >= 1000);
        client.kill();
        await client.waitFor('close', (c) => c.closed !== undefined);
        received.push(...client.positions);
        resume = client.tokens.at(-1) ?? resume;
      }
    } finally {
      clearInterval(producer);
    }
    assert.equal(received.length, 1000);
    assert.deepEqual(
      received,
      t.runtime.journal.rows.map(({ position }) => position),
    );
  });

  it('resumes from a token of long ago, out of the journal', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'e', topic: 'events', resume: 'memory-0' });
    await client.waitFor('all', (c) => c.tokens.length >= t.runtime.journal.rows.length);
    assert.deepEqual(
      client.positions,
      t.runtime.journal.rows.map(({ position }) => position),
    );
    client.close();
  });

  it('refuses a resume token that is none', async () => {
    const client = await t.connect(t.token.viewer);
    for (const resume of ['x', '0', 'memory--1', 'memory-1e3', 'memory-99999999'])
      client.send({ op: 'subscribe', sub: 'e', topic: 'events', resume });
    client.send({ op: 'subscribe', sub: 'e', topic: 'devices', resume: 'memory-0' });
    await client.waitFor('errors', (c) => c.of('error').length === 6);
    assert.ok(
      client.of('error').every(({ code, field, sub }) => code === 'BAD_RESUME' && field === 'resume' && sub === 'e'),
    );
    client.close();
  });

  it('refuses a token of a journal that was restored since, though it has grown past that position', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'e', topic: 'events' });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
    client.close();
    const restored = await startTestFront();
    try {
      restored.runtime.journal.identityNow = 'restored';
      for (let i = 0; i < 2000; i++) restored.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot'));
      const again = await restored.connect(restored.token.viewer);
      again.send({ op: 'subscribe', sub: 'e', topic: 'events', resume: String(client.of('snapshot')[0]?.token) });
      await again.waitFor('an error', (c) => c.of('error').length === 1);
      assert.equal(again.of('error')[0]?.code, 'BAD_RESUME');
      assert.equal(again.of('snapshot').length, 0);
      again.close();
    } finally {
      await restored.close();
    }
  });
});
