import { codeOf, messageOf } from '../../runtime/errors.ts';

/**
 * Every error of the HTTP side: its status, and a stable code. What an actor rejects with a code of its own becomes 422.
 */
export const HTTP_ERRORS = {
  BAD_JSON: 400,
  INVALID_REQUEST: 400,
  UNAUTHENTICATED: 401,
  TOKEN_INVALID: 401,
  TOKEN_EXPIRED: 401,
  TOKEN_REVOKED: 401,
  FORBIDDEN: 403,
  BAD_ORIGIN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UPGRADE_REQUIRED: 426,
  INVALID_BODY: 422,
  INVALID_COMMAND: 422,
  COMMAND_ID_REUSED: 422,
  INVALID_QUERY: 422,
  QUERY_TOO_LARGE: 422,
  INVALID_STATE_TRANSITION: 422,
  RATE_LIMITED: 429,
  TOO_MANY_FAILURES: 429,
  TOO_MANY_CONNECTIONS: 429,
  INTERNAL: 500,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
  STALE_ROUTE: 503,
  STOPPED: 503,
  STOPPING: 503,
  EXPIRED: 503,
  TIMEOUT: 504,
  PENDING: 504,
} as const;

export type ErrorCode = keyof typeof HTTP_ERRORS;

/** Where it makes sense to try again, and when. */
const RETRY_AFTER_MS: Readonly<Record<string, number>> = {
  TOO_MANY_CONNECTIONS: 5000,
  OVERLOADED: 1000,
  UNAVAILABLE: 2000,
  STALE_ROUTE: 1000,
  STOPPED: 5000,
  STOPPING: 1000,
};

/** An answer other than success. Thrown by routes, turned into the one error shape at the edge. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, more: { field?: string | undefined; retryAfterMs?: number } = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = statusOf(code);
    this.field = more.field;
    this.retryAfterMs = more.retryAfterMs ?? RETRY_AFTER_MS[code];
  }
}

/** What a store failed with, where the client can do something about it: ask for less, or come again. */
export function httpErrorOf(cause: unknown): HttpError | undefined {
  if (cause instanceof HttpError) return cause;
  const code = codeOf(cause);
  if (code === 'INVALID_QUERY' || code === 'QUERY_TOO_LARGE') return new HttpError(code, messageOf(cause));
  if (code === 'STORE_LOST' || code === 'STORE_CLOSED' || code === 'STORE_TIMEOUT')
    return new HttpError('UNAVAILABLE', 'the storage does not answer');
  if (code === 'LIVE_VIEWS_MISSING') return new HttpError('UNAVAILABLE', messageOf(cause));
  return undefined;
}

/** Codes that are not ours are an actor's rejection. */
function statusOf(code: string): number {
  return Object.entries(HTTP_ERRORS).find(([known]) => known === code)?.[1] ?? 422;
}
