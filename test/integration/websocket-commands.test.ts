import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestFront } from '../support/front.ts';
import { startPushScene } from '../support/push-scene.ts';

describe('commands over a socket', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('carries commands to the runtime and answers after the commit', async () => {
    const client = await t.connect(t.token.operator);
    t.runtime.answer = ({ to }) =>
      to === 'asset/pump-1'
        ? { ok: true, result: { done: 1 }, repeated: false }
        : { ok: false, code: 'NOT_FOUND', message: 'no such entity', field: 'entity' };
    const command = { kind: 'AcknowledgeAlarm', rule: 'hot' };
    client.send({ op: 'command', id: 'c1', entity: 'asset/pump-1', command });
    await client.waitFor('reply', (c) => c.of('reply').length === 1);
    client.send({ op: 'command', id: 'c1', entity: 'asset/pump-1', command });
    client.send({ op: 'command', id: 'c2', entity: 'asset/pump-2', command });
    client.send({ op: 'command', id: 'c3', entity: 'nonsense', command });
    await client.waitFor('replies', (c) => c.of('reply').length === 4);
    const replies = new Map(
      client.of('reply').map(({ seq: _seq, op: _op, ...reply }) => [`${reply.id}${reply.repeated ?? ''}`, reply]),
    );
    assert.deepEqual(replies.get('c1false'), { id: 'c1', ok: true, result: { done: 1 }, repeated: false });
    assert.deepEqual(replies.get('c1true'), { id: 'c1', ok: true, result: { done: 1 }, repeated: true });
    assert.equal(replies.get('c2')?.code, 'NOT_FOUND');
    assert.equal(replies.get('c3')?.field, 'entity');
    const asked = t.runtime.asked[0];
    assert.deepEqual(asked?.options.by, { user: 'operator-1', via: 'websocket' });
    assert.ok(!asked?.options.permissions.includes('*'));
    client.close();
  });

  it('refuses the thirty-third command in flight', async () => {
    const client = await t.connect(t.token.operator);
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    t.runtime.answer = async () => {
      await gate;
      return { ok: true, result: null, repeated: false };
    };
    for (let i = 0; i < 33; i++) client.send({ op: 'command', id: `f${i}`, entity: 'asset/pump-1', command: {} });
    await client.waitFor('refusal', (c) => c.of('reply').length === 1);
    assert.equal(client.of('reply')[0]?.code, 'OVERLOADED');
    release();
    await client.waitFor('the others', (c) => c.of('reply').length === 33);
    t.runtime.answer = () => ({ ok: true, result: null, repeated: false });
    client.close();
  });
});
