import { Registry } from 'prom-client';
import { Authenticator } from '../../gateways/auth/authenticator.ts';
import { rolesWith } from '../../gateways/auth/roles.ts';
import type { DriverLog } from '../../gateways/driver.ts';
import { type FrontOptions, startFront } from '../../gateways/http/front.ts';
import { MemoryRuntime } from './memory-runtime.ts';
import { MemoryTokenStore } from './memory-token-store.ts';
import { WsClient } from './ws-client.ts';

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
    (await tokens.create({ name: `${role}-1`, role, createdBy: 'test', expiresAtMs: null })).token;
  const [admin, engineer, operator, viewer, blind] = await Promise.all(
    ['admin', 'engineer', 'operator', 'viewer', 'blind'].map(make),
  );
  if (!admin || !engineer || !operator || !viewer || !blind) throw new Error('no tokens');
  const lines: LogLine[] = [];
  const line = (level: keyof DriverLog) => (details: object, message: string) =>
    lines.push({ level, details, message });
  const registry = new Registry();
  const front = await startFront({
    host: '127.0.0.1',
    port: 0,
    runtime,
    tokens,
    registry,
    plant: { organization: 'Test Ltd', simulated: true, version: '1.2.3', node: 'core-1' },
    log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    ...more,
  });
  const url = `http://127.0.0.1:${front.port}`;
  const clients: WsClient[] = [];
  return {
    runtime,
    store,
    tokens,
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
      runtime.close();
    },
  };
}

export type TestFront = Awaited<ReturnType<typeof startTestFront>>;
