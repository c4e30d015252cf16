import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Identity } from '../auth/authenticator.ts';
import { may } from '../auth/authenticator.ts';
import { RateLimit } from '../auth/rate-limit.ts';
import type { DriverLog } from '../driver.ts';
import { parseJsonText, UnusableText } from '../json-text.ts';
import { CommandRefused } from './command.ts';
import { credentialsOf, isAllowedOrigin } from './credentials.ts';
import { HttpError, httpErrorOf } from './errors.ts';
import { type Exchange, MAX_BODY_BYTES } from './exchange.ts';
import { API_HEADERS, corsHeaders } from './headers.ts';
import { IDEMPOTENCY_KEY } from './parameters.ts';
import type { Api as ApiContext, Route } from './route.ts';
import { Router } from './router.ts';

export interface ApiServerOptions {
  readonly api: ApiContext;
  readonly routes: readonly Route[];
  readonly allowedOrigins: ReadonlySet<string>;
  readonly requestsPerMinute: number;
  readonly anonymousPerMinute: number;
  readonly log: DriverLog;
  /** Longest time that a request may take. Default 30 s. */
  readonly answerWithinMs?: number;
  /** Told each refusal by its code. */
  readonly refused: (code: string) => void;
}

const GZIP_FROM_BYTES = 4096;
/** Above the time-out of commands, which say more about how they ended. */
const ANSWER_WITHIN_MS = 30_000;
/** Bytes that are no UTF-8 must not become other characters in a record. */
const utf8 = new TextDecoder('utf-8', { fatal: true });
const compress = promisify(gzip);

