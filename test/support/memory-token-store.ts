import type { StoredToken, TokenCause, TokenChange, TokenStore } from '../../runtime/token-store.ts';

/** Tokens for tests; another process can be played by changing `rows` behind the authenticator's back. */
export class MemoryTokenStore implements TokenStore {
  readonly rows = new Map<string, StoredToken>();
  unsettled: TokenChange[] = [];
  lookups = 0;

  async create(token: StoredToken, by: TokenCause): Promise<void> {
    if (this.#all().some(({ id, hash }) => id === token.id || hash === token.hash)) throw new Error('is there already');
    this.rows.set(token.id, token);
    this.#change('created', token.createdAtMs, token, by);
  }

  async list(): Promise<StoredToken[]> {
    return this.#all().sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  }

  async findByHash(hash: string): Promise<StoredToken | undefined> {
    this.lookups++;
    return this.#all().find((row) => row.hash === hash);
  }

  async revoke(id: string, atMs: number, by: TokenCause): Promise<boolean> {
    const row = this.rows.get(id);
    if (row === undefined || row.revokedAtMs !== null) return false;
    this.rows.set(id, { ...row, revokedAtMs: atMs });
    this.#change('revoked', atMs, row, by);
    return true;
  }

  async touch(id: string, atMs: number): Promise<void> {
    const row = this.rows.get(id);
    if (row && (row.lastUsedAtMs ?? 0) < atMs) this.rows.set(id, { ...row, lastUsedAtMs: atMs });
  }

  async changes(limit: number): Promise<TokenChange[]> {
    const ordered = this.unsettled.toSorted((a, b) => a.timeMs - b.timeMs || (a.kind < b.kind ? -1 : 1));
    return ordered.slice(0, limit);
  }

  async settleChanges(ids: readonly string[]): Promise<void> {
    this.unsettled = this.unsettled.filter(({ id }) => !ids.includes(id));
  }

  #all(): StoredToken[] {
    return [...this.rows.values()];
  }

  #change(kind: TokenChange['kind'], timeMs: number, { id, name, role, expiresAtMs }: StoredToken, by: TokenCause) {
    this.unsettled.push({ id: `${kind} ${id}`, kind, timeMs, by, token: { id, name, role, expiresAtMs } });
  }
}
