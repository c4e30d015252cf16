import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { StoredToken, TokenCause, TokenChange, TokenStore } from '../token-store.ts';
import type { JournalSchema } from './schema.ts';
import { viaOf } from './via.ts';

type Row = JournalSchema['token'];

/** Token hashes in SQL, beside the journal, so that a backup of one file has them too. */
export class SqlTokens implements TokenStore {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async create(token: StoredToken, by: TokenCause): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await trx.insertInto('token').values(rowOf(token)).execute();
      await insertChange(trx, 'created', token.createdAtMs, token, by);
    });
  }

  async list(): Promise<StoredToken[]> {
    const rows = await this.#db
      .selectFrom('token')
      .selectAll()
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .execute();
    return rows.map(tokenOf);
  }

  async findByHash(hash: string): Promise<StoredToken | undefined> {
    const row = await this.#db.selectFrom('token').selectAll().where('hash', '=', hash).executeTakeFirst();
    return row && tokenOf(row);
  }

  async revoke(id: string, atMs: number, by: TokenCause): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const revoked = await trx
        .updateTable('token')
        .set({ revoked_at_ms: atMs })
        .where('id', '=', id)
        .where('revoked_at_ms', 'is', null)
        .returningAll()
        .executeTakeFirst();
      if (revoked === undefined) return false;
      await insertChange(trx, 'revoked', atMs, tokenOf(revoked), by);
      return true;
    });
  }

  async touch(id: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('token')
      .set({ last_used_at_ms: atMs })
      .where('id', '=', id)
      .where((eb) => eb.or([eb('last_used_at_ms', 'is', null), eb('last_used_at_ms', '<', atMs)]))
      .execute();
  }

  async changes(limit: number): Promise<TokenChange[]> {
    const rows = await this.#db
      .selectFrom('token_change')
      .selectAll()
      .orderBy('time_ms')
      // Made and revoked within one millisecond: `created` sorts first.
      .orderBy('kind')
      .limit(limit)
      .execute();
    return rows.map(changeOf);
  }

  async settleChanges(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#db
      .deleteFrom('token_change')
      .where('id', 'in', [...ids])
      .execute();
  }
}

async function insertChange(
  trx: Transaction<JournalSchema>,
  kind: TokenChange['kind'],
  timeMs: number,
  { id: token, name, role, expiresAtMs }: StoredToken,
  { user, via, address }: TokenCause,
): Promise<void> {
  const id = randomUUID();
  await trx
    .insertInto('token_change')
    .values({
      id,
      kind,
      time_ms: timeMs,
      by_user: user,
      by_via: via,
      address,
      token,
      name,
      role,
      expires_at_ms: expiresAtMs,
    })
    .execute();
}

function changeOf(row: JournalSchema['token_change']): TokenChange {
  return {
    id: row.id,
    kind: row.kind === 'created' ? 'created' : 'revoked',
    timeMs: row.time_ms,
    by: { user: row.by_user, via: viaOf(row.by_via), address: row.address },
    token: { id: row.token, name: row.name, role: row.role, expiresAtMs: row.expires_at_ms },
  };
}

function rowOf(token: StoredToken): Row {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    hash: token.hash,
    created_at_ms: token.createdAtMs,
    created_by: token.createdBy,
    expires_at_ms: token.expiresAtMs,
    revoked_at_ms: token.revokedAtMs,
    last_used_at_ms: token.lastUsedAtMs,
  };
}

function tokenOf(row: Row): StoredToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    hash: row.hash,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
  };
}
