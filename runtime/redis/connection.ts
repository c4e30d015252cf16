import { Redis } from 'ioredis';
import { ErrorWithCode, messageOf } from '../errors.ts';

const CONNECT_TIMEOUT_MS = 2000;
/** A cache that takes longer is asked for nothing: the owners answer faster. */
const COMMAND_TIMEOUT_MS = 1000;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

export interface RedisState {
  readonly connected: boolean;
  readonly detail: string;
}

/**
 * One connection to Redis, tried again for ever, with a pause that grows up to a cap and jitter in it. Nothing is queued while
 * it is away: a command then fails at once, and one that is not answered in time fails too.
 */
export class RedisLink {
  readonly client: Redis;
  /** Host and port, without what is secret. */
  readonly server: string;
  readonly #listeners = new Set<() => void>();
  #connected = false;
  #sinceMs = Date.now();
  #lastError: string | undefined;

  /** Begins to connect; fails with REDIS_URL_INVALID alone. */
  constructor(url: string, name: string) {
    const { server, options } = addressOf(url);
    this.server = server;
    this.client = new Redis({
      ...options,
      connectionName: name,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      keepAlive: 10_000,
      retryStrategy: (attempt) =>
        Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
    });
    this.client.on('ready', () => {
      this.#lastError = undefined;
      this.#become(true);
      for (const listener of this.#listeners) listener();
    });
    this.client.on('error', (error: unknown) => {
      this.#lastError = messageOf(error);
    });
    this.client.on('close', () => this.#become(false));
  }

  get state(): RedisState {
    if (this.#connected) return { connected: true, detail: `Redis at ${this.server}` };
    const since = `no connection to Redis at ${this.server} since ${new Date(this.#sinceMs).toISOString()}`;
    const why = this.#lastError === undefined ? '' : `: ${this.#lastError}`;
    return { connected: false, detail: `${since}${why}; live views come from the nodes that own them` };
  }

  /** Called whenever it is there anew: it may have forgotten everything. */
  onReady(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.client.disconnect();
  }

  #become(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#sinceMs = Date.now();
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: { readonly servername: string };
}

/** Where it is, and how to log in, apart: only the former is ever shown. */
export function addressOf(url: string): { readonly server: string; readonly options: Address } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const db = Number(parsed?.pathname.slice(1) || '0');
  if (!parsed || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '' || !Number.isInteger(db)) {
    throw new ErrorWithCode(
      'REDIS_URL_INVALID',
      'REDIS_URL has to read redis://host:6379 or rediss://user:password@host:6379/0',
      { retryable: false },
    );
  }
  const { hostname, username, password, protocol } = parsed;
  const port = Number(parsed.port || '6379');
  return {
    server: `${hostname}:${port}`,
    options: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      db,
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: { servername: hostname } }),
    },
  };
}
