import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AlarmListItem, AssetItem, DeviceListItem } from '../../gateways/http/view-schemas.ts';
import { startTestFront, type TestFront } from '../support/front.ts';

const MB = 1024 * 1024;

const alarm = (rule: string, severity: string, more: object = {}) => ({
  id: `asset/pump-1:${rule}`,
  entity: 'asset/pump-1',
  rule,
  site: 'north',
  severity,
  state: 'ACTIVE',
  shelved: null,
  ...more,
});

function asset(name: string, more: object = {}) {
  return {
    props: {
      name,
      site: 'north',
      parent: null,
      path: [],
      type: null,
      icon: null,
      lifecycle: 'in_service',
      latitude: null,
      longitude: null,
      status: 'operational',
      health: 90,
      healthBreakdown: { alarms: 90, workOrders: null, telemetry: 100, age: null, maintenance: null },
      devices: [],
      children: [],
      connected: true,
      lastReadingMs: 5,
      alarmsUnacknowledged: 0,
      alarmsActive: 0,
      worstSeverity: null,
      openWorkOrders: 0,
      ...more,
    },
    values: { temperature: 21.5 },
    times: { temperature: 5 },
    received: { temperature: 6 },
    marks: {},
    metrics: {
      temperature: {
        title: 'Temperature',
        unit: '°C',
        decimals: 1,
        range: null,
        normal: null,
        formula: null,
        key: true,
        sourceDevices: [],
        limits: [],
      },
    },
    alarms: {},
    windows: {},
  };
}

