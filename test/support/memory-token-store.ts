import type { StoredToken, TokenStore } from '../../runtime/token-store.ts';

/** Tokens for tests; another process can be played by changing `rows` behind the authenticator's back. */
export class MemoryTokenStore implements TokenStore {
  readonly rows = new Map<string, StoredToken>();
  lookups = 0;

  async create(token: StoredToken): Promise<void> {
    this.rows.set(token.id, token);
  }

  async list(): Promise<StoredToken[]> {
    return [...this.rows.values()].reverse();
  }

  async findByHash(hash: string): Promise<StoredToken | undefined> {
    this.lookups++;
    return [...this.rows.values()].find((row) => row.hash === hash);
  }

  async revoke(id: string, atMs: number): Promise<boolean> {
    const row = this.rows.get(id);
    if (row === undefined || row.revokedAtMs !== null) return false;
    this.rows.set(id, { ...row, revokedAtMs: atMs });
    return true;
  }

  async touch(id: string, atMs: number): Promise<void> {
    const row = this.rows.get(id);
    if (row) this.rows.set(id, { ...row, lastUsedAtMs: atMs });
  }
}
