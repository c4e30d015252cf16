import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startTestFront, type TestFront } from '../support/front.ts';
import type { WsClient } from '../support/ws-client.ts';

const alarm = (rule: string, more: object = {}) => ({
  id: `asset/pump-1:${rule}`,
  entity: 'asset/pump-1',
  rule,
  site: 'north',
  severity: 'HIGH',
  state: 'ACTIVE',
  ...more,
});

async function hello(client: WsClient): Promise<void> {
  await client.waitFor('hello', (c) => c.frames.length > 0);
}

describe('the push', () => {
  let t: TestFront;
  before(async () => {
    t = await startTestFront();
    t.runtime.set('site/north', { props: { name: 'North', site: 'north' } });
    t.runtime.set('asset/pump-1', {
      props: { site: 'north' },
      alarms: { hot: alarm('hot'), low: alarm('low', { severity: 'LOW' }) },
    });
    for (let i = 0; i < 300; i++) {
      t.runtime.set(`device/d${i}`, {
        props: { site: i % 2 ? 'north' : 'south', note: 'x'.repeat(500) },
        values: { a: i },
      });
    }
    t.runtime.live.flush();
  });
  after(() => t.close());

  it('greets with who one is and beats each second', async () => {
    const client = await t.connect(t.token.viewer);
    await client.waitFor('heartbeat', (c) => c.of('heartbeat').length > 0);
    const [first] = client.frames;
    assert.equal(first?.op, 'hello');
    assert.equal(first?.user, 'viewer-1');
    assert.equal(first?.organization, 'Test Ltd');
    assert.equal(first?.simulated, true);
    const beat = client.of('heartbeat')[0];
    assert.equal(beat?.health, 'healthy');
    assert.equal(beat?.notRecorded, false);
    t.runtime.healthNow = { status: 'degraded', parts: [{ name: 'journal', status: 'unhealthy', detail: 'disk' }] };
    await client.waitFor('trouble', (c) => c.of('heartbeat').some(({ notRecorded }) => notRecorded === true));
    t.runtime.healthNow = { status: 'healthy', parts: [] };
    client.close();
  });

  it('sends a snapshot in parts, then what changes', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'd', topic: 'devices', filter: { site: 'north' } });
    await client.waitFor('snapshot', (c) => c.of('snapshot').some(({ more }) => more === false));
    const parts = client.of('snapshot');
    assert.ok(parts.length > 1);
    assert.equal(parts.flatMap(({ items }) => items).length, 150);
    t.runtime.set('device/d1', { values: { a: 'new' } });
    t.runtime.set('device/d2', { values: { a: 'of the other site' } });
    await client.waitFor('delta', (c) => c.of('delta').length > 0);
    assert.deepEqual(
      client.of('delta').flatMap(({ items }) => items),
      [{ id: 'd1', values: { a: 'new' } }],
    );
    client.send({ op: 'unsubscribe', sub: 'd' });
    client.send({ op: 'ping', id: 'p' });
    await client.waitFor('pong', (c) => c.of('pong').length > 0);
    t.runtime.set('device/d1', { values: { a: 'newer' } });
    t.runtime.live.flush();
    client.send({ op: 'ping' });
    await client.waitFor('pong', (c) => c.of('pong').length > 1);
    assert.equal(client.of('delta').length, 1);
    client.close();
  });

  it('shows the alarms that stand, and then every transition', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'a', topic: 'alarms', filter: { severity: ['HIGH'], site: 'north' } });
    await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
    assert.deepEqual(client.of('snapshot')[0]?.items, [alarm('hot')]);
    t.runtime.commit('asset/pump-1', 'AlarmAcknowledged', alarm('hot', { state: 'ACKNOWLEDGED' }));
    t.runtime.commit('asset/pump-1', 'AlarmAcknowledged', alarm('low', { severity: 'LOW' }));
    t.runtime.commit('asset/pump-1', 'AssetStatusChanged', { status: 'maintenance' });
    t.runtime.commit('asset/pump-1', 'AlarmCleared', alarm('hot', { state: 'CLEARED' }));
    await client.waitFor('events', (c) => c.tokens.length >= 2);
    const events = client.of('event').flatMap(({ events }) => events as { kind: string }[]);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['AlarmAcknowledged', 'AlarmCleared'],
    );
    client.close();
  });

  it('gives exactly the events of the journal, though the socket is killed a hundred times', async () => {
    const from = t.runtime.journal.rows.length;
    const received: number[] = [];
    let resume: string | undefined;
    let committed = 0;
    const producer = setInterval(() => {
      for (let i = 0; i < 5 && committed < 1000; i++, committed++)
        t.runtime.commit('asset/pump-1', 'AlarmRaised', alarm('hot'));
    }, 2);
    try {
      for (let life = 0; life <= 100; life++) {
        const client = await t.connect(t.token.viewer);
        client.send({ op: 'subscribe', sub: 'e', topic: 'events', ...(resume !== undefined && { resume }) });
        await client.waitFor('snapshot', (c) => c.of('snapshot').length > 0);
        resume ??= String(client.of('snapshot')[0]?.token);
        const start = received.length === 0 ? Number(resume) : from;
        if (life < 100) await client.waitFor('an event', (c) => c.tokens.length > 0 || committed >= 1000);
        else await client.waitFor('the rest', (c) => (c.tokens.at(-1) ?? Number(resume)) >= from + 1000, 10_000);
        client.kill();
        await client.waitFor('close', (c) => c.closed !== undefined);
        received.push(...client.tokens);
        resume = String(received.at(-1) ?? start);
      }
    } finally {
      clearInterval(producer);
    }
    const first = received[0] ?? 0;
    assert.deepEqual(
      received,
      t.runtime.journal.rows.map(({ position }) => position).filter((position) => position >= first),
    );
    assert.ok(received.length >= 990, String(received.length));
  });

  it('resumes from a token of long ago, out of the journal', async () => {
    const client = await t.connect(t.token.viewer);
    client.send({ op: 'subscribe', sub: 'e', topic: 'events', resume: '0' });
    await client.waitFor('all', (c) => c.tokens.length >= t.runtime.journal.rows.length);
    assert.deepEqual(
      client.tokens,
      t.runtime.journal.rows.map(({ position }) => position),
    );
    client.close();
  });

  it('refuses a resume token that is none', async () => {
    const client = await t.connect(t.token.viewer);
    for (const resume of ['x', '-1', '1e3', '99999999'])
      client.send({ op: 'subscribe', sub: 'e', topic: 'events', resume });
    client.send({ op: 'subscribe', sub: 'e', topic: 'devices', resume: '0' });
    await client.waitFor('errors', (c) => c.of('error').length === 5);
    assert.ok(
      client.of('error').every(({ code, field, sub }) => code === 'BAD_RESUME' && field === 'resume' && sub === 'e'),
    );
    client.close();
  });

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

  it('answers every malformed frame with its fault, and after twenty closes', async () => {
    const client = await t.connect(t.token.viewer);
    client.send('not json');
    client.send('{"op":"fly"}');
    client.send({ op: 'subscribe', sub: 's', topic: 'moons' });
    client.send({ op: 'subscribe', sub: 's', topic: 'assets', extra: 1 });
    client.send({ op: 'unsubscribe', sub: 'none' });
    client.send(JSON.stringify({ op: 'ping', id: 'x'.repeat(70_000) }));
    client.socket.send(Buffer.from([1, 2, 3]));
    await client.waitFor('errors', (c) => c.of('error').length === 7);
    assert.deepEqual(
      client.of('error').map(({ code, field }) => [code, field]),
      [
        ['BAD_JSON', undefined],
        ['BAD_FRAME', 'op'],
        ['BAD_FRAME', 'topic'],
        ['BAD_FRAME', 'extra'],
        ['NOT_SUBSCRIBED', undefined],
        ['TOO_LARGE', undefined],
        ['BAD_FRAME', undefined],
      ],
    );
    for (let i = 0; i < 13; i++) client.send('[]');
    await client.waitFor('close', (c) => c.closed !== undefined);
    assert.equal(client.closed?.code, 1008);
  });

  it('lets nobody in without a token, or from a foreign page', async () => {
    await assert.rejects(t.connect('sbx_nonsense'), /HTTP 401/);
    await assert.rejects(t.connect(t.token.admin, { origin: 'https://evil.example' }), /HTTP 403/);
    const cookie = { cookie: `signalbox_session=${t.token.viewer}`, authorization: '' };
    await assert.rejects(t.connect('', { ...cookie, origin: 'https://evil.example' }), /HTTP 403/);
    const client = await t.connect('', { ...cookie, origin: t.origin });
    await hello(client);
    client.close();
  });

  it('closes the sockets of a revoked token, also when another process revoked it', async () => {
    const here = await t.tokens.create({ name: 'h', role: 'viewer', createdBy: 'test', expiresAtMs: null });
    const elsewhere = await t.tokens.create({ name: 'e', role: 'viewer', createdBy: 'test', expiresAtMs: null });
    const short = await t.tokens.create({
      name: 's',
      role: 'viewer',
      createdBy: 'test',
      expiresAtMs: Date.now() + 500,
    });
    const clients = await Promise.all([here, elsewhere, short].map(({ token }) => t.connect(token)));
    const other = await t.connect(t.token.viewer);
    await t.tokens.revoke(here.stored.id);
    await t.store.revoke(elsewhere.stored.id, Date.now());
    for (const client of clients) {
      await client.waitFor('close', (c) => c.closed !== undefined);
      assert.equal(client.closed?.code, 1008);
    }
    assert.equal(other.closed, undefined);
    await assert.rejects(t.connect(here.token), /HTTP 401/);
    other.close();
  });

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
        .map(({ token }) => Number(token));
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

  it('survives garbage', async () => {
    let seed = 12_345;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const pieces = [
      '{',
      '}',
      '[',
      '"op"',
      ':',
      '"subscribe"',
      '"sub"',
      ',',
      'null',
      '1e999',
      '"\\ud800"',
      '__proto__',
      '"filter"',
      'topic',
      '\u0000',
      '"alarms"',
    ];
    for (let round = 0; round < 30; round++) {
      const client = await t.connect(t.token.viewer);
      for (let i = 0; i < 25; i++) {
        client.send(Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join(''));
      }
      await client.waitFor('close', (c) => c.closed !== undefined);
      const raw = net.connect(t.front.port, '127.0.0.1');
      raw.on('error', () => {});
      raw.end(Buffer.from(Array.from({ length: 200 }, () => random(256))));
    }
    await hello(await t.connect(t.token.viewer));
    assert.deepEqual(
      t.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
});

interface RawFrame extends Record<string, unknown> {
  readonly op: string;
}

/** A client on a bare socket, which can stop reading. */
async function rawClient(port: number, token: string) {
  const socket = net.connect(port, '127.0.0.1');
  const frames: RawFrame[] = [];
  let buffer = Buffer.alloc(0);
  let open = false;
  let wake: () => void = () => {};
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const chunks: Buffer[] = [];
  const parse = () => {
    buffer = Buffer.concat([buffer, ...chunks.splice(0)]);
    if (!open) {
      const end = buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      buffer = buffer.subarray(end + 4);
      open = true;
    }
    for (;;) {
      if (buffer.length < 2) return;
      const short = (buffer[1] ?? 0) & 127;
      const header = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (buffer.length < header) return;
      const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
      if (buffer.length < header + length) return;
      if (((buffer[0] ?? 0) & 15) === 1) frames.push(JSON.parse(buffer.toString('utf8', header, header + length)));
      buffer = buffer.subarray(header + length);
    }
  };
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    parse();
    wake();
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return {
    socket,
    frames,
    write(text: string) {
      const payload = Buffer.from(text);
      // Masked with zeros: valid, and the payload stays as it is.
      const head =
        payload.length < 126
          ? [0x81, 0x80 | payload.length, 0, 0, 0, 0]
          : [0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0];
      socket.write(Buffer.concat([Buffer.from(head), payload]));
    },
    async until(condition: (frames: readonly RawFrame[]) => boolean) {
      const deadlineMs = Date.now() + 10_000;
      while (!condition(frames)) {
        if (Date.now() > deadlineMs) throw new Error(`not within 10 s; ${frames.length} frames`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100).unref();
        });
      }
    },
  };
}
