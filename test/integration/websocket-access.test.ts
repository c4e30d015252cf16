import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BY_TEST, type TestFront } from '../support/front.ts';
import { alarm, startPushScene } from '../support/push-scene.ts';

describe('who gets in over a socket', () => {
  let t: TestFront;
  before(async () => {
    t = await startPushScene();
  });
  after(() => t.close());

  it('shows a topic only to those who may read it', async () => {
    const client = await t.connect(t.token.blind);
    for (const topic of ['sites', 'assets', 'devices', 'workorders', 'alarms'])
      client.send({ op: 'subscribe', sub: topic, topic });
    await client.waitFor('errors', (c) => c.of('error').length === 5);
    assert.ok(client.of('error').every(({ code }) => code === 'FORBIDDEN'));
    client.send({ op: 'subscribe', sub: 'e', topic: 'events' });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length === 1);
    t.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot'));
    client.send({ op: 'ping' });
    await client.waitFor('pong', (c) => c.of('pong').length === 1);
    assert.equal(client.tokens.length, 0);
    client.close();
  });

  it('answers in UTF-8 what Latin-1 could hold', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'düse', topic: 'assets', ids: ['asset/none'] });
    await client.waitFor('an answer', (c) => c.frames.some(({ sub }) => sub === 'düse'));
    client.close();
  });

  it('lets nobody in without a token, or from a foreign page', async () => {
    await assert.rejects(t.connect('sbx_nonsense'), /HTTP 401/);
    await assert.rejects(t.connect(t.token.admin, { origin: 'https://evil.example' }), /HTTP 403/);
    const cookie = { cookie: `signalbox_session=${t.token.viewer}`, authorization: '' };
    await assert.rejects(t.connect('', { ...cookie, origin: 'https://evil.example' }), /HTTP 403/);
    const client = await t.connect('', { ...cookie, origin: t.origin });
    await client.waitFor('hello', (c) => c.frames.length > 0);
    client.close();
  });

  it('closes the sockets of a revoked token, also when another process revoked it', async () => {
    const here = await t.tokens.create({ name: 'h', role: 'viewer', expiresAtMs: null }, BY_TEST);
    const elsewhere = await t.tokens.create({ name: 'e', role: 'viewer', expiresAtMs: null }, BY_TEST);
    const inHalfASecond = Date.now() + 500;
    const short = await t.tokens.create({ name: 's', role: 'viewer', expiresAtMs: inHalfASecond }, BY_TEST);
    const clients = await Promise.all([here, elsewhere, short].map(({ token }) => t.connect(token)));
    const other = await t.connect(t.token.viewer);
    await t.tokens.revoke(here.stored.id, BY_TEST);
    await t.store.revoke(elsewhere.stored.id, Date.now(), BY_TEST);
    for (const client of clients) {
      await client.waitFor('close', (c) => c.closed !== undefined);
      assert.equal(client.closed?.code, 1008);
    }
    assert.equal(other.closed, undefined);
    await assert.rejects(t.connect(here.token), /HTTP 401/);
    other.close();
  });
});
