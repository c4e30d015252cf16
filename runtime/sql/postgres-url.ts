import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ErrorWithCode, messageOf } from '../errors.ts';

/** Where a PostgreSQL is, and how to get there. */
export interface PostgresAddress {
  /** With the password, if there is one: never printed. */
  readonly connectionString: string;
  /** For people: without the password. */
  readonly shown: string;
  readonly tls: false | ConnectionOptions;
}

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl'];

/**
 * Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem`. What the URL does not say
 * comes from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE and PGSSLROOTCERT, as with every program of PostgreSQL.
 * The modes mean what they mean there, but for `allow` and `prefer`, which are refused: they protect against nothing.
 *
 * Fails with DATABASE_URL_INVALID. The message never has the URL in it.
 */
export function postgresAddress(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): PostgresAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('it reads postgres://user:password@host:port/database');
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    throw invalid(`it begins with postgres://, not with ${url.protocol}//`);
  const { searchParams } = url;
  const ofTls = (name: string) => searchParams.get(name) ?? environment[`PG${name.toUpperCase()}`];
  const tls = tlsOf(ofTls('sslmode') ?? 'disable', ofTls);
  for (const name of TLS_PARAMETERS) searchParams.delete(name);
  return { connectionString: url.toString(), shown: shownOf(url, environment), tls };
}

function tlsOf(mode: string, parameter: (name: string) => string | undefined): false | ConnectionOptions {
  const known = MODES.find((one) => one === mode);
  if (known === undefined) throw invalid(`sslmode is one of ${MODES.join(', ')}; not ${mode}`);
  if (known === 'disable') return false;
  const file = (name: string) => {
    const path = parameter(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw invalid(`${name} cannot be read: ${messageOf(error)}`);
    }
  };
  const ca = file('sslrootcert');
  const cert = file('sslcert');
  const key = file('sslkey');
  return {
    // As in PostgreSQL's own programs, a root certificate that is given is looked at.
    rejectUnauthorized: known !== 'require' || ca !== undefined,
    ...(known !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function shownOf(url: URL, environment: Readonly<Record<string, string | undefined>>): string {
  const host =
    url.searchParams.get('host') ?? (decodeURIComponent(url.hostname) || (environment.PGHOST ?? 'localhost'));
  const port = url.port || url.searchParams.get('port') || environment.PGPORT;
  const database = decodeURIComponent(url.pathname.slice(1)) || environment.PGDATABASE;
  return `${host}${port === undefined ? '' : `:${port}`}${database === undefined ? '' : `/${database}`}`;
}

function invalid(why: string): ErrorWithCode {
  return new ErrorWithCode('DATABASE_URL_INVALID', `The setting DATABASE_URL cannot be used: ${why}.`, {
    retryable: false,
  });
}
