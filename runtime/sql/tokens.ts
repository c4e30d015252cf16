import type { Kysely } from 'kysely';
import type { StoredToken, TokenStore } from '../token-store.ts';
import type { JournalSchema } from './schema.ts';

type Row = JournalSchema['token'];

/** Token hashes in SQL, beside the journal, so that a backup of one file has them too. */
export class SqlTokens implements TokenStore {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async create(token: StoredToken): Promise<void> {
    await this.#db.insertInto('token').values(rowOf(token)).execute();
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

  async revoke(id: string, atMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('token')
      .set({ revoked_at_ms: atMs })
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async touch(id: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('token')
      .set({ last_used_at_ms: atMs })
      .where('id', '=', id)
      .where((eb) => eb.or([eb('last_used_at_ms', 'is', null), eb('last_used_at_ms', '<', atMs)]))
      .execute();
  }
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
