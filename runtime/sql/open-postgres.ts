import { sql } from 'kysely';
import { TIMING } from '../cluster/timing.ts';
import type { ClusterRows } from '../cluster-rows.ts';
import { ErrorWithCode } from '../errors.ts';
import type { TokenStore } from '../token-store.ts';
import { SqlDeadLetters } from './dead-letters.ts';
import { POSTGRES } from './dialect.ts';
import { FunctionAppender } from './function-appender.ts';
import { SqlKeptCommands } from './kept-commands.ts';
import { SqlClusterRows } from './leases.ts';
import { migrate } from './migrations.ts';
import type { JournalStore } from './open.ts';
import { awaitPostgres, kyselyOnPostgres, type PostgresOptions } from './postgres.ts';
import type { PostgresAddress } from './postgres-url.ts';
import { SqlReplicas } from './replicas.ts';
import type { JournalSchema } from './schema.ts';
import { SqlJournal } from './sql-journal.ts';
import { SqlTokens } from './tokens.ts';
import { SqlUplinkMemory } from './uplink-memory.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  /** How long a start waits for the database. Default 30 s. */
  readonly withinMs?: number;
  /** Told of each attempt to reach it that failed. */
  readonly waiting?: (reason: string) => void;
  /** The same for all nodes of a cell. */
  readonly leaseTtlMs?: number;
}

const START_WITHIN_MS = 30_000;
/** A table of millions of rows may have to be rewritten, or another node may be at it. */
const MIGRATION_TIMEOUT_MS = 3_600_000;

/**
 * Journal, tokens and dead letters in a PostgreSQL, brought to the newest form; of several nodes that start at once one does
 * that, and the others wait for it.
 *
 * Fails with DATABASE_UNREACHABLE, DATABASE_UNUSABLE or MIGRATION_FAILED.
 */
export async function openPostgres(
  address: PostgresAddress,
  options: PostgresStoreOptions = {},
): Promise<JournalStore> {
  const { withinMs = START_WITHIN_MS, waiting, leaseTtlMs = TIMING.leaseTtlMs, ...connection } = options;
  await prepare(address, withinMs, waiting);
  const db = kyselyOnPostgres<JournalSchema>(address, connection);
  const beats = kyselyOnPostgres<JournalSchema>(address, leaseConnection(leaseTtlMs));
  const journal = new SqlJournal(db, POSTGRES, new FunctionAppender(db));
  return {
    journal,
    deadLetters: new SqlDeadLetters(db, POSTGRES),
    tokens: new SqlTokens(db),
    claims: journal,
    cluster: new SqlClusterRows(beats, POSTGRES, { leaseTtlMs }),
    replicas: new SqlReplicas(db, POSTGRES),
    keptCommands: new SqlKeptCommands(db),
    uplinkMemory: new SqlUplinkMemory(db),
    close: async () => {
      await Promise.all([db.destroy(), beats.destroy()]);
    },
  };
}

/**
 * The tokens alone, beside a process that may be running. Nothing is made: tokens in a database that no plant uses would let
 * nobody in. Fails with DATABASE_UNREACHABLE or DATABASE_UNUSABLE.
 */
export async function openPostgresTokens(
  address: PostgresAddress,
): Promise<{ readonly tokens: TokenStore; close(): Promise<void> }> {
  const db = kyselyOnPostgres<JournalSchema>(address, { name: 'signalbox token', maxConnections: 1 });
  try {
    await awaitPostgres(db, address, { withinMs: 0 });
    const { rows } = await sql<{ known: boolean }>`select to_regclass('token') is not null as known`.execute(db);
    if (rows[0]?.known !== true) {
      const advice = 'start Signalbox on it once';
      throw new ErrorWithCode('DATABASE_UNUSABLE', `no plant has used the database ${address.shown} yet; ${advice}`, {
        retryable: false,
      });
    }
    return { tokens: new SqlTokens(db), close: () => db.destroy() };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** The rows of a cell alone, for tools and tests. */
export function openClusterRows(
  address: PostgresAddress,
  leaseTtlMs: number,
): { readonly rows: ClusterRows; close(): Promise<void> } {
  const db = kyselyOnPostgres<JournalSchema>(address, leaseConnection(leaseTtlMs));
  return { rows: new SqlClusterRows(db, POSTGRES, { leaseTtlMs }), close: () => db.destroy() };
}

/** Connections of their own, so that no renewal waits behind a batch, and soon given up, since others may be tried in time. */
function leaseConnection(leaseTtlMs: number): PostgresOptions {
  const answerTimeoutMs = Math.max(100, Math.floor(leaseTtlMs / 3));
  return {
    name: 'signalbox leases',
    maxConnections: 4,
    connectTimeoutMs: answerTimeoutMs,
    statementTimeoutMs: answerTimeoutMs,
    answerTimeoutMs,
  };
}

async function prepare(
  address: PostgresAddress,
  withinMs: number,
  waiting: ((reason: string) => void) | undefined,
): Promise<void> {
  const db = kyselyOnPostgres<JournalSchema>(address, {
    name: 'signalbox migration',
    maxConnections: 1,
    statementTimeoutMs: MIGRATION_TIMEOUT_MS,
    answerTimeoutMs: MIGRATION_TIMEOUT_MS,
  });
  try {
    await awaitPostgres(db, address, { withinMs, ...(waiting && { waiting }) });
    await migrate(db, POSTGRES);
  } finally {
    await db.destroy();
  }
}
