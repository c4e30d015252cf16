import type { StoredToken, TokenCause, TokenChange, TokenStore } from '../../runtime/token-store.ts';
import { RateLimit } from './rate-limit.ts';
import { grants } from './roles.ts';
import { FIRST_ID, hashOf, idOf, type NewToken, newToken, sameHash } from './token.ts';

/** Who is asking, and what they may do. */
export interface Identity {
  readonly tokenId: string;
  readonly user: string;
  readonly role: string;
  readonly permissions: readonly string[];
  readonly expiresAtMs: number | null;
}

export type Authentication =
  | { readonly ok: true; readonly identity: Identity }
  | {
      readonly ok: false;
      readonly code: 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED' | 'TOO_MANY_FAILURES' | 'UNAVAILABLE';
      readonly message: string;
      readonly retryAfterMs?: number;
    };

/** A token that did not let anybody in. */
export interface RefusedLogIn {
  readonly code: Extract<Authentication, { ok: false }>['code'];
  readonly address: string;
  /** The token where there is, or was, one; what somebody merely claims is not here. */
  readonly token: Pick<StoredToken, 'id' | 'name'> | undefined;
}

export interface AuthenticatorOptions {
  readonly store: TokenStore;
  /** All roles, shipped and of the topology file (`rolesWith`). A function, so that an applied topology counts at once. */
  readonly roles: () => Readonly<Record<string, readonly string[]>>;
  readonly now?: () => number;
  /** Failed attempts per address, after which further ones are told to wait. Default 20. */
  readonly failuresPerMinute?: number;
}

/** How long a looked-up token is believed: a token revoked by another process is refused after this. */
const CACHE_MS = 2000;
/**
 * How long a token that was good goes on being good while it cannot be looked up: a wall can be loaded again, and says what is
 * wrong. Bounded, since a token that another process revoked just before is not known to be.
 */
const GRACE_MS = 10 * 60_000;
/** A store that does not answer is waited for so long by whoever is known anyway. */
const LOOK_UP_MS = 1000;
const CACHE_SIZE = 10_000;
const TOUCH_INTERVAL_MS = 60_000;

interface Known {
  readonly row: StoredToken;
  /** When the store said so. */
  readonly atMs: number;
  /** When the store was asked last, whether it answered or not. */
  askedAtMs: number;
}

/** Turns tokens into identities, makes them and revokes them. */
export class Authenticator {
  readonly #store: TokenStore;
  readonly #roles: () => Readonly<Record<string, readonly string[]>>;
  readonly #now: () => number;
  readonly #failures: RateLimit;
  readonly #cache = new Map<string, Known>();
  readonly #touchedAtMs = new Map<string, number>();
  readonly #revokedListeners = new Set<(tokenId: string) => void>();
  readonly #refusedListeners = new Set<(refused: RefusedLogIn) => void>();

  constructor(options: AuthenticatorOptions) {
    this.#store = options.store;
    this.#roles = options.roles;
    this.#now = options.now ?? Date.now;
    this.#failures = new RateLimit(options.failuresPerMinute ?? 20);
  }

  /** Looks a token up ahead of time, for whoever is about to come with it. Lets nobody in, counts no failure, never rejects. */
  async prepare(token: string): Promise<void> {
    const hash = hashOf(token);
    const row = await this.#store.findByHash(hash).catch(() => undefined);
    if (row !== undefined && row.id === idOf(token) && sameHash(row.hash, hash)) this.#remember(hash, row, this.#now());
  }

  /** As `authenticate`, without looking anything up: undefined for a token that was not asked for just now. */
  authenticateKnown(token: string, address: string): Authentication | undefined {
    const known = this.#cache.get(hashOf(token));
    return known !== undefined && this.#isBelieved(known, this.#now()) ? this.#judge(known.row, address) : undefined;
  }

