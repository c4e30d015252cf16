/**
 * Where the hashes of access tokens live. A token itself is shown once, when it is made, and is stored nowhere; who reads
 * this table can let nobody in.
 */
export interface TokenStore {
  create(token: StoredToken): Promise<void>;
  /** Newest first, revoked and expired ones included. */
  list(): Promise<StoredToken[]>;
  findByHash(hash: string): Promise<StoredToken | undefined>;
  /** True when the token was there and not revoked before. */
  revoke(id: string, atMs: number): Promise<boolean>;
  /** Notes that tokens were used; told at most once a minute per token. */
  touch(id: string, atMs: number): Promise<void>;
}

export interface StoredToken {
  /** Public part of the token, for lists and logs. */
  readonly id: string;
  /** Who or what it is for: the `user` of the audit. */
  readonly name: string;
  readonly role: string;
  /** SHA-256 of the whole token, hex. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}
