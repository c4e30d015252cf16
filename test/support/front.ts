import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { AccessEvent } from '../../actors/access/events.ts';
import { AccessAudit } from '../../gateways/auth/access-audit.ts';
import { Authenticator } from '../../gateways/auth/authenticator.ts';
import { rolesWith } from '../../gateways/auth/roles.ts';
import type { DriverLog } from '../../gateways/driver.ts';
import { type FrontOptions, startFront } from '../../gateways/http/front.ts';
import { MemoryRuntime } from './memory-runtime.ts';
import { MemoryTokenStore } from './memory-token-store.ts';
import { WsClient } from './ws-client.ts';

/** Who makes and revokes tokens here. */
export const BY_TEST = { user: 'test', via: 'http', address: null } as const;

export interface LogLine {
  readonly level: keyof DriverLog;
  readonly details: object;
  readonly message: string;
}

/** The people's side over a runtime without actors, on a free port, with a token for each role. */
export async function startTestFront({
  flushIntervalMs = 5,
  ...more
}: Partial<FrontOptions> & { flushIntervalMs?: number } = {}) {
  const runtime = new MemoryRuntime({ flushIntervalMs });
  const store = new MemoryTokenStore();
  const tokens = new Authenticator({ store, roles: () => rolesWith({ blind: [] }) });
  const make = async (role: string) =>
    (await tokens.create({ name: `${role}-1`, role, expiresAtMs: null }, BY_TEST)).token;
  const [admin, engineer, operator, viewer, blind] = await Promise.all(
    ['admin', 'engineer', 'operator', 'viewer', 'blind'].map(make),
  );
  if (!admin || !engineer || !operator || !viewer || !blind) throw new Error('no tokens');
  const lines: LogLine[] = [];
  const line = (level: keyof DriverLog) => (details: object, message: string) =>
    lines.push({ level, details, message });
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const registry = new Registry();
  // A runtime of its own, so that tests of commands see theirs alone.
  const book = new MemoryRuntime();
  const access = new AccessAudit({ runtime: book, tokens, log });
  access.start();
  const closeParts = async () => {
    await access.close();
    book.close();
    runtime.close();
  };
  const front = await startFront({
    host: '127.0.0.1',
    port: 0,
    runtime,
    tokens,
    access,
    registry,
    plant: { organization: 'Test Ltd', simulated: true, version: '1.2.3', node: 'core-1' },
    log,
    ...more,
  }).catch(async (error: unknown) => {
    await closeParts();
    throw error;
  });
  const url = `http://127.0.0.1:${front.port}`;
  const clients: WsClient[] = [];
  const request = (path: string, init: RequestInit & { token?: string } = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${init.token ?? admin}`, ...init.headers } });
  return {
    runtime,
    store,
    tokens,
    access,
    /** What the access book was told, in order. */
    accessRecords: () => book.asked.map(({ command, options }) => ({ ...recordedIn(command), by: options.by })),
    registry,
    front,
    lines,
    url,
    origin: url,
    token: { admin, engineer, operator, viewer, blind },
    request,
    /** The answer to a question that has to succeed. */
    json: async (path: string, token?: string) => {
      const response = await request(path, token === undefined ? {} : { token });
      if (response.status !== 200) assert.fail(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
    post: (path: string, body: unknown, init: RequestInit & { token?: string } = {}) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        ...init,
        body: JSON.stringify(body),
        headers: {
          authorization: `Bearer ${init.token ?? admin}`,
          'content-type': 'application/json',
          ...init.headers,
        },
      }),
    connect: async (token: string = admin, headers: Record<string, string> = {}) => {
      const client = await WsClient.open(`ws://127.0.0.1:${front.port}/ws`, {
        authorization: `Bearer ${token}`,
        ...headers,
      });
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) client.close();
      await front.close();
      await closeParts();
    },
  };
}

export type TestFront = Awaited<ReturnType<typeof startTestFront>>;

/** Status, code and field of a refusal, which has to be in the one shape. */
export async function problem(response: Promise<Response>): Promise<[number, string, string | undefined]> {
  const got = await response;
  const { error, ...rest } = await got.json();
  assert.deepEqual(rest, {});
  assert.equal(error.requestId, got.headers.get('x-request-id'));
  assert.ok(typeof error.message === 'string' && error.message.length > 3, JSON.stringify(error));
  return [got.status, error.code, error.field];
}

function recordedIn(command: unknown): AccessEvent {
  assert.ok(typeof command === 'object' && command !== null && 'event' in command);
  return AccessEvent.parse(command.event);
}