/** Answers `/api/v1`: route, who is asking, how often, from where, may they, is it well-formed; and only then the work. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #router: Router;
  readonly #byToken: RateLimit;
  readonly #byAddress: RateLimit;
  readonly #answerWithinMs: number;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#answerWithinMs = options.answerWithinMs ?? ANSWER_WITHIN_MS;
    this.#router = new Router(options.routes);
    this.#byToken = new RateLimit(options.requestsPerMinute);
    this.#byAddress = new RateLimit(options.anonymousPerMinute);
  }

  /** The pattern of the route that a request is for, for the metrics. */
  patternOf(method: string, path: string): string {
    const match = this.#router.match(method, path);
    return match.kind === 'found' ? match.route.path : 'none';
  }

  /** Never rejects. */
  async handle(exchange: Exchange, path: string): Promise<void> {
    const cors = corsHeaders(exchange.headers.origin, this.#options.allowedOrigins);
    const answerHeaders: Record<string, string> = {};
    try {
      if (exchange.method === 'OPTIONS') {
        exchange.answer({ status: 204, headers: { ...API_HEADERS, ...cors } });
        return;
      }
      const value = await this.#inTime(this.#run(exchange, path, answerHeaders));
      await this.#answer(exchange, 200, value, { ...API_HEADERS, ...cors, ...answerHeaders });
    } catch (error) {
      this.refuse(exchange, error, { ...cors, ...answerHeaders });
    }
  }

  /** The one error shape. */
  refuse(exchange: Exchange, cause: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const { requestId } = exchange;
    const known = httpErrorOf(cause);
    if (known !== cause) this.#options.log.error({ err: cause, requestId, path: exchange.path }, 'a request failed');
    const error =
      known ?? new HttpError('INTERNAL', 'this went wrong on the server; the request id finds it in the log');
    this.#options.refused(error.code);
    if (error.code === 'FORBIDDEN' && exchange.identity !== undefined && !(error instanceof CommandRefused)) {
      const { identity, address, method, path } = exchange;
      const wanted = `${method} ${path}`;
      this.#options.api.access.refused({ identity, address, via: 'http', wanted, reason: error.message });
    }
    const { code, message, field, retryAfterMs } = error;
    exchange.answer({
      status: error.status,
      headers: {
        ...API_HEADERS,
        ...headers,
        'content-type': 'application/json',
        'x-request-id': requestId,
        ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
        ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
      },
      body: JSON.stringify({ error: { code, message, ...(field !== undefined && { field }), requestId } }),
      // What the client may still be sending is not waited for.
      closeConnection: code === 'TOO_LARGE' || code === 'TIMEOUT',
    });
  }

  /** A client is not left waiting for what hangs. What was begun goes on; a command tells its outcome to whoever repeats it. */
  async #inTime(work: Promise<unknown>): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const give = () => reject(new HttpError('TIMEOUT', `no answer within ${this.#answerWithinMs / 1000} s`));
      timer = setTimeout(give, this.#answerWithinMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(exchange: Exchange, path: string, answerHeaders: Record<string, string>): Promise<unknown> {
    const { api } = this.#options;
    const match = this.#router.match(exchange.method, path);
    if (match.kind === 'none') throw new HttpError('NOT_FOUND', 'there is no such address');
    if (match.kind === 'method') {
      answerHeaders.allow = match.allowed.join(', ');
      throw new HttpError('METHOD_NOT_ALLOWED', `takes ${match.allowed.join(', ')}`);
    }
    const { route, params } = match;
    const identity = await this.#admit(exchange, route);
    const body = route.body === undefined ? undefined : await bodyOf(exchange);
    return route.run({
      api,
      params,
      query: queryOf(exchange.query),
      body,
      identity,
      address: exchange.address,
      idempotencyKey: idempotencyKeyOf(exchange.headers['idempotency-key']),
      answerHeaders,
    });
  }

  async #admit(exchange: Exchange, route: Route): Promise<Identity | undefined> {
    const nowMs = this.#options.api.now();
    if (route.permission === 'public') {
      // A log-in brings a token, and wrong ones are counted where tokens are judged; who has a good one is not kept out.
      if (!route.isLogIn) limit(this.#byAddress.take(exchange.address, nowMs));
      return undefined;
    }
    const identity = await this.authenticate(exchange);
    limit(this.#byToken.take(identity.tokenId, nowMs));
    if (route.permission !== 'authenticated' && !may(identity, route.permission)) {
      throw new HttpError('FORBIDDEN', `this needs the permission ${route.permission}`);
    }
    return identity;
  }

  /** Who is asking where that is known without a wait; whoever is not answered here is asked about by `authenticate`. */
  identityAtHand(exchange: Exchange): Identity | undefined {
    const credentials = credentialsOf(exchange.headers);
    if (credentials === undefined) return undefined;
    const answer = this.#options.api.tokens.authenticateKnown(credentials.token, exchange.address);
    if (answer?.ok !== true) return undefined;
    exchange.identity = answer.identity;
    return answer.identity;
  }

  /** Who is asking; refuses, and counts what is refused by address. */
  async authenticate(exchange: Exchange): Promise<Identity> {
    const { api, allowedOrigins } = this.#options;
    const credentials = credentialsOf(exchange.headers);
    if (credentials === undefined) {
      limit(this.#byAddress.take(exchange.address, api.now()));
      throw new HttpError('UNAUTHENTICATED', 'a token is needed: Authorization: Bearer sbx_…');
    }
    const { origin } = exchange.headers;
    const writes = exchange.method !== 'GET' && exchange.method !== 'HEAD';
    if (
      credentials.via === 'cookie' &&
      writes &&
      (origin === undefined || !isAllowedOrigin(origin, exchange.headers, allowedOrigins))
    ) {
      throw new HttpError('BAD_ORIGIN', 'a write with a cookie has to come from a page of this server');
    }
    const answer = await api.tokens.authenticate(credentials.token, exchange.address);
    if (answer.ok) {
      exchange.identity = answer.identity;
      return answer.identity;
    }
    limit(this.#byAddress.take(exchange.address, api.now()));
    throw new HttpError(answer.code, answer.message, {
      ...(answer.retryAfterMs !== undefined && { retryAfterMs: answer.retryAfterMs }),
    });
  }

  async #answer(
    exchange: Exchange,
    status: number,
    value: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const body = Buffer.from(JSON.stringify(value ?? null));
    const zipped = body.length >= GZIP_FROM_BYTES && acceptsGzip(exchange.headers) ? await compress(body) : undefined;
    exchange.answer({
      status,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'x-request-id': exchange.requestId,
        ...(zipped && { 'content-encoding': 'gzip' }),
      },
      body: zipped ?? body,
    });
  }
}

export function acceptsGzip(headers: Readonly<Record<string, string>>): boolean {
  return /(^|,)\s*(gzip|\*)\s*(;\s*q=(1|0?\.\d*[1-9]\d*)[.0]*)?\s*(,|$)/i.test(headers['accept-encoding'] ?? '');
}

function limit(waitMs: number): void {
  if (waitMs > 0) throw new HttpError('RATE_LIMITED', 'too many requests', { retryAfterMs: waitMs });
}

async function bodyOf(exchange: Exchange): Promise<unknown> {
  const body = await exchange.body;
  if (body.kind === 'aborted') throw new HttpError('BAD_JSON', 'the request was cut off');
  if (body.kind === 'too large') throw new HttpError('TOO_LARGE', `a body has at most ${MAX_BODY_BYTES} bytes`);
  if (body.bytes.length === 0) return {};
  const type = exchange.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const coding = exchange.headers['content-encoding'] ?? 'identity';
  if (type !== 'application/json' || coding !== 'identity') {
    throw new HttpError('UNSUPPORTED_MEDIA_TYPE', 'a body is application/json, as it is and not compressed');
  }
  try {
    return parseJsonText(utf8.decode(body.bytes));
  } catch (error) {
    const what = error instanceof UnusableText ? error.message : 'not JSON in UTF-8';
    throw new HttpError('BAD_JSON', `the body is ${what}`);
  }
}

function queryOf(text: string): Record<string, string | string[]> {
  // Without a prototype: `__proto__` is a name like any other, and as unknown.
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name];
    // Given twice, a parameter becomes a list, which no schema takes: an error that names it.
    query[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return query;
}

function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (IDEMPOTENCY_KEY.test(header)) return header;
  throw new HttpError('INVALID_REQUEST', '1 to 120 visible ASCII characters', { field: 'Idempotency-Key' });
}
