import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { problem, startTestFront, type TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

describe('who gets in over HTTP', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene();
  });
  after(() => t.close());

  it('lets nobody in without a good token', async () => {
    const anonymous = (authorization: string) => problem(t.request('/api/v1/assets', { headers: { authorization } }));
    assert.deepEqual(await anonymous(''), [401, 'UNAUTHENTICATED', undefined]);
    assert.deepEqual(await anonymous('Basic abc'), [401, 'UNAUTHENTICATED', undefined]);
    assert.deepEqual(await anonymous('Bearer nonsense'), [401, 'TOKEN_INVALID', undefined]);
    assert.deepEqual(await problem(t.request('/api/v1/assets', { token: t.token.blind })), [
      403,
      'FORBIDDEN',
      undefined,
    ]);
  });

  it('logs a browser in by cookie, and asks where its writes come from', async () => {
    const login = await fetch(`${t.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: t.token.operator }),
    });
    assert.equal((await login.json()).user, 'operator-1');
    const set = login.headers.get('set-cookie') ?? '';
    assert.match(set, /HttpOnly/);
    assert.match(set, /SameSite=Strict/);
    const cookie = set.split(';')[0] ?? '';
    const as = (init: RequestInit) =>
      fetch(`${t.url}/api/v1/session`, { ...init, headers: { cookie, ...init.headers } });
    assert.equal((await (await as({})).json()).role, 'operator');
    const del = (headers: Record<string, string>) => as({ method: 'DELETE', headers });
    assert.deepEqual(await problem(del({})), [403, 'BAD_ORIGIN', undefined]);
    assert.deepEqual(await problem(del({ origin: 'https://evil.example' })), [403, 'BAD_ORIGIN', undefined]);
    assert.deepEqual(await problem(del({ origin: 'null' })), [403, 'BAD_ORIGIN', undefined]);
    const out = await del({ origin: t.origin });
    assert.equal(out.status, 200);
    assert.match(out.headers.get('set-cookie') ?? '', /Max-Age=0/);
  });

  it('makes and revokes tokens, and never one that may do more than its maker', async () => {
    const made = await (await t.post('/api/v1/tokens', { name: 'wall', role: 'viewer', expiresInDays: 1 })).json();
    assert.equal(made.state, 'valid');
    assert.equal((await t.json('/api/v1/session', made.token)).user, 'wall');
    const list = await t.json('/api/v1/tokens');
    assert.deepEqual(await problem(t.request('/api/v1/tokens?sort=nonsense')), [400, 'INVALID_REQUEST', 'sort']);
    assert.ok(!JSON.stringify(list).includes('hash'));
    assert.ok(list.items.some(({ id }: { id: string }) => id === made.id));
    assert.equal((await t.request(`/api/v1/tokens/${made.id}`, { method: 'DELETE' })).status, 200);
    assert.deepEqual(await problem(t.request('/api/v1/session', { token: made.token })), [
      401,
      'TOKEN_REVOKED',
      undefined,
    ]);
    assert.deepEqual(await problem(t.request(`/api/v1/tokens/${made.id}`, { method: 'DELETE' })), [
      404,
      'NOT_FOUND',
      undefined,
    ]);
    assert.deepEqual(await problem(t.post('/api/v1/tokens', { name: 'x', role: 'king' })), [
      422,
      'INVALID_BODY',
      'role',
    ]);
    assert.deepEqual(
      await problem(t.post('/api/v1/tokens', { name: 'x', role: 'viewer' }, { token: t.token.engineer })),
      [403, 'FORBIDDEN', undefined],
    );
  });
});

describe('the limits of the HTTP front', () => {
  it('slow down an address without a token, a token, and who guesses tokens', async () => {
    const t = await startTestFront({ limits: { anonymousPerMinute: 5, requestsPerMinute: 10 } });
    try {
      const statuses = async (count: number, ask: () => Promise<Response>) => {
        const seen: number[] = [];
        for (let i = 0; i < count; i++) seen.push((await ask()).status);
        return seen;
      };
      const anonymous = await statuses(7, () => fetch(`${t.url}/api/v1/assets`));
      assert.deepEqual(anonymous, [401, 401, 401, 401, 401, 429, 429]);
      const limited = await fetch(`${t.url}/api/v1/assets`);
      assert.ok(Number(limited.headers.get('retry-after')) >= 1);
      const byToken = await statuses(12, () => t.request('/api/v1/session'));
      assert.deepEqual(byToken, [...Array(10).fill(200), 429, 429]);
      assert.equal((await t.request('/api/v1/session', { token: t.token.viewer })).status, 200);
      assert.equal((await fetch(`${t.url}/health`)).status, 200);
    } finally {
      await t.close();
    }
  });
});
