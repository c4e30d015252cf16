import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

describe('what tells how a node is', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene();
  });
  after(() => t.close());

  it('tells orchestrators whether it lives and serves, and Prometheus the rest', async () => {
    assert.deepEqual(await (await fetch(`${t.url}/health`)).json(), { status: 'ok' });
    assert.equal((await fetch(`${t.url}/ready`)).status, 200);
    t.runtime.healthNow = { status: 'unhealthy', parts: [{ name: 'log', status: 'unhealthy', detail: 'full' }] };
    assert.equal((await fetch(`${t.url}/ready`)).status, 503);
    const health = await t.json('/api/v1/health');
    assert.equal(health.parts[0].detail, 'full');
    assert.equal(health.organization, 'Test Ltd');
    t.runtime.healthNow = { status: 'healthy', parts: [] };
    t.runtime.readinessNow = { ready: false, reason: '3 of its shards are being recovered' };
    assert.equal((await fetch(`${t.url}/ready`)).status, 503);
    assert.equal((await fetch(`${t.url}/health`)).status, 200, 'it lives, and is not to be ended for it');
    t.runtime.readinessNow = { ready: true };
    assert.equal((await fetch(`${t.url}/ready`)).status, 200);
    assert.equal((await t.request('/api/v1/assets/none')).status, 404);
    const metrics = await (await fetch(`${t.url}/metrics`)).text();
    assert.match(metrics, /signalbox_http_requests_total\{method="GET",route="\/assets\/\{id\}",status="404"\} 1/);
    const proxied = await fetch(`${t.url}/metrics`, { headers: { 'x-forwarded-for': '10.0.0.9' } });
    assert.equal(proxied.status, 401);
    assert.equal(
      (await t.request('/metrics', { token: t.token.viewer, headers: { 'x-forwarded-for': '10.0.0.9' } })).status,
      200,
    );
  });
});