describe('the HTTP front', () => {
  let t: TestFront;
  let uiDir: string;
  const json = async (path: string, token?: string) => {
    const response = await t.request(path, token === undefined ? {} : { token });
    assert.equal(
      response.status,
      200,
      `${path}: ${response.status} ${response.status === 200 ? '' : await response.clone().text()}`,
    );
    return response.json();
  };
  const problem = async (response: Promise<Response>) => {
    const got = await response;
    const { error } = await got.json();
    assert.equal(error.requestId, got.headers.get('x-request-id'));
    return [got.status, error.code, error.field];
  };

  before(async () => {
    uiDir = await mkdtemp(join(tmpdir(), 'front-ui-'));
    await mkdir(join(uiDir, 'assets'));
    await writeFile(join(uiDir, 'index.html'), `<!doctype html><title>Wall</title>${' '.repeat(2000)}`);
    await writeFile(join(uiDir, 'assets', 'wall.js'), 'export {};');
    await writeFile(join(uiDir, '..', 'front-secret.txt'), 'secret');
    t = await startTestFront({ uiDir, allowedOrigins: ['https://hmi.example'] });
    t.runtime.set('site/north', { props: { name: 'North', timeZone: 'Pacific/Kiritimati' } });
    t.runtime.set('asset/pump-1', {
      ...asset('Pump 1', { health: 40, children: ['motor-1', 'unknown'] }),
      alarms: { hot: alarm('hot', 'HIGH'), dry: alarm('dry', 'CRITICAL', { shelved: { untilMs: 9 } }) },
    });
    t.runtime.set('asset/motor-1', asset('Motor 1', { parent: 'pump-1', children: ['pump-1'], status: 'damaged' }));
    t.runtime.set('asset/pump-2', asset('Pump 2', { health: null, site: 'south' }));
    for (let i = 0; i < 200; i++) {
      t.runtime.set(`device/d${String(i).padStart(3, '0')}`, {
        props: {
          name: `Device ${i}`,
          site: i % 2 ? 'north' : 'south',
          connectivity: i % 3 ? 'online' : 'offline',
          lastSeenMs: i,
        },
        values: { flow: i },
        times: { flow: 1000 + i },
        received: { flow: 1001 + i },
        marks:
          i === 1
            ? { flow: { quality: 'SUSPECT', reason: 'rate', sinceMs: 3, lastGood: { value: 0, timeMs: 2 } } }
            : {},
        points: { flow: { title: 'Flow', unit: 'm³/h', decimals: 1, writable: true, min: 0, max: 10 } },
      });
    }
    t.runtime.live.flush();
  });
  after(async () => {
    await t.close();
    await rm(uiDir, { recursive: true });
    await rm(join(tmpdir(), 'front-secret.txt'));
  });

  it('lists, filters, sorts and cuts down what is live', async () => {
    const devices = await json(
      '/api/v1/devices?limit=7&site=north&connectivity=offline&sort=-lastSeenMs&fields=name,values.flow',
    );
    assert.equal(devices.total, 33);
    assert.equal(devices.items.length, 7);
    assert.deepEqual(devices.items[0], { id: 'd195', props: { name: 'Device 195' }, values: { flow: 195 } });
    for (const item of devices.items) DeviceListItem.parse(item);
    const seen = new Set<string>();
    let next: string | null = '';
    while (next !== null) {
      const page: { items: { id: string }[]; next: string | null } = await json(
        `/api/v1/devices?limit=31&sort=connectivity,-name${next === '' ? '' : `&cursor=${next}`}`,
      );
      for (const { id } of page.items) {
        assert.ok(!seen.has(id));
        seen.add(id);
      }
      next = page.next;
    }
    assert.equal(seen.size, 200);
    const pumps = await json('/api/v1/assets?q=PUMP&sort=-health');
    assert.deepEqual(
      pumps.items.map(({ id }: { id: string }) => id),
      ['pump-1', 'pump-2'],
    );
    assert.deepEqual((await json('/api/v1/assets?status=damaged,retired')).items[0].id, 'motor-1');
  });

  it('shows one of a kind, in the published shape', async () => {
    AssetItem.parse(await json('/api/v1/assets/pump-2'));
    assert.deepEqual(await problem(t.request('/api/v1/assets/none')), [404, 'NOT_FOUND', undefined]);
    const tree = await json('/api/v1/assets/pump-1/hierarchy');
    assert.equal(tree.children.length, 1);
    assert.equal(tree.children[0].id, 'motor-1');
    assert.equal(tree.children[0].status, 'damaged');
  });

  it('lists alarms over assets and devices', async () => {
    const alarms = await json('/api/v1/alarms?sort=severity');
    assert.deepEqual(
      alarms.items.map(({ rule }: { rule: string }) => rule),
      ['dry', 'hot'],
    );
    for (const item of alarms.items) AlarmListItem.pick({ id: true, rule: true, severity: true }).parse(item);
    assert.equal((await json('/api/v1/alarms?severity=HIGH,LOW')).total, 1);
    assert.equal((await json('/api/v1/alarms?shelved=true')).items[0].rule, 'dry');
    assert.equal((await json(`/api/v1/alarms/${encodeURIComponent('asset/pump-1:hot')}`)).rule, 'hot');
    assert.deepEqual(await problem(t.request('/api/v1/alarms/asset%2Fpump-1:cold')), [404, 'NOT_FOUND', undefined]);
    assert.deepEqual(await problem(t.request('/api/v1/alarms?severity=PURPLE')), [400, 'INVALID_REQUEST', 'severity']);
  });

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
      const page: { items: { position: number }[]; next: string | null } = await json(
        `/api/v1/audit?limit=60${next === '' ? '' : `&cursor=${next}`}`,
      );
      positions.push(...page.items.map(({ position }) => position));
      next = page.next;
    }
    assert.deepEqual(
      positions,
      Array.from({ length: 250 }, (_, i) => 250 - i),
    );
    const mine = await json(
      '/api/v1/audit?user=operator-1&from=100&to=1970-01-01T00:00:00.200Z&kind=AssetStatusChanged',
    );
    assert.equal(mine.items.length, 10);
    const history = await json('/api/v1/alarms/history?severity=HIGH&limit=50&alarm=asset%2Fpump-1:hot');
    assert.equal(history.items.length, 50);
    assert.ok(
      history.items.every(
        ({ kind, after }: { kind: string; after: { severity: string } }) =>
          kind === 'AlarmRaised' && after.severity === 'HIGH',
      ),
    );
    const more = await json(`/api/v1/alarms/history?severity=HIGH&limit=500&cursor=${history.next}`);
    assert.equal(history.items.length + more.items.length, 100);
    assert.equal(more.next, null);
    assert.deepEqual(await problem(t.request('/api/v1/audit', { token: t.token.viewer })), [
      403,
      'FORBIDDEN',
      undefined,
    ]);
  });

  it('answers telemetry: latest with quality, samples and windows', async () => {
    const latest = await json('/api/v1/telemetry/latest?device=d001');
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
      const page = await json(
        `/api/v1/telemetry?asset=pump-1&metricKey=temperature&start=1000&end=1970-01-01T00:00:02Z&limit=10${cursor}`,
      );
      got.push(...page.items);
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
    assert.deepEqual(got, samples);
    await json('/api/v1/telemetry?asset=pump-1&metricKey=temperature&aggregation=5m');
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

  it("sends commands with the caller's key, name and permissions", async () => {
    t.runtime.answer = ({ command }) => ({ ok: true, result: JSON.parse(JSON.stringify(command)), repeated: false });
    const path = '/api/v1/alarms/asset%2Fpump-1:hot/shelve';
    const body = { durationMs: 60_000, reason: 'nuisance' };
    const init = { token: t.token.operator, headers: { 'idempotency-key': 'k-1' } };
    const first = await (await t.post(path, body, init)).json();
    assert.deepEqual(first, {
      result: { kind: 'ShelveAlarm', rule: 'hot', ...body },
      repeated: false,
      commandId: 'k-1',
    });
    assert.equal((await (await t.post(path, body, init)).json()).repeated, true);
    const asked = t.runtime.asked.at(-1);
    assert.equal(asked?.to, 'asset/pump-1');
    assert.deepEqual(asked?.options.by, { user: 'operator-1', via: 'http' });
    const made = await (await t.post('/api/v1/workorders', { title: ' Bearing ', asset: 'pump-1' })).json();
    assert.equal(made.result.kind, 'RequestWorkOrder');
    assert.deepEqual(made.result.draft, { title: 'Bearing', asset: 'pump-1', site: 'north' });
    const date = new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Kiritimati' }).format(Date.now());
    assert.equal(made.result.date, date.replaceAll('-', ''));
    const moved = await (
      await t.post('/api/v1/workorders/WO-20260301-00001/transitions/hold', { holdReason: 'weather' })
    ).json();
    assert.deepEqual(moved.result, { kind: 'TransitionWorkOrder', transition: 'hold', holdReason: 'weather' });
    const written = await (await t.post('/api/v1/devices/d001/points/flow/write', { value: 3 })).json();
    assert.deepEqual(written.result, { kind: 'WritePoint', point: 'flow', value: 3 });
    const empty = await t.request('/api/v1/alarms/asset%2Fpump-1:hot/acknowledge', { method: 'POST' });
    assert.equal(empty.status, 200);
  });

  it('acknowledges a list, each alarm for itself', async () => {
    t.runtime.answer = ({ command }) =>
      JSON.stringify(command).includes('"dry"')
        ? { ok: false, code: 'NOT_ACTIVE', message: 'is normal' }
        : { ok: true, result: null, repeated: false };
    const init = { headers: { 'idempotency-key': 'bulk' } };
    const body = { ids: ['asset/pump-1:hot', 'asset/pump-1:dry', 'asset/pump-1:hot'] };
    const { items } = await (await t.post('/api/v1/alarms/acknowledge', body, init)).json();
    assert.deepEqual(items, [
      { id: 'asset/pump-1:hot', ok: true },
      { id: 'asset/pump-1:dry', ok: false, code: 'NOT_ACTIVE', message: 'is normal' },
    ]);
    assert.deepEqual(await problem(t.post('/api/v1/alarms/acknowledge', { ids: [] })), [422, 'INVALID_BODY', 'ids']);
  });

  it('turns a refusal into its status', async () => {
    const path = '/api/v1/devices/d001/points/flow/write';
    const statuses = {
      INVALID_COMMAND: 422,
      FORBIDDEN: 403,
      NOT_FOUND: 404,
      INVALID_STATE_TRANSITION: 422,
      OVERLOADED: 503,
      UNAVAILABLE: 503,
      TIMEOUT: 504,
      SOMETHING_OF_AN_ACTOR: 422,
    };
    for (const [refusal, status] of Object.entries(statuses)) {
      t.runtime.answer = () => ({ ok: false, code: refusal, message: 'no', field: 'value' });
      const response = await t.post(path, { value: 1 });
      assert.equal(response.status, status);
      assert.equal(response.headers.has('retry-after'), status === 503, refusal);
      const { error } = await response.json();
      assert.deepEqual([error.code, error.field], [refusal, 'value']);
    }
  });

  it('refuses bodies that are not what they should be, and says what is wrong', async () => {
    const path = '/api/v1/alarms/asset%2Fpump-1:hot/shelve';
    const raw = (body: string, type = 'application/json') =>
      problem(t.request(path, { method: 'POST', body, headers: { 'content-type': type } }));
    assert.deepEqual(await raw('{'), [400, 'BAD_JSON', undefined]);
    assert.deepEqual(await raw('{}'), [422, 'INVALID_BODY', 'durationMs']);
    assert.deepEqual(await raw('[]'), [422, 'INVALID_BODY', undefined]);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":" "}'), [422, 'INVALID_BODY', 'reason']);
    assert.deepEqual(await raw('{"durationMs":60000,"reason":"x","who":1}'), [422, 'INVALID_BODY', 'who']);
    assert.deepEqual(await raw('{}', 'text/plain'), [415, 'UNSUPPORTED_MEDIA_TYPE', undefined]);
    assert.deepEqual(await raw(`"${'x'.repeat(70_000)}"`), [413, 'TOO_LARGE', undefined]);
    assert.deepEqual(await problem(t.post('/api/v1/alarms/nonsense/reset', {})), [400, 'INVALID_REQUEST', 'id']);
    assert.deepEqual(await problem(t.request(path, { method: 'PATCH', body: '{}' })), [
      405,
      'METHOD_NOT_ALLOWED',
      undefined,
    ]);
    assert.deepEqual(await problem(t.request('/api/v1/nothing')), [404, 'NOT_FOUND', undefined]);
    const key = { headers: { 'idempotency-key': 'x'.repeat(121) } };
    assert.deepEqual(await problem(t.post(path, {}, key)), [400, 'INVALID_REQUEST', 'Idempotency-Key']);
  });

  it('answers 500 with the request id, and logs it, when a handler fails', async () => {
    t.runtime.deadLetters.counts = () => Promise.reject(new Error('disk on fire'));
    const response = await t.request('/api/v1/dead-letters/counts', { headers: { 'x-request-id': 'find-me-1' } });
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.ok(!text.includes('fire'));
    assert.ok(text.includes('find-me-1'));
    assert.ok(t.lines.some(({ level, details }) => level === 'error' && JSON.stringify(details).includes('find-me-1')));
  });

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
    assert.equal((await json('/api/v1/session', made.token)).user, 'wall');
    const list = await json('/api/v1/tokens');
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

  it('serves the wall, and its page for every view, and nothing from outside of it', async () => {
    const page = await fetch(`${t.url}/assets/pump-1?tab=trend`);
    assert.match(await page.text(), /Wall/);
    assert.equal(page.headers.get('content-encoding'), 'gzip');
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self';.*frame-ancestors 'none'/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    const script = await fetch(`${t.url}/assets/wall.js`);
    assert.match(script.headers.get('content-type') ?? '', /javascript/);
    await script.text();
    const again = await fetch(`${t.url}/assets/wall.js`, {
      headers: { 'if-none-match': script.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    assert.equal((await fetch(`${t.url}/assets/gone.js`)).status, 404);
    for (const path of [
      '/../front-secret.txt',
      '/..%2ffront-secret.txt',
      '/assets/..%2f..%2ffront-secret.txt',
      '/%2e%2e/front-secret.txt',
      '/%',
    ]) {
      assert.ok(
        !(await rawGet(t.front.port, path)).includes('secret\n') &&
          !(await rawGet(t.front.port, path)).endsWith('secret'),
        path,
      );
    }
    const head = await fetch(`${t.url}/`, { method: 'HEAD' });
    assert.equal(head.status, 200);
  });

  it('tells orchestrators whether it lives and serves, and Prometheus the rest', async () => {
    assert.deepEqual(await (await fetch(`${t.url}/health`)).json(), { status: 'ok' });
    assert.equal((await fetch(`${t.url}/ready`)).status, 200);
    t.runtime.healthNow = { status: 'unhealthy', parts: [{ name: 'log', status: 'unhealthy', detail: 'full' }] };
    assert.equal((await fetch(`${t.url}/ready`)).status, 503);
    const health = await json('/api/v1/health');
    assert.equal(health.parts[0].detail, 'full');
    assert.equal(health.organization, 'Test Ltd');
    t.runtime.healthNow = { status: 'healthy', parts: [] };
    const metrics = await (await fetch(`${t.url}/metrics`)).text();
    assert.match(metrics, /signalbox_http_requests_total\{method="GET",route="\/assets\/\{id\}",status="404"\} 1/);
    const proxied = await fetch(`${t.url}/metrics`, { headers: { 'x-forwarded-for': '10.0.0.9' } });
    assert.equal(proxied.status, 401);
    assert.equal(
      (await t.request('/metrics', { token: t.token.viewer, headers: { 'x-forwarded-for': '10.0.0.9' } })).status,
      200,
    );
  });

  it('compresses large answers, answers other origins only if they are named, and describes itself', async () => {
    const large = await t.request('/api/v1/devices');
    assert.equal(large.headers.get('content-encoding'), 'gzip');
    assert.equal((await large.json()).items.length, 100);
    const plain = await t.request('/api/v1/devices', { headers: { 'accept-encoding': 'gzip;q=0' } });
    assert.equal(plain.headers.get('content-encoding'), null);
    const named = await t.request('/api/v1/session', { headers: { origin: 'https://hmi.example' } });
    assert.equal(named.headers.get('access-control-allow-origin'), 'https://hmi.example');
    const other = await t.request('/api/v1/session', { headers: { origin: 'https://evil.example' } });
    assert.equal(other.headers.get('access-control-allow-origin'), null);
    const preflight = await fetch(`${t.url}/api/v1/assets`, {
      method: 'OPTIONS',
      headers: { origin: 'https://hmi.example' },
    });
    assert.equal(preflight.status, 204);
    const document = await (await fetch(`${t.url}/api/v1/openapi.json`)).json();
    assert.equal(document.openapi, '3.1.0');
  });

  it('survives clients that go away, half requests and garbage', async () => {
    for (let i = 0; i < 40; i++) {
      const socket = net.connect(t.front.port, '127.0.0.1');
      socket.on('error', () => {});
      const head = `POST /api/v1/alarms/acknowledge HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.token.admin}\r\nContent-Type: application/json\r\n`;
      if (i % 4 === 0) socket.write(`${head}Content-Length: 500\r\n\r\n{"ids":`);
      else if (i % 4 === 1) socket.write(`${head}Content-Length: 999999999\r\n\r\n${'x'.repeat(1000)}`);
      else if (i % 4 === 2)
        socket.write(`GET /api/v1/devices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.token.admin}\r\n\r\n`);
      else socket.write(Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 37 + i * 11) % 256)));
      await new Promise((resolve) => socket.once('connect', () => setTimeout(resolve, i % 5)));
      socket.destroy();
    }
    const aborts = Array.from({ length: 30 }, (_, i) => {
      const control = new AbortController();
      setTimeout(() => control.abort(), i % 4);
      return t.request('/api/v1/devices?limit=1000', { signal: control.signal }).then(
        (r) => r.text(),
        () => {},
      );
    });
    await Promise.all(aborts);
    assert.equal((await t.request('/api/v1/session')).status, 200);
    assert.ok(process.memoryUsage().rss < 600 * MB);
  });

  it('says that a port is taken', async () => {
    await assert.rejects(startTestFront({ port: t.front.port }), { code: 'PORT_IN_USE' });
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

describe('a front that stops', () => {
  it('lets a request under way finish, and closes within two seconds', async () => {
    const t = await startTestFront();
    let release: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      t.runtime.answer = async () => {
        resolve();
        await new Promise<void>((done) => {
          release = done;
        });
        return { ok: true, result: 'late', repeated: false };
      };
    });
    const request = t.post('/api/v1/devices/d/points/p/write', { value: 1 });
    await started;
    const client = await t.connect();
    const startMs = Date.now();
    const closed = t.close();
    setTimeout(release, 50);
    assert.equal((await (await request).json()).result, 'late');
    await closed;
    assert.ok(Date.now() - startMs < 2500);
    await client.waitFor('close', (c) => c.closed !== undefined);
    await assert.rejects(fetch(`${t.url}/health`));
  });
});

/** Paths as they are: fetch would tidy them up. */
function rawGet(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    setTimeout(() => socket.destroy(), 300).unref();
  });
}
