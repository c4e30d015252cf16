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
export async function startTestFront(more: Partial<FrontOptions> = {}) {
  const runtime = new MemoryRuntime();
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
  });
  const url = `http://127.0.0.1:${front.port}`;
  const clients: WsClient[] = [];
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
    request: (path: string, init: RequestInit & { token?: string } = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${init.token ?? admin}`, ...init.headers },
      }),
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
      await access.close();
      book.close();
      runtime.close();
    },
  };
}

export type TestFront = Awaited<ReturnType<typeof startTestFront>>;

function recordedIn(command: unknown): AccessEvent {
  assert.ok(typeof command === 'object' && command !== null && 'event' in command);
  return AccessEvent.parse(command.event);
}
