import type { Identity } from '../auth/authenticator.ts';

const COOKIE = 'signalbox_session';

/** `strict`: the browser sends it with no request that another site began. */
export function sessionCookie(token: string, secure: boolean, { expiresAtMs }: Identity, nowMs: number): string {
  const lifeSeconds = expiresAtMs === null ? 30 * 86_400 : Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000));
  return `${COOKIE}=${token}; ${attributes(secure)}; Max-Age=${lifeSeconds}`;
}

export function clearedCookie(secure: boolean): string {
  return `${COOKIE}=; ${attributes(secure)}; Max-Age=0`;
}

function attributes(secure: boolean): string {
  return `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

export interface Credentials {
  readonly token: string;
  /** A browser sends a cookie by itself, so for a cookie it has to be asked who made the browser do it. */
  readonly via: 'bearer' | 'cookie';
}

export function credentialsOf(headers: Readonly<Record<string, string>>): Credentials | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return { token: bearer, via: 'bearer' };
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [name, value] = pair.split('=', 2);
    if (name?.trim() === COOKIE && value) return { token: value.trim(), via: 'cookie' };
  }
  return undefined;
}

/** Whether the page that a request comes from is our own, or one of those that may use us. */
export function isAllowedOrigin(
  origin: string,
  headers: Readonly<Record<string, string>>,
  allowed: ReadonlySet<string>,
): boolean {
  if (allowed.has(origin)) return true;
  try {
    return headers.host !== undefined && new URL(origin).host === headers.host.toLowerCase();
  } catch {
    return false;
  }
}
