import type { Who } from './actor-kind.ts';

/**
 * Where the hashes of access tokens live. A token itself is shown once, when it is made, and is stored nowhere; who reads
 * this table can let nobody in.
 *
 * Several processes may use one store: the product, and the command line beside it. What any of them does to a token is kept
 * as a change, in the same transaction, until the product has taken it into the audit.
 */
export interface TokenStore {
  create(token: StoredToken, by: TokenCause): Promise<void>;
  /** Newest first, revoked and expired ones included. */
  list(): Promise<StoredToken[]>;
  findByHash(hash: string): Promise<StoredToken | undefined>;
  /** True when the token was there and not revoked before. */
  revoke(id: string, atMs: number, by: TokenCause): Promise<boolean>;
  /** Notes that tokens were used; told at most once a minute per token. */
  touch(id: string, atMs: number): Promise<void>;
  /** Changes that the audit does not have yet, oldest first. */
  changes(limit: number): Promise<TokenChange[]>;
  /** The audit has them. */
  settleChanges(ids: readonly string[]): Promise<void>;
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

/** By whom, and from where, a token was made or revoked. */
export interface TokenCause extends Who {
  /** Of the client; null for what was done on the machine itself. */
  readonly address: string | null;
}

export interface TokenChange {
  /** Unique for ever, so that a change is taken into the audit once. */
  readonly id: string;
  readonly kind: 'created' | 'revoked';
  readonly timeMs: number;
  readonly by: TokenCause;
  readonly token: Pick<StoredToken, 'id' | 'name' | 'role' | 'expiresAtMs'>;
}
