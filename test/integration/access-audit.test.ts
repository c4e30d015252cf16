/**
 * Goal: who came in, who was turned away and what became of tokens stands in the audit, whichever way it went, and no secret does.
 * Method: the built product as a process of its own, its API and WebSocket, and the command line beside it and without it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../support/condition.ts';
import { Product, signalbox } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { WsClient } from '../support/ws-client.ts';

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
assets:
  - { id: pump-1, name: Pump 1, site: works }
`;
const WITHIN_MS = 20_000;
/** Made by the command line, or typed by somebody: none may be found in the audit. */
const secrets: string[] = [];

interface Row {
  readonly position: number;
  readonly kind: string;
  readonly user: string;
  readonly via: string;
  readonly timeMs: number;
  readonly event: Record<string, unknown> & { readonly token?: { readonly id: string } };
  readonly before: unknown;
  readonly after: unknown;
}

const { dir, remove } = tempDir('access-audit');
const dataDir = path.join(dir, 'data');
let product: Product;
before(async () => {
  const topology = path.join(dir, 'plant.yaml');
  fs.writeFileSync(topology, TOPOLOGY);
  product = await Product.start({ dataDir, topology });
  secrets.push(product.key);
});
after(async () => {
  await product?.kill();
  remove();
});

async function audit(filter = ''): Promise<Row[]> {
  return (await product.get<{ items: Row[] }>(`/audit?entity=access/main&limit=1000${filter}`)).items;
}

async function row(what: string, filter: string, fits: (row: Row) => boolean = () => true): Promise<Row> {
  let found: Row | undefined;
  await until(
    what,
    async () => {
      found = (await audit(filter)).find(fits);
      return found !== undefined;
    },
    WITHIN_MS,
  );
  assert.ok(found);
  return found;
}

function session(token: string): Promise<Response> {
  return fetch(`${product.url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
}

test('the first key is in the audit, and who logs in with it', async () => {
  const made = await row('the first key', '&kind=TokenCreated');
  assert.deepEqual([made.user, made.via, made.event.address], ['first start', 'cli', null]);
  assert.equal((await session(product.key)).status, 200);
  const [loggedIn] = await audit('&kind=LoggedIn&user=first-key');
  assert.ok(loggedIn, 'by the time of the answer it is there');
  assert.deepEqual(
    [loggedIn.via, loggedIn.event.role, loggedIn.event.tokenId],
    ['http', 'admin', made.event.token?.id],
  );
  assert.match(String(loggedIn.event.address), /127\.0\.0\.1|0001/);
});

test('a log-in with a token that was never made is in the audit, without the token', async () => {
  const forged = `sbx_${'0'.repeat(16)}_${'A'.repeat(43)}`;
  secrets.push(forged);
  assert.equal((await session(forged)).status, 401);
  const refused = await row('the refused log-in', '&kind=LogInRefused');
  assert.deepEqual([refused.user, refused.event.code, refused.event.tokenId], ['unknown', 'TOKEN_INVALID', null]);
});

test('a token of the API is in the audit with before and after, and so is whatever it was refused', async () => {
  const wanted = { name: 'desk', role: 'viewer' };
  const made = await product.request<{ id: string; token: string }>('POST', '/tokens', { body: wanted });
  assert.ok(made.ok);
  const { id, token } = made.body;
  secrets.push(token);
  const facts = { id, name: 'desk', role: 'viewer', expiresAtMs: null };
  const [created] = await audit('&kind=TokenCreated&user=first-key');
  assert.ok(created, 'by the time of the answer it is there');
  assert.deepEqual([created.via, created.before, created.after], ['http', null, facts]);

  assert.equal((await product.request('GET', '/audit', { token })).status, 403);
  const socket = await WsClient.open(`${product.url.replace('http', 'ws')}/ws`, { authorization: `Bearer ${token}` });
  const command = { kind: 'CommentAlarm', rule: 'x', text: 'y' };
  socket.send({ op: 'command', id: 'c-1', entity: 'asset/pump-1', command });
  const http = await row('the refused request', '&kind=PermissionRefused&user=desk', ({ via }) => via === 'http');
  assert.deepEqual([http.event.wanted, http.event.tokenId], ['GET /api/v1/audit', id]);
  assert.match(String(http.event.reason), /audit:read/);
  const push = await row('the refused command', '&kind=PermissionRefused', ({ via }) => via === 'websocket');
  assert.deepEqual([push.event.wanted, push.user], ['CommentAlarm asset/pump-1:x', 'desk']);
  socket.close();

  assert.equal((await product.request('DELETE', `/tokens/${id}`)).status, 200);
  const [revoked] = await audit('&kind=TokenRevoked');
  assert.deepEqual([revoked?.before, revoked?.after], [facts, null]);
  assert.equal((await product.request('GET', '/assets', { token })).status, 401);
  await row('a revoked token was tried', '&kind=LogInRefused&user=desk', ({ event }) => event.tokenId === id);
});

test('tokens of the command line are in the audit, made beside the product or without it, each once', async () => {
  const created = await signalbox(['token', 'create', 'shift lead', '--role', 'operator', '--data', dataDir]);
  secrets.push(created.stdout.trim());
  const id = /Token (\S+) for/.exec(created.stderr)?.[1] ?? '';
  const ofIt = ({ event }: Row) => event.token?.id === id;
  const made = await row('it was made', '&kind=TokenCreated', ofIt);
  assert.deepEqual([made.via, made.event.address, made.before], ['cli', null, null]);
  assert.notEqual(made.user, '');

  await product.stop();
  const beforeMs = Date.now();
  assert.equal((await signalbox(['token', 'revoke', id, '--data', dataDir])).code, 0);
  const afterMs = Date.now();
  await product.restart();
  const revoked = await row('it was revoked', '&kind=TokenRevoked', ofIt);
  assert.equal(revoked.via, 'cli');
  const atMs = Number(revoked.event.atMs);
  assert.ok(atMs >= beforeMs && atMs <= afterMs, 'the time is that of the command, not that of the start');

  const rows = await audit();
  await product.kill();
  await product.restart();
  assert.deepEqual((await audit()).filter(ofIt), rows.filter(ofIt), 'a kill changes nothing');
});

test('a flood of refusals is a handful of rows', async () => {
  const before = (await audit()).length;
  const statuses = await Promise.all(
    Array.from({ length: 400 }, () => product.request('GET', '/assets', { token: 'sbx_nonsense' })),
  );
  assert.ok(statuses.every(({ status }) => status === 401 || status === 429));
  await row('the flood', '&kind=LogInRefused', ({ event }) => event.code === 'TOO_MANY_FAILURES');
  const added = (await audit()).length - before;
  assert.ok(added < 10, `${added} rows`);
});

test('no row has a token in it, or the hash of one', async () => {
  const all = JSON.stringify(await audit());
  assert.ok(secrets.length > 3 && all.length > 1000);
  for (const secret of secrets) {
    assert.ok(!all.includes(secret));
    assert.ok(!all.includes(secret.slice(21)));
    assert.ok(!all.includes(createHash('sha256').update(secret).digest('hex')));
  }
});
