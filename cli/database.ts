import type { Logger } from 'pino';
import type { Settings } from '../runtime/settings.ts';
import type { StorageOptions } from '../runtime/sql/open.ts';
import { openPostgres } from '../runtime/sql/open-postgres.ts';
import { type PostgresAddress, postgresAddress } from '../runtime/sql/postgres-url.ts';
import { hasSeat } from './seat.ts';

/** The PostgreSQL that the settings name; without one, journal, tokens and dead letters are in the data folder. */
export function databaseOf({ DATABASE_URL: url }: Settings): PostgresAddress | undefined {
  return url === undefined ? undefined : postgresAddress(url, process.env);
}

export function storageOptionsOf(settings: Settings, log: Logger): StorageOptions {
  const database = databaseOf(settings);
  if (database === undefined) return {};
  const waiting = (reason: string) =>
    log.warn({ database: database.shown, reason }, 'the database does not answer; it is tried again');
  return { shared: hasSeat(settings), openStore: () => openPostgres(database, { waiting }) };
}
