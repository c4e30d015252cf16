import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const FORM = /^sbx_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

export interface NewToken {
  /** Shown once, stored nowhere. */
  readonly token: string;
  readonly id: string;
  readonly hash: string;
}

/** Of the key that the first start makes: a store takes an id once, so that of several nodes which start at once one makes it. */
export const FIRST_ID = '0000000000000001';

/** `sbx_<id>_<secret>`: the id is public, the secret is 256 random bits. */
export function newToken(id = randomBytes(8).toString('hex')): NewToken {
  const token = `sbx_${id}_${randomBytes(32).toString('base64url')}`;
  return { token, id, hash: hashOf(token) };
}

/** The public part of a token, or undefined for what cannot be one. */
export function idOf(token: string): string | undefined {
  return FORM.exec(token)?.[1];
}

/** SHA-256, hex. A slow hash would add nothing: the secret cannot be guessed. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Takes the same time wherever the difference is. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
