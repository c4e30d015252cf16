import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Authenticator } from '../gateways/auth/authenticator.ts';
import { ROLES } from '../gateways/auth/roles.ts';
import { JOURNAL_FILE, openTokens } from '../runtime/sql/open.ts';
import { openPostgresTokens } from '../runtime/sql/open-postgres.ts';
import type { TokenCause } from '../runtime/token-store.ts';
import { databaseOf } from './database.ts';
import { Failure, reportFailure } from './failure.ts';
import { type SettingsOptions, settingsOf } from './settings.ts';

type TokenOptions = Pick<SettingsOptions, 'data' | 'config'>;

const DAY_MS = 86_400_000;
const MAX_NAME = 80;

/** Works beside a running node: it shares the database, not the memory. */
async function withTokens(options: TokenOptions, work: (tokens: Authenticator) => Promise<void>): Promise<void> {
  const database = databaseOf(settingsOf(options));
  const { tokens, close } = await (database ? openPostgresTokens(database) : openTokens(dataDirOf(options)));
  try {
    await work(new Authenticator({ store: tokens, roles: () => ROLES }));
  } finally {
    await close();
  }
}

/** That of the node. It is never made here: tokens in a folder that no node runs on would let nobody in. */
function dataDirOf(options: TokenOptions): string {
  const dir = path.resolve(settingsOf(options).DATA_DIR);
  const advice = 'start Signalbox on it once, or name the folder of your plant with --data or --config';
  if (!existsSync(dir)) throw new Failure(`signalbox: there is no data folder ${dir}; ${advice}`);
  if (!existsSync(path.join(dir, JOURNAL_FILE)))
    throw new Failure(`signalbox: ${dir} is no data folder: there is no ${JOURNAL_FILE} in it; ${advice}`);
  return dir;
}

export function createToken(
  name: string,
  options: TokenOptions & { readonly role: string; readonly days?: string },
): Promise<void> {
  return reportFailure(() =>
    withTokens(options, async (tokens) => {
      // As over the API: the name stands in the audit, and in the ids of commands.
      if (name.trim() === '' || name.length > MAX_NAME)
        throw new Failure(`signalbox: a name has 1 to ${MAX_NAME} characters`);
      const days = options.days === undefined ? null : Number(options.days);
      if (days !== null && !(days > 0)) throw new Failure('signalbox: --days takes a number above 0');
      const expiresAtMs = days === null ? null : Date.now() + days * DAY_MS;
      const { token, stored } = await tokens.create({ name, role: options.role, expiresAtMs }, byWhoever());
      console.log(token);
      console.error(
        `Token ${stored.id} for ${name}, role ${options.role}${expiresAtMs === null ? '' : `, until ${new Date(expiresAtMs).toISOString()}`}. It is shown this once.`,
      );
      if (!(options.role in ROLES))
        console.error(`Note: ${options.role} is no shipped role; it works only if the topology file defines it.`);
    }),
  );
}

export function listTokens(options: TokenOptions): Promise<void> {
  return reportFailure(() =>
    withTokens(options, async (tokens) => {
      const rows = await tokens.list();
      if (rows.length === 0) console.log('No tokens yet: signalbox token create NAME --role operator');
      for (const row of rows) {
        const state =
          row.revokedAtMs !== null
            ? 'revoked'
            : row.expiresAtMs !== null && row.expiresAtMs < Date.now()
              ? 'expired'
              : 'valid';
        const used = row.lastUsedAtMs === null ? 'never used' : `last used ${new Date(row.lastUsedAtMs).toISOString()}`;
        console.log(`${row.id}  ${state.padEnd(8)} ${row.role.padEnd(12)} ${row.name}  (${used})`);
      }
    }),
  );
}

export function revokeToken(id: string, options: TokenOptions): Promise<void> {
  return reportFailure(() =>
    withTokens(options, async (tokens) => {
      if (!(await tokens.revoke(id, byWhoever()))) throw new Failure(`signalbox: there is no valid token ${id}`);
      console.log(`Token ${id} is revoked; its connections are closed within seconds.`);
    }),
  );
}

/** Who runs the command, as far as the operating system knows: a container may run under a number without a name. */
function byWhoever(): TokenCause {
  return { user: userName(), via: 'cli', address: null };
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
