import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { problem, type TestFront } from '../support/front.ts';
import { alarm, startScene } from '../support/front-scene.ts';

describe('reading what was over HTTP', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene();
  });
  after(() => t.close());

  it('pages through the journal, newest first, and never repeats a row', async () => {
    for (let i = 0; i < 250; i++) {
      t.runtime.commit(
        'asset/pump-1',
        i % 5 ? 'AlarmRaised' : 'AssetStatusChanged',
        alarm('hot', i % 2 ? 'HIGH' : 'LOW'),
        {
          timeMs: i,
          by: { user: i % 10 ? 'system' : 'operator-1', via: 'http' },
        },
      );
    }
    const positions: number[] = [];
    let next: string | null = '';
    while (next !== null) {
      const page: { items: { position: number }[]; next: string | null } = await t.json(
        `/api/v1/audit?limit=60${next === '' ? '' : `&cursor=${next}`}`,
      );
      positions.push(...page.items.map(({ position }) => position));
      next = page.next;
    }
    assert.deepEqual(
      positions,
      Array.from({ length: 250 }, (_, i) => 250 - i),
    );
    const mine = await t.json(
      '/api/v1/audit?user=operator-1&from=100&to=1970-01-01T00:00:00.200Z&kind=AssetStatusChanged',
    );
    assert.equal(mine.items.length, 10);
    const history = await t.json('/api/v1/alarms/history?severity=HIGH&limit=50&alarm=asset%2Fpump-1:hot');
    assert.equal(history.items.length, 50);
    assert.ok(
      history.items.every(
        ({ kind, after }: { kind: string; after: { severity: string } }) =>
          kind === 'AlarmRaised' && after.severity === 'HIGH',
      ),
    );
    const more = await t.json(`/api/v1/alarms/history?severity=HIGH&limit=500&cursor=${history.next}`);
    assert.equal(history.items.length + more.items.length, 100);
    assert.equal(more.next, null);
    assert.deepEqual(await problem(t.request('/api/v1/audit', { token: t.token.viewer })), [
      403,
      'FORBIDDEN',
      undefined,
    ]);
  });

  it('tells a name that nobody knows from a series in which nothing was measured', async () => {
    const series = (query: string) => problem(t.request(`/api/v1/telemetry?${query}`));
    assert.deepEqual(await series('asset=nosuch&metricKey=temperature'), [404, 'NOT_FOUND', 'asset']);
    assert.deepEqual(await series('device=nosuch&metricKey=flow&aggregation=1h'), [404, 'NOT_FOUND', 'device']);
    const wrong = t.request('/api/v1/telemetry?device=d001&metricKey=nosuch');
    assert.match((await (await wrong).json()).error.message, /has no nosuch; it has flow/);
    assert.deepEqual(await series('device=d001&metricKey=nosuch'), [400, 'INVALID_REQUEST', 'metricKey']);
    assert.deepEqual((await t.json('/api/v1/telemetry?device=d001&metricKey=flow')).items, []);
    t.runtime.historian.samples.set('device/gone flow', [{ timeMs: 5, value: 1, quality: 'GOOD' }]);
    assert.deepEqual((await t.json('/api/v1/telemetry?device=gone&metricKey=flow')).items, [], 'it has a past');
  });

  it('answers telemetry: latest with quality, samples and windows', async () => {
    const latest = await t.json('/api/v1/telemetry/latest?device=d001');
    assert.equal(latest.status, 'online');
    assert.deepEqual(latest.items, [
      {
        metricKey: 'flow',
        value: 1,
        unit: 'm³/h',
        timeMs: 1001,
        quality: 'SUSPECT',
        reason: 'rate',
        lastGood: { value: 0, timeMs: 2 },
      },
    ]);
    const samples = Array.from({ length: 25 }, (_, i) => ({ timeMs: 1000 + i * 10, value: i, quality: 'GOOD' }));
    t.runtime.historian.samples.set('asset/pump-1 temperature', samples);
    const got: unknown[] = [];
    let cursor = '';
    do {
      const page = await t.json(
        `/api/v1/telemetry?asset=pump-1&metricKey=temperature&start=1000&end=1970-01-01T00:00:02Z&limit=10${cursor}`,
      );
      got.push(...page.items);
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    assert.deepEqual(got, samples);
    await t.json('/api/v1/telemetry?asset=pump-1&metricKey=temperature&aggregation=5m');
    const asked = t.runtime.historian.asked.at(-1);
    assert.ok(asked && 'windowMs' in asked && asked.windowMs === 300_000);
    assert.equal(asked.toMs - asked.fromMs, 86_400_000);
    assert.equal(asked.limit, 1000);
    for (const [query, field] of [
      ['', 'device'],
      ['?device=a&asset=b&metricKey=flow', 'asset'],
      ['?device=d001&metricKey=flow&limit=10001', 'limit'],
      ['?device=d001&metricKey=flow&start=yesterday', 'start'],
      ['?device=d001&metricKey=flow&start=9&end=8', 'start'],
      ['?device=d001&metricKey=flow&aggregation=2m', 'aggregation'],
      ['?device=d001&metricKey=flow&color=red', 'color'],
      ['?device=d001&device=d002&metricKey=flow', 'device'],
    ]) {
      const path = `/api/v1/telemetry${query === '' ? '/latest' : query}`;
      assert.deepEqual(await problem(t.request(path)), [400, 'INVALID_REQUEST', field], path);
    }
  });
});
