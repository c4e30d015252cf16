import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ErrorWithCode } from '../../runtime/errors.ts';
import { problem, startTestFront, type TestFront } from '../support/front.ts';
import { startScene } from '../support/front-scene.ts';

const MB = 1024 * 1024;

describe('the HTTP server itself', () => {
  let t: TestFront;
  before(async () => {
    t = await startScene({ allowedOrigins: ['https://hmi.example'] });
  });
  after(() => t.close());

  it('answers 500 with the request id, and logs it, when a handler fails', async () => {
    t.runtime.deadLetters.counts = () => Promise.reject(new Error('disk on fire'));
    const response = await t.request('/api/v1/dead-letters/counts', { headers: { 'x-request-id': 'find-me-1' } });
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.ok(!text.includes('fire'));
    assert.ok(text.includes('find-me-1'));
    assert.ok(t.lines.some(({ level, details }) => level === 'error' && JSON.stringify(details).includes('find-me-1')));
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

  it('says which methods an address takes, and that the push is no page', async () => {
    const put = await t.request('/api/v1/assets', { method: 'PUT' });
    assert.equal(put.headers.get('allow'), 'GET');
    assert.deepEqual(await problem(Promise.resolve(put)), [405, 'METHOD_NOT_ALLOWED', undefined]);
    const session = await t.request('/api/v1/session', { method: 'PATCH' });
    assert.equal(session.headers.get('allow'), 'POST, GET, DELETE');
    const status = await fetch(`${t.url}/health`, { method: 'POST' });
    assert.equal(status.headers.get('allow'), 'GET, HEAD');
    assert.deepEqual(await problem(Promise.resolve(status)), [405, 'METHOD_NOT_ALLOWED', undefined]);
    assert.deepEqual(await problem(t.request('/ws')), [426, 'UPGRADE_REQUIRED', undefined]);
  });

  it('takes a parameter for unknown whatever it is called, and a number only as people write one', async () => {
    for (const name of ['colour', '__proto__', 'constructor', 'toString'])
      assert.deepEqual(await problem(t.request(`/api/v1/assets?${name}=1`)), [400, 'INVALID_REQUEST', name]);
    for (const limit of ['', '0', '1001', '1e2', '0x10', '%2010', '-1', '1.5', 'NaN'])
      assert.deepEqual(
        await problem(t.request(`/api/v1/assets?limit=${limit}`)),
        [400, 'INVALID_REQUEST', 'limit'],
        limit,
      );
  });

  it('says what a store cannot answer, and that it does not answer at all', async () => {
    const ask = () => problem(t.request('/api/v1/telemetry?asset=pump-1&metricKey=temperature'));
    for (const [code, status, shown] of [
      ['QUERY_TOO_LARGE', 422, 'QUERY_TOO_LARGE'],
      ['STORE_LOST', 503, 'UNAVAILABLE'],
      ['STORE_FAILED', 500, 'INTERNAL'],
    ] as const) {
      const { historian } = t.runtime;
      const raw = historian.raw.bind(historian);
      historian.raw = () => Promise.reject(new ErrorWithCode(code, 'ask for less'));
      assert.deepEqual(await ask(), [status, shown, undefined]);
      historian.raw = raw;
    }
  });

  it('says that a port is taken', async () => {
    await assert.rejects(startTestFront({ port: t.front.port }), { code: 'PORT_IN_USE' });
  });
});

describe('a request that hangs', () => {
  it('is answered with a time-out', async () => {
    const t = await startTestFront({ limits: { answerWithinMs: 50 } });
    try {
      t.runtime.answer = () => new Promise(() => {});
      assert.deepEqual(await problem(t.post('/api/v1/devices/d/points/p/write', { value: 1 })), [
        504,
        'TIMEOUT',
        undefined,
      ]);
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
