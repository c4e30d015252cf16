import type { z } from 'zod';
import type { EdgeReport } from '../../runtime/edge/edge-report.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { FileRule } from '../../topology/file-rules.ts';
import type { AccessAudit } from '../auth/access-audit.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import type { DriverLog } from '../driver.ts';
import type { PlantInfo } from '../websocket/push-contract.ts';
import { type ErrorCode, HttpError } from './errors.ts';
import type { SystemHealth } from './system-health.ts';

/** What routes may use. */
export interface Api {
  readonly runtime: Runtime;
  readonly tokens: Authenticator;
  /** Who came in, and who was turned away. */
  readonly access: AccessAudit;
  readonly plant: PlantInfo;
  /** Rules that stand in the topology file. */
  readonly fileRules: readonly FileRule[];
  readonly health: SystemHealth;
  /** Edges of the plant, as far as this node has to do with them. */
  readonly edges: () => Iterable<EdgeReport>;
  readonly now: () => number;
  readonly startedAtMs: number;
  /** Who logged in, and what happened to tokens, is told here. */
  readonly log: DriverLog;
  /** The OpenAPI document. */
  readonly document: () => string;
  /** Set on the session cookie where the wall is served over TLS. */
  readonly secureCookie: boolean;
}

export interface Call<Params, Query, Body> {
  readonly api: Api;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Absent on public routes. */
  readonly identity: Identity | undefined;
  readonly address: string;
  readonly idempotencyKey: string | undefined;
  /** Headers that the answer is to have. */
  readonly answerHeaders: Record<string, string>;
}

/** One line of the route table: validated by its schemas, described by them, and answered by `handle`. */
export interface RouteDefinition<Params, Query, Body> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Under `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** `resource:verb`; `authenticated`: any token; `public`: none. */
  readonly permission: string;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** Left out: a body is not read. */
  readonly body?: z.ZodType<Body>;
  readonly response: z.ZodType;
  /** Takes an `Idempotency-Key`. */
  readonly isCommand?: boolean;
  /** Codes that it may answer beside those of all routes of its form. */
  readonly errors?: readonly ErrorCode[];
  /** Public, since what it takes is a token. */
  readonly isLogIn?: boolean;
  readonly handle: (call: Call<Params, Query, Body>) => unknown;
}

/** What comes from the wire. */
export interface RawCall extends Omit<Call<unknown, unknown, unknown>, 'params' | 'query' | 'body'> {
  readonly params: Record<string, string>;
  readonly query: Record<string, string | string[]>;
  readonly body: unknown;
}

export interface Route extends Omit<RouteDefinition<unknown, unknown, unknown>, 'handle'> {
  /** Validates and answers; rejects with `HttpError`. */
  readonly run: (raw: RawCall) => Promise<unknown>;
}

export function route<Params = Record<string, never>, Query = Record<string, never>, Body = undefined>(
  definition: RouteDefinition<Params, Query, Body>,
): Route {
  const { params, query, body, handle, ...rest } = definition;
  return {
    ...rest,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    run: async (raw) => {
      if (query === undefined && Object.keys(raw.query).length > 0) {
        throw new HttpError('INVALID_REQUEST', 'takes no parameters', { field: Object.keys(raw.query)[0] });
      }
      return handle({
        ...raw,
        params: parse(params, raw.params, 'INVALID_REQUEST'),
        query: parse(query, raw.query, 'INVALID_REQUEST'),
        body: parse(body, raw.body, 'INVALID_BODY'),
      });
    },
  };
}

function parse<T>(schema: z.ZodType<T> | undefined, raw: unknown, code: string): T {
  // Without a schema the type parameter is the empty default, and nobody reads it.
  if (schema === undefined) return undefined as T;
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = [...(issue?.path ?? []), ...unknown].join('.');
  throw new HttpError(code, issue?.message ?? 'invalid', { field: field === '' ? undefined : field });
}
