import { type ErrorCode, HTTP_ERRORS } from './errors.ts';
import type { Route } from './route.ts';

/** Of whatever comes in, before anybody looks at what it asks for, and of whatever goes wrong afterwards. */
const OF_ALL: readonly ErrorCode[] = [
  'INVALID_REQUEST',
  'RATE_LIMITED',
  'INTERNAL',
  'UNAVAILABLE',
  'STOPPING',
  'TIMEOUT',
];
const OF_TOKENS: readonly ErrorCode[] = ['TOKEN_INVALID', 'TOKEN_EXPIRED', 'TOKEN_REVOKED', 'TOO_MANY_FAILURES'];
const OF_BODIES: readonly ErrorCode[] = ['BAD_JSON', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'INVALID_BODY'];
const OF_COMMANDS: readonly ErrorCode[] = [
  'NOT_FOUND',
  'INVALID_COMMAND',
  'COMMAND_ID_REUSED',
  'INVALID_STATE_TRANSITION',
  'OVERLOADED',
  'STALE_ROUTE',
  'STOPPED',
  'EXPIRED',
  'PENDING',
];

/** What a route may answer instead of success: status -> codes. An actor's own codes come with 422 beside them. */
export function errorsOf(route: Route): ReadonlyMap<number, readonly ErrorCode[]> {
  const isPublic = route.permission === 'public';
  const codes = new Set<ErrorCode>([
    ...OF_ALL,
    ...(isPublic ? [] : (['UNAUTHENTICATED'] as const)),
    ...(isPublic && !route.isLogIn ? [] : OF_TOKENS),
    // A browser's write has to come from a page of ours, and what has a permission may be lacking it.
    ...(isPublic ? [] : route.permission === 'authenticated' ? [] : (['FORBIDDEN'] as const)),
    ...(isPublic || route.method === 'GET' ? [] : (['BAD_ORIGIN'] as const)),
    ...(route.params === undefined ? [] : (['NOT_FOUND'] as const)),
    ...(route.body === undefined ? [] : OF_BODIES),
    ...(route.isCommand ? OF_COMMANDS : []),
    ...(route.errors ?? []),
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = HTTP_ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
