const SECURITY = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

export const API_HEADERS: Readonly<Record<string, string>> = { ...SECURITY, 'cache-control': 'no-store' };

/** The wall loads nothing from elsewhere, runs no inline script and stands in no frame. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  ...SECURITY,
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  // Asked for again each time, answered with 304: a new version is seen at the next load.
  'cache-control': 'no-cache',
};

/** For pages of other origins that the settings name. Their requests carry a bearer token, never our cookie. */
export function corsHeaders(
  origin: string | undefined,
  allowed: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  if (allowed.size === 0) return {};
  if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
    'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key, X-Request-Id',
    'access-control-expose-headers': 'X-Request-Id, Retry-After',
    'access-control-max-age': '600',
    'cross-origin-resource-policy': 'cross-origin',
  };
}
