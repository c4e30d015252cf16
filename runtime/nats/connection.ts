import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  DebugEvents,
  ErrorCode,
  Events,
  type NatsConnection,
  type NatsError,
  nkeyAuthenticator,
} from 'nats';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import './given-up.ts';

/** Where a server is and what lets us in: the same for every connection of a process. */
export interface NatsAccess {
  /** `nats://` or `tls://`, with user and password or a token where there is one; several servers separated by commas. */
  readonly url: string;
  /** A `.creds` file with a JWT and its key, or the seed of an nkey alone. */
  readonly credentialsFile?: string | undefined;
  readonly tlsCaFile?: string | undefined;
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
}

export interface NatsSettings extends NatsAccess {
  /** How the server lists this connection. */
  readonly name: string;
  /**
   * Answers to our requests come to subjects below it; `_INBOX` when left out. Of one's own it keeps them from others, who may
   * then be held to theirs by their permissions.
   */
  readonly inboxPrefix?: string | undefined;
  /** The start is given up after so long without an answer. */
  readonly startTimeoutMs: number;
  /** What is published on it does not come back on it. */
  readonly noEcho?: boolean;
}

/** What the client itself says of its connection. */
export interface NatsState {
  readonly state: 'connected' | 'reconnecting' | 'closed';
  readonly sinceMs: number;
  readonly lastError: string | undefined;
}

const CONNECT_TIMEOUT_MS = 5000;
/** A server that is gone without a word is noticed after three of them. */
const PING_INTERVAL_MS = 5000;
const MAX_PINGS_OUT = 2;
const CLOSE_WITHIN_MS = 500;
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5000;

/**
 * One connection to NATS, kept up for ever once it was there. Its state is what the client reports of its socket; whoever
 * depends on it is told of each change.
 */
export class NatsLink {
  readonly connection: NatsConnection;
  /** Servers without what is secret, to be shown. */
  readonly servers: string;
  readonly #listeners = new Set<(state: NatsState) => void>();
  readonly #pause: Pause;
  #state: NatsState = { state: 'connected', sinceMs: Date.now(), lastError: undefined };

  private constructor(connection: NatsConnection, servers: string, pause: Pause) {
    this.connection = connection;
    this.servers = servers;
    this.#pause = pause;
    void this.#watch();
    void connection.closed().then((error) => this.#become('closed', error ? messageOf(error) : undefined));
  }

  /**
   * Resolves when a server has answered. Fails with NATS_URL_INVALID, NATS_REFUSED (wrong user, password or certificate) or
   * NATS_UNREACHABLE, the latter after `startTimeoutMs` of trying.
   * @param waiting told before each pause, with what was wrong
   */
  static async open(settings: NatsSettings, waiting?: (reason: string) => void): Promise<NatsLink> {
    const access = accessOf(settings);
    const servers = access.servers.join(', ');
    const pause = new Pause();
    const options: ConnectionOptions = {
      ...access,
      name: settings.name,
      ...(settings.inboxPrefix !== undefined && { inboxPrefix: settings.inboxPrefix }),
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: MAX_PINGS_OUT,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => pause.ms,
      // An account server that is being restarted refuses everybody for a moment.
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      noEcho: settings.noEcho ?? false,
    };
    const giveUpAtMs = performance.now() + settings.startTimeoutMs;
    for (;;) {
      try {
        return new NatsLink(await connect(options), servers, pause);
      } catch (error) {
        if (isRefusal(error)) {
          throw new ErrorWithCode('NATS_REFUSED', `NATS at ${servers} refuses the connection: ${messageOf(error)}`, {
            cause: error,
            retryable: false,
          });
        }
        const reason = `NATS at ${servers} does not answer: ${messageOf(error)}`;
        if (performance.now() + pause.ms > giveUpAtMs)
          throw new ErrorWithCode('NATS_UNREACHABLE', reason, { cause: error });
        waiting?.(reason);
        await new Promise((resolve) => setTimeout(resolve, pause.ms));
        pause.grow();
      }
    }
  }

  get state(): NatsState {
    return this.#state;
  }

  get connected(): boolean {
    return this.#state.state === 'connected';
  }

  /** For people: why nothing goes through; undefined while it does. */
  get trouble(): string | undefined {
    const { state, sinceMs, lastError } = this.#state;
    if (state === 'connected') return undefined;
    const since = `${state === 'closed' ? 'closed' : 'no connection to NATS'} at ${this.servers}`;
    return `${since} since ${new Date(sinceMs).toISOString()}${lastError === undefined ? '' : `: ${lastError}`}`;
  }

  /** Called on every change. Returns the unsubscribe. */
  onChange(listener: (state: NatsState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    // The client writes once more while it closes, and where the server has just gone that is an error which nobody can
    // catch. A round trip shows that it is there, or lets the client notice that it is not.
    if (this.connected) {
      const flushed = this.connection.flush().catch(() => undefined);
      await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS).unref())]);
    }
    await this.connection.close();
  }

  async #watch(): Promise<void> {
    for await (const { type, data } of this.connection.status()) {
      if (type === Events.Disconnect) this.#become('reconnecting', undefined);
      else if (type === Events.Reconnect) {
        this.#pause.reset();
        this.#become('connected', this.#state.lastError);
      } else if (type === DebugEvents.Reconnecting) this.#pause.grow();
      else if (type === Events.Error) this.#state = { ...this.#state, lastError: String(data) };
    }
  }

  #become(state: NatsState['state'], lastError: string | undefined): void {
    if (this.#state.state === 'closed') return;
    this.#state = { state, sinceMs: Date.now(), lastError };
    for (const listener of this.#listeners) listener(this.#state);
  }
}

