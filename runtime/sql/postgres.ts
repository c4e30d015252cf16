import { setTimeout as delay } from 'node:timers/promises';
import {
  Kysely,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
  sql,
} from 'kysely';
import pg from 'pg';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { PostgresAddress } from './postgres-url.ts';
import type { JournalSchema } from './schema.ts';
import { isPostgresFull, storeFull } from './store-full.ts';

export interface PostgresOptions {
  /** What the server shows of this connection. */
  readonly name?: string;
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  /** Bound of a statement, kept by the server. */
  readonly statementTimeoutMs?: number;
  /** Bound of the answer to it, kept here: a server or a network that hangs keeps no promise. */
  readonly answerTimeoutMs?: number;
}

const DEFAULTS = {
  name: 'signalbox',
  maxConnections: 8,
  connectTimeoutMs: 3000,
  statementTimeoutMs: 10_000,
  answerTimeoutMs: 12_000,
} as const satisfies PostgresOptions;

const OLDEST_SERVER = 15;
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 4000;
const INT8 = 20;

/**
 * Kysely on a pool of connections. A connection that did not answer in time is closed and never used again: its answer would
 * be taken for that of the next statement. Connections that broke are replaced as they are needed; who asks when is for the
 * callers, who know what can wait.
 */
export function kyselyOnPostgres<Schema>(address: PostgresAddress, options: PostgresOptions = {}): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new BoundedPool(address, options) }) });
}

/**
 * Waits until the database answers, for a server may be started together with us, and looks whether it is one to work with.
 *
 * Fails with DATABASE_UNREACHABLE or DATABASE_UNUSABLE.
 * @param options.waiting told of each attempt that failed, with the pause before the next
 */
export async function awaitPostgres(
  db: Kysely<JournalSchema>,
  address: PostgresAddress,
  options: { readonly withinMs: number; readonly waiting?: (reason: string) => void },
): Promise<void> {
  const endMs = performance.now() + options.withinMs;
  for (let attempt = 0; ; attempt++) {
    try {
      await checkServer(db, address);
      return;
    } catch (error) {
      if (error instanceof ErrorWithCode && !error.retryable) throw error;
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
      if (performance.now() + pauseMs > endMs) {
        throw new ErrorWithCode(
          'DATABASE_UNREACHABLE',
          `the database ${address.shown} does not answer: ${messageOf(error)}`,
          { cause: error },
        );
      }
      options.waiting?.(messageOf(error));
      await delay(pauseMs);
    }
  }
}

async function checkServer(db: Kysely<JournalSchema>, address: PostgresAddress): Promise<void> {
  const unusable = (why: string) =>
    new ErrorWithCode('DATABASE_UNUSABLE', `the database ${address.shown} cannot be used: ${why}`, {
      retryable: false,
    });
  const { rows } = await sql<{ version: string; encoding: string; standby: boolean }>`
    select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as standby`.execute(db);
  const found = rows[0];
  if (!found) throw unusable('it says nothing of itself');
  if (Number.parseInt(found.version, 10) < OLDEST_SERVER)
    throw unusable(`it is PostgreSQL ${found.version}, and ${OLDEST_SERVER} or newer is needed`);
  if (found.encoding !== 'UTF8') throw unusable(`its encoding is ${found.encoding}; create it with encoding UTF8`);
  if (found.standby) throw unusable('it is a standby, which cannot be written to');
}

class BoundedPool implements PostgresPool {
  readonly #pool: pg.Pool;
  readonly #answerTimeoutMs: number;

  constructor(address: PostgresAddress, options: PostgresOptions) {
    const { name, maxConnections, connectTimeoutMs, statementTimeoutMs, answerTimeoutMs } = { ...DEFAULTS, ...options };
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#pool = new pg.Pool({
      connectionString: address.connectionString,
      ssl: address.tls,
      application_name: name,
      max: maxConnections,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: statementTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: { getTypeParser },
    });
    // A connection that breaks while it is idle is replaced when it is needed; one that breaks at work fails that work.
    const ignore = () => {};
    this.#pool.on('error', ignore);
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      return new BoundedClient(await this.#pool.connect(), this.#answerTimeoutMs);
    } catch (error) {
      throw storeError(error);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

class BoundedClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #answerTimeoutMs: number;
  #overdue: ErrorWithCode | undefined;

  constructor(client: pg.PoolClient, answerTimeoutMs: number) {
    this.#client = client;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  query<Row>(
    text: string | PostgresCursor<Row>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof text !== 'string') throw new TypeError('nothing is read by cursors');
    return this.#query(text, parameters);
  }

  async #query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    if (this.#overdue) throw this.#overdue;
    const timer = setTimeout(() => this.#giveUp(), this.#answerTimeoutMs);
    try {
      const { command, rowCount, rows } = await this.#client.query(text, [...parameters]);
      return { command: commandOf(command), rowCount: rowCount ?? 0, rows };
    } catch (error) {
      throw this.#overdue ?? storeError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  release(): void {
    this.#client.release(this.#overdue);
  }

  #giveUp(): void {
    this.#overdue = new ErrorWithCode(
      'STORE_TIMEOUT',
      `the database gave no answer within ${this.#answerTimeoutMs} ms`,
    );
    this.#client.connection.stream.destroy(this.#overdue);
  }
}

/** Only of those that change rows Kysely looks at how many. */
function commandOf(command: string): PostgresQueryResult<unknown>['command'] {
  return command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE'
    ? command
    : 'SELECT';
}

/** Only counts and positions come as int8, all far below 2^53. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format);

/**
 * What went wrong, under a code of ours. Trying again helps, sooner or later, unless the database refuses what was sent for
 * what it is: classes 22 (data) and 23 (constraints) of SQLSTATE.
 */
function storeError(error: unknown): ErrorWithCode {
  if (error instanceof ErrorWithCode) return error;
  const code = codeOf(error) ?? '';
  const isState = /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
  if (!isState) return new ErrorWithCode('STORE_LOST', `the database is away: ${textOf(error)}`, { cause: error });
  if (isPostgresFull(code)) return storeFull(error);
  if (code === '57014')
    return new ErrorWithCode('STORE_TIMEOUT', `the database gave up: ${messageOf(error)}`, { cause: error });
  // 08: connection; 57P: shut down, or starting up; 53300: no connection is free.
  const away = code.startsWith('08') || code.startsWith('57P') || code === '53300';
  const retryable = !/^2[23]/.test(code);
  return new ErrorWithCode(away ? 'STORE_LOST' : 'STORE_FAILED', `the database says: ${messageOf(error)}`, {
    cause: error,
    retryable,
  });
}

/** Where a name has several addresses, node says what became of each, and nothing of the whole. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return messageOf(error);
}
