import type { StoredToken, TokenCause, TokenChange, TokenStore } from '../../runtime/token-store.ts';

/** Tokens for tests; another process can be played by changing `rows` behind the authenticator's back. */
export class MemoryTokenStore implements TokenStore {
  readonly rows = new Map<string, StoredToken>();
  unsettled: TokenChange[] = [];
  lookups = 0;

  async create(token: StoredToken, by: TokenCause): Promise<void> {
    this.rows.set(token.id, token);
    this.#change('created', token.createdAtMs, token, by);
  }

  async list(): Promise<StoredToken[]> {
    return [...this.rows.values()].reverse();
  }

  async findByHash(hash: string): Promise<StoredToken | undefined> {
    this.lookups++;
    return [...this.rows.values()].find((row) => row.hash === hash);
  }

  async revoke(id: string, atMs: number, by: TokenCause): Promise<boolean> {
    const row = this.rows.get(id);
    if (row === undefined || row.revokedAtMs !== null) return false;
    this.rows.set(id, { ...row, revokedAtMs: atMs });
    this.#change('revoked', atMs, row, by);
    return true;
  }

  async changes(limit: number): Promise<TokenChange[]> {
    return this.unsettled.slice(0, limit);
  }

  async settleChanges(ids: readonly string[]): Promise<void> {
    this.unsettled = this.unsettled.filter(({ id }) => !ids.includes(id));
  }

  #change(kind: TokenChange['kind'], timeMs: number, { id, name, role, expiresAtMs }: StoredToken, by: TokenCause) {
    this.unsettled.push({ id: `${kind} ${id}`, kind, timeMs, by, token: { id, name, role, expiresAtMs } });
  }

  async touch(id: string, atMs: number): Promise<void> {
    const row = this.rows.get(id);
    if (row) this.rows.set(id, { ...row, lastUsedAtMs: atMs });
  }
}