/** Time until the next attempt: doubles, up to a cap, with jitter so that many nodes do not come at once. */
class Pause {
  ms = MIN_PAUSE_MS;
  #attempts = 0;

  grow(): void {
    this.#attempts++;
    this.ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.#attempts) * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#attempts = 0;
    this.ms = MIN_PAUSE_MS;
  }
}

/** Host and port of each server, and how to log in, apart: only the former is ever shown. */
export function addressesOf(url: string): {
  readonly addresses: readonly string[];
  readonly auth: Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'tls'>;
} {
  const addresses: string[] = [];
  let auth: Pick<ConnectionOptions, 'user' | 'pass' | 'token' | 'tls'> = {};
  for (const part of url.split(',')) {
    const server = URL.canParse(part.trim()) ? new URL(part.trim()) : undefined;
    if (!server || !['nats:', 'tls:'].includes(server.protocol) || server.hostname === '') {
      throw new ErrorWithCode('NATS_URL_INVALID', 'NATS_URL has to read nats://host:4222 or tls://host:4222', {
        retryable: false,
      });
    }
    addresses.push(`${server.hostname}:${server.port || '4222'}`);
    const user = decodeURIComponent(server.username);
    const pass = decodeURIComponent(server.password);
    if (pass !== '') auth = { ...auth, user, pass };
    else if (user !== '') auth = { ...auth, token: user };
    if (server.protocol === 'tls:') auth = { ...auth, tls: {} };
  }
  return { addresses, auth };
}

/** What any client of a server is to be given. Fails with NATS_URL_INVALID or NATS_REFUSED, where a file cannot be read. */
export function accessOf({ url, credentialsFile, tlsCaFile, tlsCertFile, tlsKeyFile }: NatsAccess): Pick<
  ConnectionOptions,
  'user' | 'pass' | 'token' | 'tls' | 'authenticator'
> & {
  readonly servers: string[];
} {
  const { addresses, auth } = addressesOf(url);
  const tls = {
    ...(tlsCaFile !== undefined && { caFile: tlsCaFile }),
    ...(tlsCertFile !== undefined && { certFile: tlsCertFile }),
    ...(tlsKeyFile !== undefined && { keyFile: tlsKeyFile }),
  };
  return {
    ...auth,
    ...(credentialsFile !== undefined && { authenticator: authenticatorOf(credentialsFile) }),
    ...(Object.keys(tls).length > 0 && { tls }),
    servers: [...addresses],
  };
}

/** Alone in its file, or between the lines that nsc writes around it. */
const SEED = /^\s*(?:-{3,}BEGIN USER NKEY SEED-{3,}\s+)?(SU[A-Z2-7]{56})\s*(?:-{3,}END USER NKEY SEED-{3,}\s*)?$/;

function authenticatorOf(file: string): Authenticator {
  const credentials = credentialsOf(file);
  const [, seed] = SEED.exec(new TextDecoder().decode(credentials)) ?? [];
  return seed === undefined ? credsAuthenticator(credentials) : nkeyAuthenticator(new TextEncoder().encode(seed));
}

function credentialsOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ErrorWithCode('NATS_REFUSED', `NATS_CREDENTIALS_FILE cannot be read: ${messageOf(cause)}`, {
      cause,
      retryable: false,
    });
  }
}

const REFUSALS: ReadonlySet<string> = new Set([
  ErrorCode.AuthorizationViolation,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
  ErrorCode.AccountExpired,
  ErrorCode.Tls,
]);

function isRefusal(error: unknown): error is NatsError {
  return REFUSALS.has(codeOf(error) ?? '');
}