  /** Never rejects. `address` is where failures are counted; they never keep a valid token out. */
  async authenticate(token: string, address: string): Promise<Authentication> {
    const nowMs = this.#now();
    const id = idOf(token);
    if (id === undefined) return this.#failed(address, 'TOKEN_INVALID', 'this is not a token of this system');
    const hash = hashOf(token);
    const known = this.#cache.get(hash);
    if (known !== undefined && this.#isBelieved(known, nowMs)) return this.#judge(known.row, address);
    const isInGrace = known !== undefined && nowMs - known.atMs <= GRACE_MS;
    try {
      // Looked up whatever else came from the address: a wall behind the same NAT must not pay for somebody's wrong tokens,
      // and one look by the hash costs less than the request itself.
      const looked = this.#store.findByHash(hash);
      const row = await (isInGrace ? within(looked, LOOK_UP_MS) : looked);
      if (row === undefined || row.id !== id || !sameHash(row.hash, hash)) {
        this.#cache.delete(hash);
        return this.#failed(address, 'TOKEN_INVALID', 'no such token');
      }
      this.#remember(hash, row, nowMs);
      return this.#judge(row, address);
    } catch {
      // Looked at again, since it may have been revoked here while the store was asked.
      if (isInGrace && this.#cache.get(hash) === known) {
        known.askedAtMs = nowMs;
        return this.#judge(known.row, address);
      }
      return { ok: false, code: 'UNAVAILABLE', message: 'tokens cannot be looked up now', retryAfterMs: 1000 };
    }
  }

  /**
   * The tokens, of those given, that no longer let anybody in: revoked, expired or gone. For connections that live long.
   * Tokens that were revoked through this object are told at once by `onRevoked`.
   */
  async withdrawn(tokenIds: ReadonlySet<string>): Promise<Set<string>> {
    const withdrawn = new Set(tokenIds);
    for (const row of await this.#store.list()) {
      if (row.revokedAtMs === null && !this.#expired(row)) withdrawn.delete(row.id);
    }
    this.#forget(withdrawn);
    return withdrawn;
  }

  onRevoked(listener: (tokenId: string) => void): () => void {
    this.#revokedListeners.add(listener);
    return () => this.#revokedListeners.delete(listener);
  }

  /** Told of every token that did not let anybody in, as often as somebody tries. */
  onRefused(listener: (refused: RefusedLogIn) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  /** The secret is in the answer and nowhere else. */
  async create(
    order: { readonly name: string; readonly role: string; readonly expiresAtMs: number | null },
    by: TokenCause,
  ): Promise<{ readonly token: string; readonly stored: StoredToken }> {
    return this.#create(newToken(), order, by);
  }

  /** The first of all, made once however many nodes start at the same time; undefined for those that come second. */
  async createFirst(
    order: { readonly name: string; readonly role: string; readonly expiresAtMs: number | null },
    by: TokenCause,
  ): Promise<string | undefined> {
    try {
      return (await this.#create(newToken(FIRST_ID), order, by)).token;
    } catch (error) {
      if ((await this.#store.list()).length === 0) throw error;
      return undefined;
    }
  }

  async #create(
    { token, id, hash }: NewToken,
    order: { readonly name: string; readonly role: string; readonly expiresAtMs: number | null },
    by: TokenCause,
  ): Promise<{ readonly token: string; readonly stored: StoredToken }> {
    const createdAtMs = this.#now();
    const stored = { id, hash, ...order, createdBy: by.user, createdAtMs, revokedAtMs: null, lastUsedAtMs: null };
    await this.#store.create(stored, by);
    return { token, stored };
  }

  list(): Promise<StoredToken[]> {
    return this.#store.list();
  }

  /** False when there is no such token, or it was revoked before. */
  async revoke(id: string, by: TokenCause): Promise<boolean> {
    const revoked = await this.#store.revoke(id, this.#now(), by);
    this.#forget(new Set([id]));
    for (const listener of this.#revokedListeners) listener(id);
    return revoked;
  }

  /** What was done to tokens, here or by another process, that the audit does not have yet; oldest first. */
  changes(limit: number): Promise<TokenChange[]> {
    return this.#store.changes(limit);
  }

  settleChanges(ids: readonly string[]): Promise<void> {
    return this.#store.settleChanges(ids);
  }

  /** What a role may do; undefined for a role that does not exist. */
  permissionsOf(role: string): readonly string[] | undefined {
    const roles = this.#roles();
    return Object.hasOwn(roles, role) ? roles[role] : undefined;
  }

  roleNames(): string[] {
    return Object.keys(this.#roles());
  }

  #judge(row: StoredToken, address: string): Authentication {
    if (row.revokedAtMs !== null) return this.#failed(address, 'TOKEN_REVOKED', 'this token was revoked', row);
    if (this.#expired(row)) return this.#failed(address, 'TOKEN_EXPIRED', 'this token has expired', row);
    this.#touch(row.id);
    return {
      ok: true,
      identity: {
        tokenId: row.id,
        user: row.name,
        role: row.role,
        permissions: this.permissionsOf(row.role) ?? [],
        expiresAtMs: row.expiresAtMs,
      },
    };
  }

  #expired(row: StoredToken): boolean {
    return row.expiresAtMs !== null && row.expiresAtMs <= this.#now();
  }

  #failed(
    address: string,
    code: 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED',
    message: string,
    token?: StoredToken,
  ): Authentication {
    const waitMs = this.#failures.take(address, this.#now());
    if (waitMs > 0) return this.#limited(waitMs, address, token);
    this.#refused({ code, address, token });
    return { ok: false, code, message };
  }

  #limited(waitMs: number, address: string, token?: StoredToken): Authentication {
    const code = 'TOO_MANY_FAILURES';
    this.#refused({ code, address, token });
    return { ok: false, code, message: 'too many failed attempts from this address', retryAfterMs: waitMs };
  }

  #refused(refused: RefusedLogIn): void {
    for (const listener of this.#refusedListeners) listener(refused);
  }

  #remember(hash: string, row: StoredToken, nowMs: number): void {
    if (this.#cache.size >= CACHE_SIZE) this.#cache.clear();
    this.#cache.set(hash, { row, atMs: nowMs, askedAtMs: nowMs });
  }

  #isBelieved({ atMs, askedAtMs }: Known, nowMs: number): boolean {
    return nowMs - askedAtMs <= CACHE_MS && nowMs - atMs <= GRACE_MS;
  }

  #forget(ids: ReadonlySet<string>): void {
    for (const [hash, { row }] of this.#cache) if (ids.has(row.id)) this.#cache.delete(hash);
  }

  #touch(id: string): void {
    const nowMs = this.#now();
    if (nowMs - (this.#touchedAtMs.get(id) ?? 0) < TOUCH_INTERVAL_MS) return;
    if (this.#touchedAtMs.size >= CACHE_SIZE) this.#touchedAtMs.clear();
    this.#touchedAtMs.set(id, nowMs);
    // "Last used" is a courtesy; that it could not be written must not keep anybody out.
    this.#store.touch(id, nowMs).catch(() => {});
  }
}

/** Rejects when nothing came in time. */
async function within<Value>(work: Promise<Value>, ms: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function may(identity: Identity, permission: string): boolean {
  return grants(identity.permissions, permission);
}
