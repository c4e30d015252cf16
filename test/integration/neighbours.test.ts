/**
 * Goal: whatever one client does wrong, another one with a valid token behind the same address is not kept out by it, and no
 * client takes all the room there is.
 * Method: real sockets, all from one address.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newToken } from '../../gateways/auth/token.ts';
import { until } from '../support/condition.ts';
import { BY_TEST, startTestFront, type TestFront } from '../support/front.ts';

describe('clients behind one address', () => {
  let t: TestFront;
  before(async () => {
    t = await startTestFront({ limits: { clientsPerToken: 2, clientsPerAddress: 4 } });
  });
  after(() => t.close());

  const fresh = async () => (await t.tokens.create({ name: 'wall', role: 'viewer', expiresAtMs: null }, BY_TEST)).token;

  it('get in with a good token while others hammer with wrong ones', async () => {
    const wrong = async () => {
      const [rest, logIn] = await Promise.all([
        t.request('/api/v1/session', { token: newToken().token }),
        t.post('/api/v1/session', { token: newToken().token }, { headers: { authorization: '' } }),
      ]);
      return [rest.status, logIn.status];
    };
    let last: number[] = [];
    for (let n = 0; n < 150; n++) last = await wrong();
    assert.deepEqual(last, [429, 429]);
    const token = await fresh();
    const logIn = await t.post('/api/v1/session', { token }, { headers: { authorization: '' } });
    assert.equal(logIn.status, 200);
    assert.equal((await t.request('/api/v1/session', { token })).status, 200);
    const client = await t.connect(await fresh());
    await client.waitFor('hello', (c) => c.frames.length > 0);
    client.close();
  });

  it('have so many sockets with a token, and so many in all', async () => {
    await until('earlier sockets are gone', async () => (await clients()) === 0);
    const [first, second, third] = [await fresh(), await fresh(), await fresh()];
    const open = [await t.connect(first), await t.connect(first)];
    await assert.rejects(t.connect(first), /HTTP 429/);
    open.push(await t.connect(second), await t.connect(second));
    await assert.rejects(t.connect(third), /HTTP 429/);
    const metrics = await t.registry.metrics();
    assert.match(metrics, /signalbox_front_errors_total\{side="http",code="TOO_MANY_CONNECTIONS"\} 2/);
    open[0]?.close();
    await until('one has gone', async () => (await clients()) === 3);
    const client = await t.connect(third);
    await client.waitFor('hello', (c) => c.frames.length > 0);
    for (const one of [...open, client]) one.close();
  });

  async function clients(): Promise<number> {
    return Number(/^signalbox_ws_clients (\d+)$/m.exec(await t.registry.metrics())?.[1]);
  }
});
